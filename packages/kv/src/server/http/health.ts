import type { KvStatus } from '../service.ts';

/** Entries that a member may lag behind what it knows to be committed and still be asked. */
const mostBehind = 10_000;

export interface Readiness {
  readonly isStopping: boolean;
  /** What the member says itself, if it does. */
  readonly isReady: boolean | undefined;
}

/**
 * Why a member should not get requests; empty if it should. With a problem that does not keep it
 * from serving it should: when members disagree and nobody knows who is right, all would be out.
 */
export function reasonsAgainst(
  { leader, committed, applied, isServing, problems }: KvStatus,
  { isStopping, isReady }: Readiness,
): readonly string[] {
  const behind = committed - applied;
  const reasons = [...(isStopping ? ['It is stopping.'] : []), ...(isServing ? [] : problems)];
  if (behind > mostBehind) reasons.push(`It has ${behind} entries of the log still to apply.`);
  if (reasons.length > 0) return reasons;
  if (leader === undefined) return ['No leader is known.'];
  return isReady === false ? ['Its state is not up to date yet.'] : [];
}
