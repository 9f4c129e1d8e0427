import { noLogId } from '../core/log-shape.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, LogId, LogIndex, NodeId, Role, Term } from '../core/types.ts';
import type { FatalError } from '../errors.ts';

/** What the leader knows about one other node. */
export interface FollowerProgress {
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** The last entry known to be on the follower's disk. */
  readonly matchIndex: LogIndex;
  /** The next entry to send. */
  readonly nextIndex: LogIndex;
  /** AppendEntries calls under way. */
  readonly inflight: number;
  /** When the follower last answered in this term, in milliseconds of the runtime's clock. */
  readonly lastAckAt: number | undefined;
}

/**
 * A consistent picture of the node, never changed after it is published.
 * Always: purged <= snapshot <= applied <= committed <= last.
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
  readonly last: LogId;
  readonly membership: EffectiveMembership;
  /** On the leader, one record for every other node; elsewhere `undefined`. */
  readonly progress: ReadonlyMap<NodeId, FollowerProgress> | undefined;
  /** Why the node stopped, if it stopped by itself. */
  readonly fatal: FatalError | undefined;
}

/** Draws the picture of the moment, or the last one of a node that stopped. */
export function pictureOf(
  core: Readonly<CoreState>,
  { isRunning, fatal }: { isRunning: boolean; fatal: FatalError | undefined },
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
    snapshot: noLogId,
    applied: log.idAt(core.applied),
    committed: log.idAt(core.committed),
    last: log.last,
    membership: core.membership,
    progress: leadership === undefined ? undefined : progressOf(leadership.progress.values()),
    fatal,
  };
}

type ProgressRecord =
  NonNullable<CoreState['leadership']>['progress'] extends Map<NodeId, infer P> ? P : never;

function progressOf(records: Iterable<ProgressRecord>): ReadonlyMap<NodeId, FollowerProgress> {
  const progress = new Map<NodeId, FollowerProgress>();
  for (const { id, state, matchIndex, nextIndex, inflight, lastAckAt } of records) {
    progress.set(id, { state, matchIndex, nextIndex, inflight, lastAckAt });
  }
  return progress;
}
