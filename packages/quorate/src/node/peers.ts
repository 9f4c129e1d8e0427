import type { CallOptions, Network, RaftRpc } from '../contract/network.ts';
import type { SnapshotStore } from '../contract/snapshot-store.ts';
import type { Action } from '../core/action.ts';
import type { Event } from '../core/event.ts';
import type { EffectiveMembership, Identity, NodeId, NodeInfo } from '../core/types.ts';
import { StoppedError, UnreachableError } from '../errors.ts';
import type { Runtime } from '../platform/runtime.ts';
import { mark } from '../platform/sites.ts';
import type { Log } from './log.ts';
import type { RaftConfig } from './options.ts';
import { Questions } from './questions.ts';
import { Replicator } from './replicator.ts';
import type { SendPace } from './send-pace.ts';
import type { Transfers } from './transfers.ts';

export interface PeersOptions {
  readonly network: Network;
  readonly log: Log;
  readonly snapshots: SnapshotStore;
  readonly transfers: Transfers;
  readonly pace: SendPace;
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly identity: () => Identity;
  readonly currentTerm: () => number;
  /** See `IdentityGuard`. */
  readonly beforeVote: (id: NodeId) => Promise<boolean> | undefined;
  readonly post: (event: Event) => void;
  readonly onSnapshotNotSent?: (to: NodeId, error: unknown) => void;
  readonly onFailure: (cause: unknown) => void;
}

/** One replicator for each other member, connected anew when its address changes. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #self: NodeId;
  readonly #replicators = new Map<NodeId, Replicator>();
  readonly #closing = new Set<Promise<void>>();
  readonly #questions: Questions;

  constructor(self: NodeId, options: PeersOptions) {
    this.#self = self;
    this.#options = options;
    this.#questions = new Questions(options.runtime);
  }

  /** Takes note of who is a member now, and where. */
  follow(membership: EffectiveMembership): void {
    for (const [id, replicator] of this.#replicators) {
      const info = membership.nodes[id];
      if (info !== undefined && JSON.stringify(info) === replicator.address) continue;
      if (info !== undefined) mark('peers.connectedAnew');
      this.#replicators.delete(id);
      this.#retire(replicator);
    }
    for (const [id, info] of Object.entries(membership.nodes)) {
      if (id === this.#self || this.#replicators.has(id)) continue;
      const connection = this.#connect(id, info);
      const to =
        info.incarnation === undefined ? { node: id } : { node: id, incarnation: info.incarnation };
      const address = JSON.stringify(info);
      this.#replicators.set(id, new Replicator({ ...this.#options, connection, to, address }));
    }
  }

  /** A network that cannot make anything of the info is as good as one that reaches nobody. */
  #connect(id: NodeId, info: NodeInfo): RaftRpc & AsyncDisposable {
    try {
      return this.#options.network.connect(id, info);
    } catch (cause) {
      return unreachable(new UnreachableError(`There is no way to node ${id}.`, { cause }));
    }
  }

  replicate(action: Extract<Action, { type: 'replicate' }>): void {
    const replicator = this.#replicators.get(action.to);
    if (replicator === undefined) this.#options.post({ type: 'unanswered', call: action.call });
    else replicator.replicate(action.call, action.range);
  }

  /** Nobody is asked for a vote who has not said yet what it remembers of this node. */
  requestVote(action: Extract<Action, { type: 'requestVote' }>): void {
    const settling = this.#options.beforeVote(action.to);
    if (settling === undefined) {
      this.#requestVote(action);
      return;
    }
    void settling.then((mayCount) => {
      if (mayCount) this.#requestVote(action);
      else this.#options.post({ type: 'unanswered', call: action.call });
    });
  }

  #requestVote(action: Extract<Action, { type: 'requestVote' }>): void {
    const replicator = this.#replicators.get(action.to);
    if (replicator === undefined) this.#options.post({ type: 'unanswered', call: action.call });
    else replicator.requestVote(action.call, action.rpc);
  }

  sendSnapshot({ call, to, term }: Extract<Action, { type: 'sendSnapshot' }>): void {
    const replicator = this.#replicators.get(to);
    if (replicator === undefined) this.#options.post({ type: 'unanswered', call });
    else replicator.sendSnapshot(call, term);
  }

  timeoutNow({ call, to, term }: Extract<Action, { type: 'timeoutNow' }>): void {
    const replicator = this.#replicators.get(to);
    if (replicator === undefined) {
      this.#options.post({ type: 'unanswered', call, hadNoEffect: true });
    } else replicator.timeoutNow(call, term);
  }

  /**
   * Asks another member something that is not the core's. Rejects with what the call threw, or with
   * an `UnreachableError` after `timeoutMs`, or if there is no way to that node.
   */
  async ask<Answer>(
    to: NodeId,
    timeoutMs: number,
    put: (rpc: RaftRpc, options: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const replicator = this.#replicators.get(to);
    if (replicator === undefined) {
      throw new UnreachableError(`Node ${to} is no other member that this node knows of.`);
    }
    const { connection } = replicator;
    const question = { from: this.#options.identity(), to: replicator.to, timeoutMs };
    return this.#questions.ask(question, (options) => put(connection, options));
  }

  /** Calls that are not answered yet. */
  get openCalls(): number {
    let count = this.#questions.openCalls;
    for (const replicator of this.#replicators.values()) count += replicator.openCalls;
    return count;
  }

  /** This node leads no more: what it still sends of a snapshot is no longer for it to send. */
  stopSnapshots(): void {
    for (const replicator of this.#replicators.values()) replicator.stopSnapshot();
  }

  /** Ends every call and every connection. */
  async close(): Promise<void> {
    this.#questions.close(new StoppedError('The node was closed.', { maybeApplied: true }));
    for (const replicator of this.#replicators.values()) this.#retire(replicator);
    this.#replicators.clear();
    await Promise.all(this.#closing);
  }

  #retire(replicator: Replicator): void {
    const closed: Promise<void> = replicator
      .close()
      .catch(() => undefined) // A connection that does not close well is of no more use either way.
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function unreachable(reason: UnreachableError): RaftRpc & AsyncDisposable {
  const refuse = (): Promise<never> => Promise.reject(reason);
  return {
    requestVote: refuse,
    appendEntries: refuse,
    installSnapshot: refuse,
    timeoutNow: refuse,
    readIndex: refuse,
    forward: refuse,
    identify: refuse,
    join: refuse,
    leave: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
