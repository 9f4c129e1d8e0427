import type { CallOptions, Network, RaftRpc } from '../contract/network.ts';
import type { NodeId } from '../core/types.ts';
import { UnreachableError } from '../errors.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { Delays } from './memory/delays.ts';
import { type DelayRule, type DropRule, Faults, type MemoryMessage } from './memory/faults.ts';
import { type Append, type CrossChunk, type Exchange, MemoryPeer } from './memory/peer.ts';
import { Waits } from './memory/waits.ts';

export type { DelayRule, DropRule, MemoryMessage } from './memory/faults.ts';

export interface MemoryNetworkOptions {
  /** Draws which messages a drop rule loses: a number from 0 to 1. Default: the runtime's. */
  readonly random?: () => number;
  /** Where delays take their time from. Default: Node's. */
  readonly runtime?: Runtime;
}

/**
 * A network inside one process. Nodes reach each other once they are attached, and messages pass by
 * reference, so nobody may change what was sent.
 *
 * As long as nothing is wrong and nothing is on its way, an append is put to its node within the
 * call itself, and an answer that is there at once is what the call returns. All else arrives after
 * the caller's turn, and nothing overtakes what was called before.
 *
 * For tests it can be made to fail. Who sends a message is read from `options.from` of the call. A
 * lost message is like one on a real wire: nobody hears of it, and the call waits until its
 * `signal` is aborted; without one, for ever. What is lost stays lost, also after `heal`.
 */
export class MemoryNetwork implements Network {
  readonly ordered = true;
  readonly #nodes = new Map<NodeId, RaftRpc>();
  readonly #faults: Faults;
  readonly #delays: Delays;
  readonly #waits: Waits;
  /** Messages that are put to their node as soon as the microtask comes that is waiting for it. */
  #arriving = 0;

  constructor(options: MemoryNetworkOptions = {}) {
    const runtime = options.runtime ?? nodeRuntime;
    this.#faults = new Faults(options.random ?? (() => runtime.random()));
    this.#delays = new Delays(runtime);
    this.#waits = new Waits(runtime);
  }

  /** Makes a node reachable under its id. Replaces one that was attached before (a restart). */
  attach(id: NodeId, rpc: RaftRpc): void {
    this.#nodes.set(id, rpc);
  }

  /**
   * Takes a node off the network, as if its process had ended: calls to it are refused at once with
   * `UnreachableError`, and so are those it had not answered, once it does.
   */
  detach(id: NodeId): void {
    this.#nodes.delete(id);
  }

