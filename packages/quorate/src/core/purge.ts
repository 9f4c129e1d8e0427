import { assert } from './assert.ts';
import type { CoreState } from './state.ts';
import type { LogIndex, SnapshotMeta } from './types.ts';

/**
 * A snapshot of what was applied here is saved (section 7). The log up to `purgeTo` can go, but
 * nothing that the snapshot does not cover.
 */
export function onSnapshotBuilt(core: CoreState, meta: SnapshotMeta, purgeTo: LogIndex): void {
  const { lastLogId } = meta;
  // One that was installed meanwhile covers more.
  if (lastLogId.index <= core.snapshot.index) return;
  assert(
    lastLogId.index <= core.applied,
    () => `a snapshot up to ${lastLogId.index} must not hold more than is applied, ${core.applied}`,
  );
  const term = core.log.termAt(lastLogId.index);
  assert(
    term === lastLogId.term,
    () => `the snapshot ends in term ${lastLogId.term}, entry ${lastLogId.index} is of ${term}`,
  );
  core.snapshot = lastLogId;
  core.purgeTo = Math.max(core.purgeTo, Math.min(purgeTo, lastLogId.index));
}

/** Purges what is wanted and nobody needs: called after each event, since any may free some. */
export function purgeLog(core: CoreState): void {
  if (core.purgeTo <= core.log.purged.index) return;
  const index = Math.min(core.purgeTo, lastUnneeded(core));
  if (index <= core.log.purged.index) return;
  const logId = core.log.idAt(index);
  core.log.purge(logId);
  core.emit({ type: 'purge', logId });
}

/**
 * The last index that no follower needs: entries that are being read for a call have to stay, and
 * so do those that follow a snapshot under way, or it would be of no use when it arrives.
 */
function lastUnneeded(core: CoreState): LogIndex {
  if (core.leadership === undefined) return Infinity;
  const { progress, calls } = core.leadership;
  let lowest = Infinity;
  for (const { sending, snapshotCall } of progress.values()) {
    for (const call of [sending, snapshotCall]) {
      const made = call === undefined ? undefined : calls.get(call);
      lowest = Math.min(lowest, made?.previousIndex ?? Infinity);
    }
  }
  return lowest;
}
