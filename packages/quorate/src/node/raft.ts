import type { RaftRpc } from '../contract/network.ts';
import type { Answer } from '../core/action.ts';
import type { MembershipChange } from '../core/event.ts';
import type {
  EffectiveMembership,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  NodeInfo,
} from '../core/types.ts';
import { checkMember, checkVoters } from './check-arguments.ts';
import { encodeCommand } from './codec.ts';
import { Engine } from './engine.ts';
import { awaitCatchUp, awaitCommit, awaitVoters } from './membership-calls.ts';
import type { RaftMetrics } from './metrics.ts';
import type { RaftOptions } from './options.ts';
import { RpcServer } from './rpc.ts';
import { withSignal } from './signal.ts';
import type { WriteResult } from './writes.ts';

/** What every waiting call takes. */
export interface WaitOptions {
  /** Stops waiting; the call rejects with `signal.reason`. What it has set in motion goes on. */
  readonly signal?: AbortSignal;
}

export interface AddLearnerOptions extends WaitOptions {
  /** Resolve only once the learner has what the leader had when it was added. Default `true`. */
  readonly wait?: boolean;
}

export interface ChangeVotersOptions extends WaitOptions {
  /** Keep removed voters as learners. Default `false`. */
  readonly keepRemoved?: boolean;
}

/**
 * One member of a Raft cluster.
 *
 * @example
 * await using raft = await Raft.start({ id: 'a', stateMachine, storage, network });
 * await raft.initialize({ a: {} });
 * await raft.waitFor((metrics) => metrics.role === 'leader');
 * const { response } = await raft.write({ set: 'x', to: 1 });
 */
export class Raft<Command, Response> implements AsyncDisposable {
  readonly #engine: Engine;

  /** Answers the other nodes. Hand it to the server side of the network. */
  readonly rpc: RaftRpc;

  private constructor(engine: Engine) {
    this.#engine = engine;
    this.rpc = new RpcServer({
      requests: engine.requests,
      post: (event) => engine.post(event),
      identity: () => engine.identity,
      leader: () => engine.state.leader,
      demandRunning: () => engine.demandRunning(),
    });
  }

  /**
   * Recovers the node from its storage and joins in.
   *
   * @throws {TypeError | RangeError} if an option is wrong, or the storage belongs to another node.
   * @throws {FatalError} if what is stored contradicts itself.
   */
  static async start<Command, Response>(
    options: RaftOptions<Command, Response>,
  ): Promise<Raft<Command, Response>> {
    return new Raft<Command, Response>(await Engine.start(options));
  }

  get id(): NodeId {
    return this.#engine.id;
  }

  /**
   * Forms a new cluster with `nodes` as voters. Call it on one node, once in the life of the
   * cluster; on the others do nothing.
   *
   * @throws {AlreadyInitializedError} if the node has a log or a vote.
   * @throws {InvalidMembershipError} if `nodes` is empty or this node is not among them.
   */
  async initialize(
    nodes: Readonly<Record<NodeId, NodeInfo>>,
    { signal }: WaitOptions = {},
  ): Promise<void> {
    for (const [id, info] of Object.entries(nodes)) checkMember(id, info);
    // A disk that was bound to a cluster before stays in it: a first try may have got that far.
    const cluster = this.#engine.identity.cluster ?? this.#engine.runtime.randomId();
    const membership: Membership = { cluster, voters: [Object.keys(nodes)], nodes: { ...nodes } };
    await this.#engine.ask((request) => ({ type: 'initialize', request, membership }), signal);
  }

  /**
   * Replicates a command. Resolves with the state machine's response once the command is
   * committed and applied here. The command is encoded before the call returns, so what happens to
   * the object afterwards changes nothing; a `Uint8Array` is taken as it is and must not change.
   *
   * @throws {NotLeaderError} with the leader to turn to. The command was not logged.
   * @throws {LeadershipLostError} if it was logged and its fate is not known here.
   * @throws {OverloadedError} if too much is waiting already.
   * @throws {TypeError} if the command does not survive the codec. It was not logged.
   * @throws {RangeError} if it is larger than `maxCommandBytes`. It was not logged.
   */
  write(command: Command, { signal }: WaitOptions = {}): Promise<WriteResult<Response>> {
    const written = new Promise<WriteResult<unknown>>((resolve, reject) => {
      signal?.throwIfAborted();
      const engine = this.#engine;
      const data = encodeCommand(engine.codec, command);
      const write = { data, resolve, reject };
      engine.intake.write(write, () => engine.stateMachine.validate?.(data.value ?? command));
    });
    // The state machine's responses are of this type: it was given to `start` with them.
    return withSignal(written as Promise<WriteResult<Response>>, signal);
  }

