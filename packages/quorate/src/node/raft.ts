import type { RaftRpc } from '../contract/network.ts';
import type { EffectiveMembership, LogId, LogIndex, NodeId, NodeInfo } from '../core/types.ts';
import type {
  AddLearnerOptions,
  ChangeVotersOptions,
  JoinOptions,
  ReadBarrierOptions,
  WaitOptions,
  WriteOptions,
} from './call-options.ts';
import {
  checkId,
  checkMember,
  checkReadMode,
  checkSeeds,
  checkVoters,
  infoOf,
} from './check-arguments.ts';
import { encodeCommand } from './codec.ts';
import type { CloseOptions } from './ending.ts';
import { Engine } from './engine.ts';
import { addingLearner, formMembership } from './forming.ts';
import { takeForwarded } from './forwarded.ts';
import { joinCluster, leaveCluster } from './join.ts';
import { awaitCatchUp, changeMembership } from './membership-calls.ts';
import type { RaftMetrics } from './metrics.ts';
import type { RaftOptions } from './options.ts';
import { RpcServer } from './rpc.ts';
import { closeSession, inSession, openSession, type Session } from './session.ts';
import { withSignal } from './signal.ts';
import { changeVoters } from './voter-changes.ts';
import type { WriteResult } from './writes.ts';

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
      members: engine.members,
      demandRunning: () => engine.demandRunning(),
      receiving: engine.receiving,
      errorOf: (refused) => engine.errorOf(refused),
      forward: (request) => takeForwarded(engine, request),
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

  /**
   * Starts a node and joins a cluster that runs, whose name and leader it finds out from `seeds`.
   * Resolves once this node is a member, a voter if asked for, and has applied all that came before
   * that. Tries on until `signal` ends it. A node whose storage says that it is a voter already
   * just starts, also when nobody else is up; a learner makes sure that it has its place, and needs
   * a leader for that. So does one whose `info` says otherwise than its storage, say by another
   * address: that is replicated before it resolves. If joining fails, the node is closed.
   *
   * @throws {InvalidMembershipError} if the cluster refuses it: its name belongs to another disk,
   * or its disk to another cluster.
   * @throws as `start` does.
   */
  static async join<Command, Response>(
    options: JoinOptions<Command, Response>,
  ): Promise<Raft<Command, Response>> {
    const { info, seeds, serve, voter = true, signal, ...rest } = options;
    checkMember(options.id, info);
    checkSeeds(seeds);
    signal?.throwIfAborted();
    const raft = await Raft.start(rest);
    try {
      await serve(raft.rpc);
      await joinCluster(raft.#engine, { info, seeds, voter, signal });
      return raft;
    } catch (error) {
      await raft.close({ handOver: false });
      throw error;
    }
  }

  get id(): NodeId {
    return this.#engine.id;
  }

  /**
   * Forms a new cluster with `nodes` as voters. Call it on one node, once in the life of the
   * cluster; on the others do nothing. The others need not run yet; those that do are asked which
   * disk they have.
   *
   * @throws {AlreadyInitializedError} if the node has a log or a vote.
   * @throws {InvalidMembershipError} if `nodes` is empty, this node is not among them, or one of
   * them belongs to another cluster.
   */
  async initialize(
    nodes: Readonly<Record<NodeId, NodeInfo>>,
    { signal }: WaitOptions = {},
  ): Promise<void> {
    const membership = await formMembership(this.#engine, nodes, signal);
    await this.#engine.ask((request) => ({ type: 'initialize', request, membership }), signal);
  }

  /**
   * Replicates a command. Resolves with the state machine's response once the command is committed
   * and applied on the leader. A node that does not lead passes it on (`forwardWrites`), and the
   * response comes back through the response codec; to see the effect in the state of this node,
   * wait for `readBarrier`. The command is encoded before the call returns, so what happens to the
   * object afterwards changes nothing; a `Uint8Array` is taken as it is and must not change.
   *
   * For a write that must take effect exactly once although it has to be repeated, or although the
   * command adds to what is there (an order, a payment, a counter), use a session: see
   * `openSession`. A plain write suits commands that may be applied twice, and readers of
   * `maybeApplied`.
   *
   * What was certainly not logged is tried again with the leader that is known then, within two of
   * the longest election timeouts; what may have been is never sent twice. `maybeApplied` of the
   * error says which of the two it was.
   *
   * @throws {NotLeaderError} with the leader to turn to, if one is known. It was not logged.
   * @throws {LeadershipLostError} if it was logged and its fate is not known.
   * @throws {UnreachableError} if the leader did not answer.
   * @throws {OverloadedError} if too much is waiting already, here or on the leader.
   * @throws {RefusedError} what `validate` threw on the leader, if that is another node; on the
   * leader itself `write` rejects with the very error. It was not logged.
   * @throws {TypeError} if the command does not survive the codec. It was not logged.
   * @throws {RangeError} if it is larger than `maxCommandBytes`. It was not logged.
   * @throws {SessionExpiredError} if `session` is over.
   */
  write(command: Command, options: WriteOptions = {}): Promise<WriteResult<Response>> {
    const { signal, session, term } = options;
    const written = new Promise<WriteResult<unknown>>((resolve, reject) => {
      signal?.throwIfAborted();
      const engine = this.#engine;
      const encoded = encodeCommand(engine.codec, command);
      const data = session === undefined ? encoded : inSession(encoded, session);
      engine.intake.write({ data, term, resolve, reject });
    });
    // The state machine's responses are of this type: it was given to `start` with them.
    return withSignal(written as Promise<WriteResult<Response>>, signal);
  }

  /**
   * Opens a session: its writes take effect exactly once, also when a leader is killed or an answer
   * is lost, since they are sent again until their fate is known. It costs one entry of the log,
   * and a place among `maxSessions`; close it when it is done. Repeats itself until it is open,
   * the signal aborts, or the node stops. See thesis section 6.3.
   */
  openSession({ signal }: WaitOptions = {}): Promise<Session<Command, Response>> {
    return openSession<Command, Response>(this.#engine.intake.sessions, signal);
  }

  /** Ends a session whose client numbers its writes itself; see `WriteOptions.session`. */
  closeSession(id: LogIndex, { signal }: WaitOptions = {}): Promise<void> {
    return closeSession(this.#engine.intake.sessions, id, signal);
  }

  /**
   * Makes a local read linearizable: once it resolves, the state machine reflects every write
   * that was acknowledged anywhere before the call. Works on every node; one that does not lead
   * asks the leader, all reads of a turn together. Resolves with the index that it waited for.
   *
   * Mode `quorum`, the default, asks a majority (the ReadIndex protocol, thesis section 6.4) and
   * depends on no clock. Mode `lease` makes no call on the leader as long as a majority has
   * answered it within the shortest election timeout (section 6.4.1): that is safe while clocks
   * keep to `maxClockDrift`; when the lease does not hold, it asks the majority.
   *
   * A node that finds no leader to answer gives up after the longest election timeout, or twice
   * that if one is asked and does not answer. All in all a read waits for `readTimeoutMs` at most.
   *
   * @throws {BehindError} if the state of this node does not get to where the read needs it in
   * that time, or is in quarantine and never would.
   * @throws {NotLeaderError} if no leader is known.
   * @throws {UnreachableError} if the leader does not answer.
   * @throws {OverloadedError} if too much is waiting already, here or on the leader.
   */
  async readBarrier({ signal, mode = 'quorum' }: ReadBarrierOptions = {}): Promise<LogIndex> {
    signal?.throwIfAborted();
    checkReadMode(mode);
    return withSignal(this.#engine.intake.read(mode), signal);
  }

  /**
   * Hands the leadership over to `to`, or to the voter whose log is furthest (thesis section 3.10).
   * Works on the leader. Resolves when this node leads no more; who leads then, `waitFor` tells.
   *
   * While it lasts, at most the longest election timeout, membership changes are refused and writes
   * wait; after it they go to whoever leads. From its beginning on, this leader has no lease in its
   * term, even if the transfer fails.
   *
   * A lost answer of `to` decides nothing: what counts is a newer term within that time.
   *
   * @throws {TransferError} if `to` is no other voter, has not answered lately, or does not take
   * over in time; this node leads on then. With `maybeApplied`, `to` was asked to take over and
   * may still do so.
   * @throws {NotLeaderError} with the leader to turn to, if one is known.
   */
  async transferLeadership(to?: NodeId, { signal }: WaitOptions = {}): Promise<void> {
    if (to !== undefined) checkId('The node to hand over to', to);
    const event = { type: 'transferLeadership', to } as const;
    await this.#engine.ask((request) => ({ ...event, request }), signal);
  }

  /**
   * Adds a node that receives the log and has no vote. Resolves once it has caught up (`wait`): it
   * has on its disk what the leader had in its log when the node became a member, and has applied,
   * or restored from a snapshot, what of that was committed then. How long that takes is bounded by
   * `signal` alone; what was begun goes on without it.
   *
   * @throws {ChangeInProgressError} if another change is under way.
   * @throws {LeadershipLostError} if this node leads no more; the node may have become a member.
   * @throws {InvalidMembershipError} if the node is a member already, or is removed meanwhile.
   */
  async addLearner(
    id: NodeId,
    info: NodeInfo,
    { signal, wait = true }: AddLearnerOptions = {},
  ): Promise<LogId> {
    checkMember(id, info);
    const engine = this.#engine;
    const change = await addingLearner(engine, id, info, signal);
    const logId = await changeMembership(engine, change, signal);
    if (wait) await awaitCatchUp(this.#engine, id, logId, signal);
    return logId;
  }

  /** Changes the information replicated about a node, for example its address. */
  async updateNode(id: NodeId, info: NodeInfo, { signal }: WaitOptions = {}): Promise<LogId> {
    checkMember(id, info);
    const change = { type: 'updateNode', id, info: infoOf(info) } as const;
    return changeMembership(this.#engine, change, signal);
  }

  /** Removes a learner. Its name must not be used again. */
  removeLearner(id: NodeId, { signal }: WaitOptions = {}): Promise<LogId> {
    return changeMembership(this.#engine, { type: 'removeLearner', id }, signal);
  }

  /**
   * Makes exactly `voters` the voters, always through joint consensus. Each must be a voter or a
   * learner already. Resolves once the new set alone is in force. Before the change begins, it
   * waits until each new voter lacks at most `catchUpEntries`, for `catchUpTimeoutMs` at most, and
   * until a majority of the voters answers.
   *
   * @throws {ChangeInProgressError} if another change is under way, or came after `basedOn`.
   * @throws {InvalidMembershipError} if `voters` is empty or names an unknown node; or if the new
   * voters do not catch up in time or could not commit anything, unless `force` is set.
   */
  async changeVoters(
    voters: readonly NodeId[],
    { signal, keepRemoved = false, force = false, basedOn }: ChangeVotersOptions = {},
  ): Promise<EffectiveMembership> {
    checkVoters(voters);
    const based = basedOn === undefined ? {} : { basedOn };
    return changeVoters(this.#engine, { voters, keepRemoved, force, ...based, signal });
  }

  /**
   * Has this node removed from the cluster, resolves once that is committed, and closes the node.
   * A leader hands over first. Works on every node, and tries on until `signal` ends it. The name
   * must not be used again.
   *
   * @throws {InvalidMembershipError} if the others could not go on without it; the node runs on.
   */
  async leave({ signal }: WaitOptions = {}): Promise<void> {
    this.#engine.demandRunning();
    await leaveCluster(this.#engine, signal);
    await this.close({ handOver: false });
  }

  /**
   * Builds a snapshot now, unless nothing was applied since the last one, and purges the log behind
   * it but for what is kept (`keepBytes`). Returns the last entry that the newest snapshot covers.
   * Works on every node, and concerns no other.
   *
   * @throws what the state machine or the snapshot store threw; the node goes on without it.
   */
  async takeSnapshot({ signal }: WaitOptions = {}): Promise<LogId> {
    signal?.throwIfAborted();
    const engine = this.#engine;
    engine.demandRunning();
    try {
      return await withSignal(engine.snapshotter.take(), signal);
    } catch (error) {
      // What stopped the node says more than that the snapshot was given up by it.
      if (signal?.aborted !== true) engine.demandRunning();
      throw error;
    }
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
   * Stops the node. A leader first hands the leadership over (`handOver`), if a voter answers that
   * can take it: that takes at most the longest election timeout, often a few milliseconds. Nothing
   * new is taken meanwhile, and writes that are not in the log reject with `StoppedError` at once;
   * what is in it may still be answered. Then waiting calls reject with `StoppedError`; the promise
   * resolves when what storage and state machine have under way has ended. Storage stays with its
   * owner.
   */
  close(options?: CloseOptions): Promise<void> {
    return this.#engine.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
