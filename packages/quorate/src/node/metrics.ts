import { jointQuorumValue } from '../core/quorum.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, LogId, LogIndex, NodeId, Role, Term } from '../core/types.ts';
import type { FatalError } from '../errors.ts';
import type { Counts } from './counters.ts';
import type { Latencies } from './latencies.ts';
import type { Machine } from './machine.ts';
import type { Snapshotter } from './snapshotter.ts';
import type { Witness } from './witness.ts';

/** What the leader knows about one other node. */
export interface FollowerProgress {
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** The last entry known to be on the follower's disk. */
  readonly matchIndex: LogIndex;
  /** How many entries of the leader's log it lacks. */
  readonly lag: number;
  /** The next entry to send. */
  readonly nextIndex: LogIndex;
  /** AppendEntries calls under way. */
  readonly inflight: number;
  /** When the follower last answered in this term, in milliseconds of the runtime's clock. */
  readonly lastAckAt: number | undefined;
}

/** What waits on a node. Each has its bound in the options. */
export interface Waiting {
  /** Writes that were taken and not answered, and their bytes. */
  readonly writes: number;
  readonly writeBytes: number;
  readonly reads: number;
  /** Questions to the protocol, the application's and other nodes'. */
  readonly requests: number;
  /** Calls to other nodes that are not answered; a transfer of a snapshot is none. */
  readonly calls: number;
}

/** Sessions of clients, as the table has them that is replicated with the state. */
export interface SessionMetrics {
  /** Sessions that are open, at most `maxSessions`. */
  readonly open: number;
  /**
   * What they and the kept responses count for against `maxSessionBytes`, in bytes. Entries that
   * were applied since it was looked at last, at most 64, may exceed the bound.
   */
  readonly bytes: number;
  /**
   * Sessions that had to make room for others, by either bound, as this node applied it since it
   * was started; entries that it has from a snapshot, or repeats after a restart, as they come.
   */
  readonly expired: number;
  /**
   * Writes that came to nothing since their session was over, or their number no longer kept;
   * counted by every node that applies them, since this one was started.
   */
  readonly refused: number;
}

/**
 * A consistent picture of the node, never changed after it is published.
 * Always: purged <= snapshot <= applied <= committed <= last, and applied <= durable <= last, but
 * while a snapshot from the leader is being restored the log begins after it already, and `applied`
 * follows at the end.
 */
export interface RaftMetrics {
  readonly id: NodeId;
  /** `false` once the node was closed or stopped by itself; it leads no more then. */
  readonly isRunning: boolean;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly purged: LogId;
  readonly snapshot: LogId;
  readonly applied: LogId;
  readonly committed: LogId;
  /** How far the log is on this node's disk; what is committed may be ahead of it. */
  readonly durable: LogId;
  readonly last: LogId;
  readonly membership: EffectiveMembership;
  /** On the leader, one record for every other node; elsewhere `undefined`. */
  readonly progress: ReadonlyMap<NodeId, FollowerProgress> | undefined;
  /**
   * On the leader: how long ago calls were sent, in milliseconds, that a quorum has answered. 0 if
   * it is a quorum by itself, `undefined` if none has answered yet.
   */
  readonly quorumContactMs: number | undefined;
  /**
   * How long the disk has owed an answer, in milliseconds; 0 if it owes none. A leader hands over
   * when it comes to `electionTimeoutMs.max`, and steps down at twice that.
   */
  readonly diskSilentMs: number;
  readonly waiting: Waiting;
  readonly sessions: SessionMetrics;
  /** What has happened since the node was started. */
  readonly counts: Counts;
  /** How long it took, since the node was started. */
  readonly latencies: Latencies;
  /**
   * Why the last snapshot could not be built; `undefined` once one could, and until then the log
   * grows. One that is due is tried again after a rest, which is a minute at most.
   */
  readonly snapshotFailure: string | undefined;
  /**
   * Why this node takes no part though it runs, and what to do: its disk is not the one the others
   * know, or it was removed. It gives no vote and leads nobody until it is started again.
   */
  readonly quarantine: string | undefined;
  /** Why the node stopped, if it stopped by itself. */
  readonly fatal: FatalError | undefined;
}

