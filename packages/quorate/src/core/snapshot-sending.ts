import type { Progress } from './progress.ts';
import type { CoreState } from './state.ts';

/**
 * Sends the newest snapshot to a follower whose next entry is purged (section 7): one call at a
 * time, and after those for entries that are still under way, since they may tell of more.
 */
export function sendSnapshot(core: CoreState, progress: Progress): void {
  if (progress.inflight > 0) return;
  progress.needSnapshot();
  if (progress.snapshotCall !== undefined) return;
  const call = core.nextCall();
  const { epoch } = progress;
  const previousIndex = core.snapshot.index;
  const made = { progress, kind: 'snapshot', epoch, previousIndex, sentAt: core.now } as const;
  core.office.calls.set(call, made);
  progress.snapshotCall = call;
  core.emit({ type: 'sendSnapshot', call, to: progress.id, term: core.term });
}
