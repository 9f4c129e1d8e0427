import type { CallOptions, Network, RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { UnreachableError } from '../../src/errors.ts';
import { type Choices, happens } from './choices.ts';
import { brokenStream, crossingStream } from './chunk-stream.ts';
import type { Happening, SimMessage } from './hooks.ts';
import type { Links } from './links.ts';
import { answerText, requestText } from './message-text.ts';
import type { SimNode } from './node.ts';
import { type Delivery, SimPeer } from './peer.ts';
import type { SimProcess } from './process.ts';
import type { TraceRecorder } from './trace.ts';
import { reencoded } from './wire-entries.ts';
import { WireNetwork, type WireNetworkOptions } from './wire-network.ts';

export interface SimNetworkOptions {
  readonly links: Links;
  readonly choices: Choices;
  readonly trace: TraceRecorder;
  readonly ordered: boolean;
  /** Entries travel as bytes. */
  readonly encoded: boolean;
  /** A node that is down refuses calls, and is not just silent. */
  readonly refuses: boolean;
  readonly node: (id: NodeId) => SimNode | undefined;
  readonly happen: (happening: Happening) => void;
  readonly countFault: (kind: string) => void;
  /** Calls go by `quorate/network/tcp` if this is given. */
  readonly wire?: Pick<WireNetworkOptions, 'queue' | 'fail'> | undefined;
}

type Ask<Result> = (rpc: RaftRpc, options: CallOptions, how: Delivery) => Promise<Result>;

/** One call under way. */
interface Call<Result> {
  readonly message: SimMessage;
  readonly caller: SimProcess;
  readonly options: CallOptions | undefined;
  readonly ask: Ask<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

const never = new Promise<never>(() => {});

/** The network between the simulated nodes: what `Links` do to messages happens to calls here. */
export class SimNetwork {
  /** Requests that came to a node, and answers that came back. */
  deliveredCount = 0;
  readonly #options: SimNetworkOptions;
  readonly #wire: WireNetwork | undefined;
  #lastMessage = 0;

  constructor(options: SimNetworkOptions) {
    this.#options = options;
    const { wire } = options;
    if (wire === undefined) return;
    this.#wire = new WireNetwork({
      ...options,
      ...wire,
      sent: (node, call) => this.#sent(node, call),
      delivered: (node, message) => this.#delivered(node, message, { copy: false }),
    });
  }

  /** The network as one process of a node has it. */
  of(node: SimNode, process: SimProcess): Network {
    if (this.#wire !== undefined) return this.#wire.of(node, process);
    return {
      ordered: this.#options.ordered,
      connect: (to) =>
        new SimPeer(to, (target, { kind, request, options, ask }) => {
          if (process.isDead) return never;
          return this.#call(node, process, { kind, to: target, request, options, ask });
        }),
    };
  }

  /** The node answers calls from now on. */
  async serve(node: SimNode, process: SimProcess, rpc: RaftRpc): Promise<void> {
    await this.#wire?.serve(node, process, rpc);
  }

  /** The application of the process closes what it has of the network. */
  async close(process: SimProcess): Promise<void> {
    await this.#wire?.close(process);
  }

  #call<Result>(
    node: SimNode,
    caller: SimProcess,
    made: {
      readonly kind: keyof RaftRpc;
      readonly to: NodeId;
      readonly request: unknown;
      readonly options: CallOptions | undefined;
      readonly ask: Ask<Result>;
    },
  ): Promise<Result> {
    const { kind, to, request, options, ask } = made;
    if (node.crashesAt('send', kind, 'before')) return never;
    const { links } = this.#options;
    const message = this.#sent(node, { kind, to, request });
    return new Promise<Result>((resolve, reject) => {
      const call = { message, caller, options, ask, resolve, reject };
      this.#send(call, { copy: false });
      if (mayRepeat(message)) {
        this.#maybeAgain(call);
        links.of(node.id, to).remember(message, () => this.#send(call, { copy: true }));
      }
      node.crashesAt('send', kind, 'after');
    });
  }

  #sent(
    node: SimNode,
    call: { readonly kind: keyof RaftRpc; readonly to: NodeId; readonly request: unknown },
  ): SimMessage {
    const { kind, to, request } = call;
    const { trace, happen } = this.#options;
    this.#lastMessage += 1;
    const message: SimMessage = {
      number: this.#lastMessage,
      kind,
      from: node.id,
      to,
      fromLife: node.life,
      request,
      sentAt: node.world.now,
    };
    trace.fact(kind, message.number, node.id.charCodeAt(0) * 256 + to.charCodeAt(0));
    trace.note('send', () => ({
      type: 'send',
      message: message.number,
      kind,
      from: node.id,
      to,
      text: requestText(kind, request),
    }));
    happen({ type: 'sent', message, node });
    return message;
  }

  #maybeAgain<Result>(call: Call<Result>): void {
    const { choices, links } = this.#options;
    if (!happens(choices, 'net.duplicate', links.faults.duplicatePerMille)) return;
    this.#options.countFault('net.duplicate');
    this.#send(call, { copy: true });
  }

  #send<Result>(call: Call<Result>, how: { readonly copy: boolean }): void {
    const { message } = call;
    this.#options.links.cross(message.from, message.to, {
      kind: message.kind,
      arrive: () => this.#arrive(call, how),
      lose: () => this.#lost('lose', message),
      // Nobody waits for what a copy comes to.
      ...(how.copy ? {} : { fail: () => this.#broken(call) }),
    });
  }

  /** The caller hears that the connection broke; whether the call arrived, it does not. */
  #broken<Result>({ message, caller, reject }: Call<Result>): void {
    const text = `The connection to ${message.to} broke.`;
    caller.enter(() => reject(new UnreachableError(text, { maybeApplied: true })));
  }

  #arrive<Result>(call: Call<Result>, { copy }: { readonly copy: boolean }): void {
    const { message } = call;
    const node = this.#options.node(message.to);
    const process = node?.process;
    if (node === undefined || process === undefined || !node.isUp) {
      this.#unreachable(call);
      return;
    }
    process.enter(() => {
      const { raft } = node;
      if (raft === undefined || process.isDead) return;
      this.#delivered(node, message, { copy });
      const answered = attempt(() =>
        call.ask(raft.rpc, optionsThere(call.options), this.#delivery(call, process, { copy })),
      );
      answered.then(
        (response) => this.#answer(call, process, { copy, response }),
        (error: unknown) => this.#answer(call, process, { copy, error }),
      );
    });
  }

  #delivered(node: SimNode, message: SimMessage, { copy }: { readonly copy: boolean }): void {
    const { trace, happen } = this.#options;
    this.deliveredCount += 1;
    trace.note('deliver', () => ({
      type: 'deliver',
      message: message.number,
      text: copy ? 'once more' : '',
    }));
    happen({ type: 'delivered', message, node, copy });
    if (message.kind === 'identify') meet(node, message);
  }

  #answer<Result>(
    call: Call<Result>,
    process: SimProcess,
    answer: { readonly copy: boolean } & (
      | { readonly response: Result }
      | { readonly error: unknown }
    ),
  ): void {
    const { message, caller } = call;
    const node = this.#options.node(message.to);
    if (process.isDead || node === undefined) return;
    if (node.crashesAt('answer', message.kind, 'before')) return;
    this.#options.happen({ type: 'answered', message, node, ...answer });
    if (!answer.copy) {
      this.#options.links.cross(message.to, message.from, {
        kind: message.kind,
        arrive: () =>
          caller.enter(() => {
            this.deliveredCount += 1;
            this.#options.trace.note('answer', () => ({
              type: 'answer',
              message: message.number,
              text: answerText(answer),
            }));
            if ('response' in answer) call.resolve(answer.response);
            else call.reject(answer.error);
          }),
        lose: () => this.#lost('loseAnswer', message),
        fail: () => this.#broken(call),
        isAnswer: true,
      });
    }
    node.crashesAt('answer', message.kind, 'after');
  }

  /** Nobody is there: the machine says so, or nothing does. */
  #unreachable<Result>({ message, caller, reject }: Call<Result>): void {
    this.#lost('lose', message);
    if (!this.#options.refuses) return;
    this.#options.links.cross(message.to, message.from, {
      kind: message.kind,
      arrive: () =>
        caller.enter(() => reject(new UnreachableError(`Node ${message.to} is not there.`))),
      lose: () => {},
      isAnswer: true,
    });
  }

  #delivery<Result>(
    call: Call<Result>,
    receiver: SimProcess,
    { copy }: { readonly copy: boolean },
  ): Delivery {
    const { message, caller, options } = call;
    const { request, kind } = message;
    return {
      request: this.#options.encoded && kind === 'appendEntries' ? reencoded(request) : request,
      chunks: (source) => {
        // A stream is sent once; whoever sends the call again has nothing to send with it.
        if (copy) return brokenStream();
        const { links } = this.#options;
        return crossingStream(source, {
          sender: caller,
          receiver,
          signal: options?.signal,
          cross: (crossing) => links.cross(message.from, message.to, { kind, ...crossing }),
        });
      },
    };
  }

  #lost(type: 'lose' | 'loseAnswer', { number }: SimMessage): void {
    this.#options.trace.note(type, () => ({ type, message: number }));
  }
}

/** A member that asks has told of itself; who is no member here is not remembered. */
function meet({ state, met }: SimNode, { from, fromLife }: SimMessage): void {
  if (state === undefined || !Object.hasOwn(state.membership.nodes, from)) return;
  met.set(from, Math.max(fromLife, met.get(from) ?? 0));
}

/** What crosses the wire of the options of a call. */
function optionsThere(options: CallOptions | undefined): CallOptions {
  const { from, to } = options ?? {};
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

async function attempt<Result>(ask: () => Promise<Result>): Promise<Result> {
  return ask();
}

/**
 * A plain write takes effect as often as it comes to the leader; and of a write in a session that
 * is over, nobody could say whether an earlier copy took effect before. So no network may repeat
 * it.
 */
function mayRepeat({ kind }: SimMessage): boolean {
  return kind !== 'forward';
}
