import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import type { TestFunction } from './log-store-under-test.ts';

export interface SnapshotStoreCases {
  readonly test: TestFunction;
  /** Opens an empty store. */
  readonly open: () => Promise<SnapshotStore>;
  /** Disposes the store and opens what it left; leave it out for a volatile store. */
  readonly reopen?: (store: SnapshotStore) => Promise<SnapshotStore>;
}

export function metaOf(id: string, index: number): SnapshotMeta {
  return {
    id,
    lastLogId: { term: 2, index },
    membership: {
      cluster: 'cluster-1',
      voters: [['a']],
      nodes: { a: { address: 'x:1' } },
      logId: { term: 1, index: 1 },
    },
  };
}

type Body = (
  store: SnapshotStore,
  again: (store: SnapshotStore) => Promise<SnapshotStore>,
) => Promise<void>;

/** Runs `body` on a new store. `again` closes and reopens it, where the store survives that. */
export function onNewStore({ open, reopen }: SnapshotStoreCases, body: Body): () => Promise<void> {
  return async () => {
    let store = await open();
    try {
      await body(store, async (old) => {
        store = reopen === undefined ? old : await reopen(old);
        return store;
      });
    } finally {
      await store[Symbol.asyncDispose]();
    }
  };
}

export async function* streamOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export async function contentOf(store: SnapshotStore): Promise<string> {
  const snapshot = await store.current();
  return snapshot === undefined ? 'none' : String(await collect(snapshot.chunks()));
}
