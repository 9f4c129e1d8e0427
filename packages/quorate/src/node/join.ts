import type { CallOptions, MembersResponse, RaftRpc } from '../contract/network.ts';
import { isJoint, isMember, isVoter } from '../core/membership.ts';
import type { EffectiveMembership, NodeId, NodeInfo } from '../core/types.ts';
import { InvalidMembershipError, type NotLeaderError } from '../errors.ts';
import { admit, dismiss } from './admission.ts';
import { agrees } from './check-arguments.ts';
import type { Engine } from './engine.ts';
import { isRaftError } from './error-codes.ts';
import { readRefusal } from './far-refusal.ts';
import { handOver } from './hand-over.ts';
import type { Place } from './members.ts';
import { withSignal } from './signal.ts';
import { waitWithin } from './wait-within.ts';

export interface JoinWishes {
  readonly info: NodeInfo;
  readonly seeds: readonly NodeInfo[];
  readonly voter: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds the leader by way of the seeds, asks it for a place until this node has it and the others
 * know its info, and waits until this node has applied all that came before. Tries on for as long
 * as `signal` allows.
 *
 * @throws {InvalidMembershipError} if the cluster refuses this node, or its disk is of another one.
 */
export async function joinCluster(engine: Engine, wishes: JoinWishes): Promise<void> {
  const { signal, voter } = wishes;
  const { id } = engine;
  const isDone = (membership: EffectiveMembership): boolean =>
    hasPlace(membership, id, voter) && agrees(membership.nodes[id] ?? {}, wishes.info);
  // The others may need a voter to elect anybody. The place of a learner they can do without, and
  // it may be in an entry that was lost: then nobody ever calls this node.
  if (isDone(engine.state.membership) && isVoter(engine.state.membership, id)) return;
  const search = new LeaderSearch(
    engine,
    wishes.seeds.map((info) => ({ id: info.address ?? '', info, isStranger: true })),
  );
  const ask = (rpc: Leader, options: CallOptions): Promise<MembersResponse> => {
    const { incarnation } = engine.identity;
    return rpc.join({ id, info: wishes.info, incarnation, voter }, options);
  };
  for (;;) {
    const membership = await search.askLeader(ask, signal);
    if (membership !== undefined && isDone(membership)) {
      await engine.observers.waitFor(
        ({ applied }) => applied.index >= membership.logId.index,
        signal,
      );
      return;
    }
    await search.pause(signal, { isProgress: membership !== undefined });
  }
}

/**
 * Has this node removed from the cluster, and resolves once that is committed. If it leads, it
 * hands over first; if nobody can take over, it removes itself while it leads.
 *
 * @throws {InvalidMembershipError} if the others could not go on without it.
 */
export async function leaveCluster(engine: Engine, signal: AbortSignal | undefined): Promise<void> {
  const { id } = engine;
  const { nodes } = engine.state.membership;
  // Once this node is out, no leader calls it any more: the others say who leads now.
  const others = Object.entries(nodes).flatMap(([one, info]) =>
    one === id ? [] : [{ id: one, info }],
  );
  const search = new LeaderSearch(engine, others);
  while (isMember(engine.state.membership, id)) {
    signal?.throwIfAborted();
    await withSignal(Promise.resolve(handOver(engine)), signal);
    const membership = await search.askLeader((rpc, options) => rpc.leave({ id }, options), signal);
    if (membership !== undefined && !isMember(membership, id)) return;
    await search.pause(signal, { isProgress: membership !== undefined });
  }
}

function hasPlace(membership: EffectiveMembership, id: NodeId, voter: boolean): boolean {
  if (!isMember(membership, id)) return false;
  return !voter || (!isJoint(membership) && isVoter(membership, id));
}

/** What refuses a node for good; everything else may be otherwise later. */
const final: ReadonlySet<unknown> = new Set(['RAFT_INVALID_MEMBERSHIP', 'RAFT_UNSUPPORTED']);

type Leader = Pick<RaftRpc, 'join' | 'leave'>;

/** Asks whoever leads, as far as it can be found out. */
class LeaderSearch {
  readonly #engine: Engine;
  readonly #seeds: readonly Place[];
  /** This node's own answers, if it leads. */
  readonly #own: Leader;
  /** Whom the last one asked has named. */
  #hint: Place | undefined = undefined;
  #failures = 0;