  /**
   * Makes a local read linearizable: once it resolves, the state machine reflects every write
   * that was acknowledged anywhere before the call. Asks a majority (the ReadIndex protocol, thesis
   * section 6.4) and depends on no clock. Works on the leader.
   *
   * @throws {NotLeaderError} with the leader to turn to.
   * @throws {OverloadedError} if too much is waiting already.
   */
  async readBarrier({ signal }: WaitOptions = {}): Promise<LogIndex> {
    signal?.throwIfAborted();
    return withSignal(this.#engine.intake.read(), signal);
  }

  /**
   * Adds a node that receives the log and has no vote. Resolves once it has caught up (`wait`).
   *
   * @throws {ChangeInProgressError} if another change is under way.
   * @throws {InvalidMembershipError} if the node is a member already, or is removed meanwhile.
   */
  async addLearner(
    id: NodeId,
    info: NodeInfo,
    { signal, wait = true }: AddLearnerOptions = {},
  ): Promise<LogId> {
    checkMember(id, info);
    const logId = await this.#change({ type: 'addLearner', id, info }, signal);
    if (wait) await awaitCatchUp(this.#engine, id, logId, signal);
    return logId;
  }

  /** Changes the information replicated about a node, for example its address. */
  async updateNode(id: NodeId, info: NodeInfo, { signal }: WaitOptions = {}): Promise<LogId> {
    checkMember(id, info);
    return this.#change({ type: 'updateNode', id, info }, signal);
  }

  /** Removes a learner. Its name must not be used again. */
  removeLearner(id: NodeId, { signal }: WaitOptions = {}): Promise<LogId> {
    return this.#change({ type: 'removeLearner', id }, signal);
  }

  /**
   * Makes exactly `voters` the voters, always through joint consensus. Each must be a voter or a
   * learner already. Resolves once the new set alone is in force.
   *
   * @throws {ChangeInProgressError} if another change is under way.
   * @throws {InvalidMembershipError} if `voters` is empty or names an unknown node.
   */
  async changeVoters(
    voters: readonly NodeId[],
    { signal, keepRemoved = false }: ChangeVotersOptions = {},
  ): Promise<EffectiveMembership> {
    checkVoters(voters);
    const change = { type: 'changeVoters', voters: [...voters], keepRemoved } as const;
    const logId = await this.#change(change, signal);
    return awaitVoters(this.#engine, logId, signal);
  }

  /** The newest picture of the node. */
  get metrics(): RaftMetrics {
    return this.#engine.metrics;
  }

  /** Yields the newest picture, then every change; a slow reader skips to the newest. */
  watch({ signal }: WaitOptions = {}): AsyncIterable<RaftMetrics> {
    return this.#engine.observers.watch(signal);
  }

  /**
   * Resolves with the first picture for which `test` is true.
   *
   * @throws {StoppedError | FatalError} if the node stops before that.
   */
  waitFor(
    test: (metrics: RaftMetrics) => boolean,
    { signal }: WaitOptions = {},
  ): Promise<RaftMetrics> {
    return this.#engine.observers.waitFor(test, signal);
  }

  /**
   * Stops the node. Waiting calls reject with `StoppedError` at once; the promise resolves when
   * what storage and state machine have under way has ended. Storage stays with its owner.
   */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #change(change: MembershipChange, signal: AbortSignal | undefined): Promise<LogId> {
    const answer: Answer = await this.#engine.ask(
      (request) => ({ type: 'changeMembership', request, change }),
      signal,
    );
    if (answer.type !== 'accepted') throw new Error(`Broken invariant: answered ${answer.type}.`);
    await awaitCommit(this.#engine, answer.first, signal);
    return answer.first;
  }
}
