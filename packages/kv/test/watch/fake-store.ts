import type { WatchedChange, WatchedStore } from '../../src/server/watch/watched-store.ts';
import type { KeyValue, KvEvent, Revision } from '../../src/types.ts';

export interface FakeChange extends WatchedChange {
  readonly kv: KeyValue;
  readonly before: KeyValue | undefined;
}

/** What a transaction does: sets a key, or deletes it if there is no value. */
export type Write = readonly [key: string, value?: string];

/** A history of changes in an array, and nothing else of a store. */
export class FakeStore implements WatchedStore {
  readonly #history: (readonly FakeChange[])[] = [];
  readonly #pairs = new Map<string, KeyValue>();
  compactedRevision: Revision = 0;
  /** How often somebody has asked for the changes of a revision. */
  looks = 0;

  get revision(): Revision {
    return this.#history.length + 1;
  }

  /** All changes get one revision. */
  txn(...writes: readonly Write[]): Revision {
    const revision = this.revision + 1;
    const changes: FakeChange[] = [];
    for (const [key, value] of writes) {
      const before = this.#pairs.get(key);
      if (value === undefined && before === undefined) continue;
      const kv = pairOf(key, value, revision, before);
      if (value === undefined) this.#pairs.delete(key);
      else this.#pairs.set(key, kv);
      changes.push({ type: value === undefined ? 'delete' : 'put', key, kv, before });
    }
    if (changes.length > 0) this.#history.push(changes);
    return this.revision;
  }

  compact(revision: Revision): void {
    if (revision > this.revision) throw new RangeError('There is no such revision yet.');
    this.compactedRevision = Math.max(this.compactedRevision, revision);
  }

  changesAt(revision: Revision): readonly FakeChange[] | undefined {
    this.looks += 1;
    if (revision <= this.compactedRevision) throw new Error(`${revision} has been compacted.`);
    return this.#history[revision - 2];
  }

  eventOf(change: WatchedChange, { previous }: { readonly previous: boolean }): KvEvent {
    const { type, kv, before } = change as FakeChange;
    return previous && before !== undefined ? { type, kv, previous: before } : { type, kv };
  }
}

function pairOf(
  key: string,
  value: string | undefined,
  revision: Revision,
  before: KeyValue | undefined,
): KeyValue {
  const isNew = value !== undefined && before === undefined;
  return {
    key: Buffer.from(key, 'latin1'),
    value: Buffer.from(value ?? '', 'latin1'),
    createRevision: isNew ? revision : value === undefined ? 0 : (before?.createRevision ?? 0),
    modRevision: revision,
    version: value === undefined ? 0 : (before?.version ?? 0) + 1,
    lease: 0,
  };
}
