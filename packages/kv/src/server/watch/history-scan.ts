import type { KvEvent, Revision } from '../../types.ts';
import { type BatchBounds, BatchBuilder } from './batch-builder.ts';
import { isSelected, type Selection } from './selection.ts';
import type { PastHistory, WatchedStore } from './watched-store.ts';

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

/** As many events are read from the disk at a time. */
const eventsAtATime = 32;

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

/** The same with a history that must be read; `to` is not beyond what it has. */
export async function scanPast(
  past: PastHistory,
  selection: Selection,
  { from, to, maxLooks, bounds }: Scan,
): Promise<Scanned> {
  const { changes, upTo } = await past.changes(from, to, maxLooks);
  const found = new BatchBuilder(bounds);
  const selected = changes.filter((change) => isSelected(selection, change));
  const looks = 1 + changes.length;
  for (let at = 0; at < selected.length; at += eventsAtATime) {
    const some = selected.slice(at, at + eventsAtATime);
    const events = await past.events(some, selection);
    for (const [place, { revision }] of some.entries()) {
      // What does not fit is read again when the watcher comes back for it.
      if (!found.takes(revision)) return { found, upTo: revision - 1, looks };
      found.add(revision, events[place] as KvEvent);
    }
  }
  return { found, upTo, looks };
}
