import { crc32 } from 'node:zlib';
import type {
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWhole,
} from '../../contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

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

/** Runs `body` on a new store. `again` closes and reopens it, where the store survives that. */
export function onNewStore(
  { open, reopen }: Pick<SnapshotStoreSuiteOptions, 'open' | 'reopen'>,
  body: (
    store: SnapshotStore,
    again: (store: SnapshotStore) => Promise<SnapshotStore>,
  ) => Promise<void>,
): () => Promise<void> {
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

/** What `finish` is told of content that is this. */
export function wholeOf(content: string | Uint8Array): SnapshotWhole {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { size: bytes.byteLength, checksum: crc32(bytes) };
}

/** Receives what is still missing of `content`, and finishes. */
export async function receiveRest(receiver: SnapshotReceiver, content: string): Promise<void> {
  await receiver.write(Buffer.from(content).subarray(receiver.offset));
  await receiver.finish(wholeOf(content));
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

/** Content whose maker fails after the first chunk. */
export async function* breaking(text: string, failure: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  throw failure;
}
