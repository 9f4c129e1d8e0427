import type { Revision } from '../../types.ts';
import { type BatchBounds, BatchBuilder } from './batch-builder.ts';
import { isSelected, type Selection } from './selection.ts';
import type { WatchedStore } from './watched-store.ts';

export interface Scan {
  readonly from: Revision;
  /** It is in. */
  readonly to: Revision;
  /** Ends after so many revisions and changes; the last revision is seen to its end. */
  readonly maxLooks: number;
  readonly bounds: BatchBounds;
}

export interface Scanned {
  readonly found: BatchBuilder;
  /** The last revision that was looked at. */
  readonly upTo: Revision;
  readonly looks: number;
}

/** Goes through a part of the history for one interest. */
export function scanHistory(
  store: WatchedStore,
  selection: Selection,
  { from, to, maxLooks, bounds }: Scan,
): Scanned {
  const found = new BatchBuilder(bounds);
  let looks = 0;
  let revision = from;
  for (; revision <= to && looks < maxLooks && found.takes(revision); revision += 1) {
    const changes = store.changesAt(revision) ?? [];
    looks += 1 + changes.length;
    for (const change of changes) {
      if (isSelected(selection, change)) found.add(revision, store.eventOf(change, selection));
    }
  }
  return { found, upTo: revision - 1, looks };
}
