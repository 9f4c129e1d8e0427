import type { ByteString } from '../../bytes.ts';
import type { EventType, KvEvent, Revision } from '../../types.ts';

/** What is needed of a change to know who watches it. */
export interface WatchedChange {
  readonly type: EventType;
  readonly key: ByteString;
}

/** What the watches need of the store: its history, as far as it is kept. */
export interface WatchedStore {
  readonly revision: Revision;
  /** Only what came after it can be told. */
  readonly compactedRevision: Revision;
  /** The changes of one revision, in order; throws if it is compacted, `undefined`: none. */
  changesAt(revision: Revision): readonly WatchedChange[] | undefined;
  eventOf(change: WatchedChange, options: { readonly previous: boolean }): KvEvent;
  /** `changesAt` knows this revision and later ones; older ones are read. Absent: it knows all. */
  readonly heldFrom?: Revision;
  /** Begins to read older changes, as of now. */
  readPast?(): PastHistory;
}

/** Changes that are on the disk, without what they made of their keys. */
export interface PastChanges {
  readonly changes: readonly PastChange[];
  /** All changes up to this revision are among them. */
  readonly upTo: Revision;
}

export interface PastChange extends WatchedChange {
  readonly revision: Revision;
}

/** The history as of one moment, read from the disk in pieces. */
export interface PastHistory {
  /** Those of whole revisions from `from` to `to`, which is in; about `most`. */
  changes(from: Revision, to: Revision, most: number): Promise<PastChanges>;
  /** Events of changes that came from here, in their order. */
  events(
    changes: readonly PastChange[],
    options: { readonly previous: boolean },
  ): Promise<readonly KvEvent[]>;
  /** It is not read any more. */
  done(): Promise<void>;
}
