import type { KvEvent, Revision } from '../../types.ts';
import { type BatchBounds, BatchBuilder } from './batch-builder.ts';
import type { Interest } from './interest.ts';
import type { InterestIndex } from './interest-index.ts';
import type { WatchedChange, WatchedStore } from './watched-store.ts';

export interface NewsOptions {
  readonly from: Revision;
  /** It is in. */
  readonly to: Revision;
  /** Ends after so many revisions and changes; the last revision is seen to its end. */
  readonly maxLooks: number;
  readonly bounds: BatchBounds;
}

export interface News {
  /** What each interest that has watchers waiting is told. */
  readonly batches: ReadonlyMap<Interest, BatchBuilder>;
  /** The last revision that was looked at. */
  readonly upTo: Revision;
}

/** Goes through what is new once, for all interests. */
export function collectNews(
  store: WatchedStore,
  index: InterestIndex,
  { from, to, maxLooks, bounds }: NewsOptions,
): News {
  const batches = new Map<Interest, BatchBuilder>();
  const found: Interest[] = [];
  let looks = 0;
  let revision = from;
  for (; revision <= to && looks < maxLooks; revision += 1) {
    const changes = store.changesAt(revision) ?? [];
    looks += 1 + changes.length;
    for (const change of changes) {
      found.length = 0;
      index.find(change.key, found);
      if (found.length === 0) continue;
      const events = new EventForms(store, change);
      for (const interest of found) {
        if (interest.waiting.size === 0 || change.type === interest.without) continue;
        let batch = batches.get(interest);
        if (batch === undefined) {
          batch = new BatchBuilder(bounds);
          batches.set(interest, batch);
        }
        if (batch.takes(revision)) batch.add(revision, events.for(interest));
      }
    }
  }
  return { batches, upTo: revision - 1 };
}

/** The one or two forms in which interests are told a change; each is made once, if at all. */
class EventForms {
  readonly #store: WatchedStore;
  readonly #change: WatchedChange;
  #plain: KvEvent | undefined = undefined;
  #withPrevious: KvEvent | undefined = undefined;

  constructor(store: WatchedStore, change: WatchedChange) {
    this.#store = store;
    this.#change = change;
  }

  for({ previous }: Interest): KvEvent {
    if (previous) {
      this.#withPrevious ??= this.#store.eventOf(this.#change, { previous });
      return this.#withPrevious;
    }
    this.#plain ??= this.#store.eventOf(this.#change, { previous });
    return this.#plain;
  }
}