/** What the core does not know. */
interface Facts {
  readonly isRunning: boolean;
  readonly fatal: FatalError | undefined;
  readonly quarantine: string | undefined;
  readonly applied: LogId;
  readonly now: number;
  readonly waiting: Waiting;
}

/** Those who know more. */
interface Parts {
  readonly witness: Pick<Witness, 'counters' | 'latencies'>;
  readonly snapshotter: Pick<Snapshotter, 'failure'>;
  readonly machine: Pick<Machine, 'sessions' | 'sessionTally'>;
}

/** Draws the picture of the moment, or the last one of a node that stopped. */
export function pictureOf(
  core: Readonly<CoreState>,
  { witness, snapshotter, machine }: Parts,
  { isRunning, fatal, quarantine, applied, now, waiting }: Facts,
): RaftMetrics {
  const { log } = core;
  const leadership = isRunning ? core.leadership : undefined;
  const roleAfterwards = core.isVoter ? 'follower' : 'learner';
  return {
    id: core.id,
    isRunning,
    role: isRunning ? core.role : roleAfterwards,
    term: core.term,
    leader: isRunning ? core.leader : undefined,
    purged: log.purged,
    snapshot: core.snapshot,
    // While a snapshot is restored, what is applied lies before the log.
    applied: core.applied < log.purged.index ? applied : log.idAt(core.applied),
    committed: log.idAt(core.committed),
    durable: log.idAt(core.durable),
    last: log.last,
    membership: core.membership,
    progress: leadership === undefined ? undefined : progressOf(leadership, log.last.index),
    quorumContactMs: isRunning ? quorumContactMs(core, now) : undefined,
    diskSilentMs: isRunning ? core.diskSilentMs : 0,
    waiting: isRunning ? waiting : nothingWaits,
    sessions: sessionsOf(machine),
    counts: witness.counters.picture,
    latencies: witness.latencies.picture,
    snapshotFailure: snapshotter.failure === undefined ? undefined : messageOf(snapshotter.failure),
    quarantine,
    fatal,
  };
}

function sessionsOf({ sessions, sessionTally }: Parts['machine']): SessionMetrics {
  return { open: sessions.size, bytes: sessions.bytes, ...sessionTally };
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

const nothingWaits: Waiting = { writes: 0, writeBytes: 0, reads: 0, requests: 0, calls: 0 };

interface Queues {
  readonly writes: { readonly count: number; readonly bytes: number };
  readonly reads: { readonly count: number };
}

/** Asks each queue for its length. */
export function waitingIn(
  { writes, reads }: Queues,
  requests: { readonly count: number },
  peers: { readonly openCalls: number },
): Waiting {
  return {
    writes: writes.count,
    writeBytes: writes.bytes,
    reads: reads.count,
    requests: requests.count,
    calls: peers.openCalls,
  };
}

type Leadership = NonNullable<CoreState['leadership']>;

function progressOf(leadership: Leadership, last: LogIndex): ReadonlyMap<NodeId, FollowerProgress> {
  const progress = new Map<NodeId, FollowerProgress>();
  for (const one of leadership.progress.values()) {
    const { id, state, matchIndex, nextIndex, inflight, lastAckAt } = one;
    const lag = last - matchIndex;
    progress.set(id, { state, matchIndex, lag, nextIndex, inflight, lastAckAt });
  }
  return progress;
}

/** By the send times of what was answered, as the lease goes by them. */
function quorumContactMs(core: Readonly<CoreState>, now: number): number | undefined {
  const { leadership, membership, id: self } = core;
  if (leadership === undefined) return undefined;
  const contactAt = jointQuorumValue(membership.voters, (id) => {
    if (id === self) return now;
    const one = leadership.progress.get(id);
    return one?.lastAckAt === undefined ? -Infinity : one.contactAt;
  });
  return contactAt === -Infinity ? undefined : now - contactAt;
}
