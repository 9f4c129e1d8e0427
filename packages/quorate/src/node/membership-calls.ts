import { isMember } from '../core/membership.ts';
import type { EffectiveMembership, LogId, NodeId } from '../core/types.ts';
import { InvalidMembershipError, LeadershipLostError } from '../errors.ts';
import type { Engine } from './engine.ts';

/** Waits until the entry is committed, whoever leads by then. */
export async function awaitCommit(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  await awaitOrLose(engine, logId, signal, () => isCommitted(engine, logId) || undefined);
}

/**
 * Waits until learner `id` has all that the leader has now.
 *
 * @throws {InvalidMembershipError} if the learner is removed before that.
 */
export async function awaitCatchUp(
  engine: Engine,
  id: NodeId,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = engine.state.last.index;
  await awaitOrLose(engine, logId, signal, () => {
    const { leadership, membership } = engine.state;
    if (leadership !== undefined && !isMember(membership, id)) {
      throw new InvalidMembershipError(`Learner ${id} was removed before it had caught up.`);
    }
    const matchIndex = leadership?.progress.get(id)?.matchIndex ?? 0;
    return matchIndex >= target || undefined;
  });
}

/** Waits until the joint membership of entry `logId` has given way to the new voters alone. */
export function awaitVoters(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<EffectiveMembership> {
  return awaitOrLose(engine, logId, signal, () => {
    if (!isCommitted(engine, logId)) return undefined;
    const { memberships, committed } = engine.state;
    // The next change may have begun already; what it appended is not committed yet.
    const newest = memberships.all.findLast((one) => one.logId.index <= committed);
    return newest !== undefined && newest.logId.index > logId.index ? newest : undefined;
  });
}

/** A change ends when there is something to `find`, or with the leadership that began it. */
async function awaitOrLose<Found extends object | true>(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
  find: () => Found | undefined,
): Promise<Found> {
  let found: Found | undefined;
  const isOver = (): boolean => {
    // Kept, since it may be gone again when the caller gets its turn.
    found = find();
    return found !== undefined || engine.state.leadership === undefined;
  };
  try {
    await engine.observers.waitFor(isOver, signal);
  } catch (reason) {
    // A node that stops cannot take back what is in its log.
    if (signal?.aborted !== true) engine.demandRunning({ isLogged: true });
    throw reason;
  }
  if (found !== undefined) return found;
  throw new LeadershipLostError(
    `Leadership was lost before the membership change of entry ${logId.index} of term ${logId.term} was complete; another leader may complete it.`,
    { logId, maybeApplied: true },
  );
}

function isCommitted(engine: Engine, { term, index }: LogId): boolean {
  const { committed, log } = engine.state;
  return committed >= index && log.termAt(index) === term;
}