  constructor(engine: Engine, seeds: readonly Place[]) {
    this.#engine = engine;
    this.#seeds = seeds;
    this.#own = {
      join: (request, options = {}) => admit(engine, request, options.signal),
      leave: (request, options = {}) => dismiss(engine, request, options.signal),
    };
  }

  /** Returns the membership that was answered, or `undefined` if there was none this time. */
  async askLeader(
    put: (rpc: Leader, options: CallOptions) => Promise<MembersResponse>,
    signal: AbortSignal | undefined,
  ): Promise<EffectiveMembership | undefined> {
    signal?.throwIfAborted();
    const leader = this.#hint ?? this.#known() ?? (await this.#findBySeeds(signal));
    this.#hint = undefined;
    if (leader === undefined) return undefined;
    const { electionTimeoutMs, callTimeoutMs } = this.#engine.config;
    try {
      // It answers once the change is committed, or once it knows that it leads no more.
      const timeoutMs = 2 * electionTimeoutMs.max + callTimeoutMs;
      const asked =
        leader.id === this.#engine.id
          ? put(this.#own, signal === undefined ? {} : { signal })
          : this.#engine.members.ask(leader, timeoutMs, put);
      return (await withSignal(asked, signal)).membership;
    } catch (reason) {
      this.#engine.demandRunning();
      this.#demandPassing(reason);
      this.#takeHint(reason, leader.id);
      return undefined;
    }
  }

  /** Waits a while, longer after each failure, but not when the leader becomes known. */
  async pause(
    signal: AbortSignal | undefined,
    { isProgress }: { isProgress: boolean },
  ): Promise<void> {
    const { heartbeatMs, callTimeoutMs } = this.#engine.config;
    this.#failures = isProgress ? 0 : Math.min(this.#failures + 1, 30);
    if (this.#hint !== undefined && this.#failures < 3) return;
    const ms = Math.min(callTimeoutMs, heartbeatMs * 2 ** this.#failures);
    await waitWithin(this.#engine, ms, signal, () => false);
  }

  #takeHint(reason: unknown, from: NodeId): void {
    if (readRefusal(reason, from).leader === undefined) return;
    const { leader } = reason as NotLeaderError;
    if (leader !== undefined && leader.id !== from) this.#hint = leader;
  }

  /** The leader, by what this node itself has heard. */
  #known(): Place | undefined {
    const { leader, membership } = this.#engine.state;
    const info = leader === undefined ? undefined : membership.nodes[leader];
    return leader === undefined || info === undefined ? undefined : { id: leader, info };
  }

  async #findBySeeds(signal: AbortSignal | undefined): Promise<Place | undefined> {
    const { members } = this.#engine;
    for (const seed of this.#seeds) {
      signal?.throwIfAborted();
      try {
        const found = await members.identifyStranger(seed);
        const { identity, leader, membership } = found;
        this.#demandSameCluster(identity.cluster);
        if (leader === undefined) continue;
        if (leader === identity.node) return { id: leader, info: seed.info };
        const info = membership?.nodes[leader];
        if (info !== undefined) return { id: leader, info };
      } catch (reason) {
        this.#engine.demandRunning();
        this.#demandPassing(reason);
      }
    }
    return undefined;
  }

  /** @throws what will be the same however often it is tried. */
  #demandPassing(reason: unknown): void {
    const isFinal = isRaftError(reason) ? final.has(reason.code) : reason instanceof TypeError;
    if (isFinal) throw reason;
  }

  #demandSameCluster(cluster: string | undefined): void {
    const own = this.#engine.identity;
    if (cluster === undefined || own.cluster === undefined || own.cluster === cluster) return;
    throw new InvalidMembershipError(
      `The disk of node ${own.node} belongs to cluster ${own.cluster}, and the seeds to cluster ${cluster}. Join with an empty disk.`,
    );
  }
}
