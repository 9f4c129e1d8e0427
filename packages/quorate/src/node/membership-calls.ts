import type { EffectiveMembership, LogId, NodeId } from '../core/types.ts';
import { LeadershipLostError } from '../errors.ts';
import type { Engine } from './engine.ts';

/** Waits until the entry is committed, whoever leads by then. */
export async function awaitCommit(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  await awaitOrLose(engine, logId, signal, () => isCommitted(engine, logId));
}

/** Waits until learner `id` has all that the leader has now. */
export async function awaitCatchUp(
  engine: Engine,
  id: NodeId,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = engine.state.last.index;
  await awaitOrLose(engine, logId, signal, () => {
    const progress = engine.state.leadership?.progress.get(id);
    return progress !== undefined && progress.matchIndex >= target;
  });
}

/** Waits until the joint membership of entry `logId` has given way to the new voters alone. */
export async function awaitVoters(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<EffectiveMembership> {
  await awaitOrLose(engine, logId, signal, () => {
    const { membership } = engine.state;
    return membership.logId.index > logId.index && isCommitted(engine, membership.logId);
  });
  return engine.state.membership;
}

/** A change ends when `isDone`, or with the leadership that began it. */
async function awaitOrLose(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
  isDone: () => boolean,
): Promise<void> {
  const isLost = (): boolean => engine.state.leadership === undefined;
  await engine.observers.waitFor(() => isDone() || isLost(), signal);
  if (isDone()) return;
  throw new LeadershipLostError(
    `Leadership was lost before the membership change of entry ${logId.index} of term ${logId.term} was complete; another leader may complete it.`,
    { logId, maybeApplied: true },
  );
}

function isCommitted(engine: Engine, { term, index }: LogId): boolean {
  const { committed, log } = engine.state;
  return committed >= index && log.termAt(index) === term;
}