  connect(target: NodeId): RaftRpc & AsyncDisposable {
    return new MemoryPeer(target, { exchange: this.#exchange, append: this.#append });
  }

  /** Slows messages; those on one directed link still arrive in order. `0` ends it. */
  setDelay(rule: DelayRule): void {
    this.#faults.setDelay(rule);
  }

  /** Loses messages by chance or by choice. `0` ends it. */
  setDrop(rule: DropRule): void {
    this.#faults.setDrop(rule);
  }

  /**
   * Lets nodes reach only those of their own group. Nodes in no group, and callers who do not say
   * who they are, form one more. Replaces an earlier partition.
   */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    this.#faults.partition(groups);
  }

  /**
   * Loses what `from` sends to `to`, and nothing in the other direction: calls one way do not
   * arrive, and of calls the other way the answers do not.
   */
  cut(from: NodeId, to: NodeId): void {
    this.#faults.cut(from, to);
  }

  /** Loses all that a node sends and all that is sent to it. */
  isolate(id: NodeId): void {
    this.#faults.isolate(id);
  }

  /** Ends every partition, cut and isolation. Delay and drop rules stay. */
  heal(): void {
    this.#faults.heal();
  }

  readonly #append: Append = (to, request, options) => {
    const rpc = this.#nodes.get(to);
    if (rpc === undefined || this.#arriving > 0 || !this.#isQuiet || isAborted(options)) {
      return this.#exchange('appendEntries', to, options, (node) =>
        node.appendEntries(request, options),
      );
    }
    const answer = rpc.appendEntries(request, options);
    if ('accepted' in answer) return answer;
    const message = { from: to, to: options?.from?.node, call: 'appendEntries' } as const;
    return this.#whileWanted(this.#return(message, rpc, answer), options);
  };

  readonly #exchange: Exchange = (call, to, options, ask) => {
    if (isAborted(options)) return Promise.reject(options?.signal?.reason);
    return this.#whileWanted(this.#carry(call, to, options, ask), options);
  };

  #whileWanted<Result>(answer: Promise<Result>, options: CallOptions | undefined): Promise<Result> {
    if (options === undefined || !('signal' in options)) return answer;
    return this.#waits.until(answer, options);
  }

  async #carry<Result>(
    call: keyof RaftRpc,
    to: NodeId,
    options: CallOptions | undefined,
    ask: (rpc: RaftRpc, crossChunk: CrossChunk) => Promise<Result> | Result,
  ): Promise<Result> {
    const from = options?.from?.node;
    const onItsWay = this.#cross({ from, to, call, kind: 'request' });
    // Also where there is nothing to wait for, a call arrives after the caller's own turn.
    if (onItsWay === undefined) this.#arrivesNext();
    await onItsWay;
    const rpc = this.#nodes.get(to);
    if (rpc === undefined) {
      throw new UnreachableError(`Node ${to} is not attached to this network.`);
    }
    const answer = ask(rpc, () => this.#crossChunk({ from, to, call, kind: 'chunk' }, options));
    return this.#return({ from: to, to: from, call }, rpc, answer);
  }

  /** Carries an answer back, or a refusal. */
  async #return<Result>(
    message: Omit<MemoryMessage, 'kind' | 'from'> & { readonly from: NodeId },
    rpc: RaftRpc,
    answer: Promise<Result> | Result,
  ): Promise<Result> {
    try {
      return await answer;
    } finally {
      const onItsWay = this.#cross({ ...message, kind: 'answer' });
      if (onItsWay !== undefined) await onItsWay;
      this.#assertStillAttached(message.from, rpc, message.call);
    }
  }

  /** A stream whose caller gave up breaks for its reader too, and hangs on no lost chunk. */
  #crossChunk(message: MemoryMessage, options: CallOptions | undefined): Promise<void> | undefined {
    const signal = options?.signal;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const onItsWay = this.#cross(message);
    if (signal === undefined || onItsWay === undefined) return onItsWay;
    return this.#waits.until(onItsWay, { signal });
  }

  /** Waits until the message has arrived: for ever, if it is lost. */
  #cross(message: MemoryMessage): Promise<void> | undefined {
    if (this.#isQuiet) return undefined;
    const { from, to } = message;
    if (this.#faults.isCut(from, to) || this.#faults.isDropped(message)) return forever();
    const delayMs = this.#faults.delayMs(message);
    return this.#delays.pass(from, to, delayMs, () => {
      const isCut = this.#faults.isCut(from, to);
      if (!isCut) this.#arrivesNext();
      return !isCut;
    });
  }

  /** To be called right before what makes a message arrive in the next microtask. */
  #arrivesNext(): void {
    this.#arriving += 1;
    queueMicrotask(() => {
      this.#arriving -= 1;
    });
  }

  /** Nothing is wrong and nothing is on its way that a message could overtake. */
  get #isQuiet(): boolean {
    return this.#faults.isNone && this.#delays.isEmpty;
  }

  #assertStillAttached(id: NodeId, rpc: RaftRpc, call: keyof RaftRpc): void {
    if (this.#nodes.get(id) === rpc) return;
    throw new UnreachableError(`Node ${id} left this network before its answer arrived.`, {
      maybeApplied: call === 'forward' || call === 'timeoutNow',
    });
  }
}

/** A signal that is made when it is asked for is asked for only if there is a wait. */
function isAborted(options: CallOptions | undefined): boolean {
  return (
    options !== undefined && Object.hasOwn(options, 'signal') && options.signal?.aborted === true
  );
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
