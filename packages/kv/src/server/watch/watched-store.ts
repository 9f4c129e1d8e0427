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
}
