import { encodeBackup } from '../../../src/backup/encode.ts';
import type { BackupHead } from '../../../src/backup/format.ts';
import { KvStore } from '../../../src/store/store.ts';
import { bytes, put, run } from '../../store/kit.ts';

/** A store with something of everything. */
export function fullStore(): KvStore {
  const store = new KvStore();
  run(store, { type: 'leaseGrant', id: 77, ttl: 60 });
  for (const key of ['b', 'a', 'c', 'gone', '\xff']) put(store, key, '1');
  put(store, 'gone', undefined);
  run(store, { type: 'compact', revision: 4 });
  run(store, { type: 'put', key: bytes('leased'), value: Buffer.alloc(70_000, 'x'), lease: 77 });
  const value = bytes('2');
  const then = ['c', 'a', 'b'].map((key) => ({ type: 'put' as const, key: bytes(key), value }));
  run(store, { type: 'txn', compare: [], then, else: [] });
  run(store, { type: 'delete', key: bytes('a'), end: bytes('c') });
  return store;
}

export function headOf(store: KvStore, more: Partial<BackupHead> = {}): BackupHead {
  return {
    cluster: '0f8fad5b-d9cb-469f-a165-70867728950e',
    member: 'a',
    revision: store.revision,
    index: 12,
    term: 3,
    hash: store.hash(),
    createdAt: '2026-03-01T12:00:00.000Z',
    version: '0.1.0',
    ...more,
  };
}

/** The file of a backup of the store. */
export async function fileOf(store: KvStore, more: Partial<BackupHead> = {}): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeBackup(headOf(store, more), store.snapshot())) parts.push(part);
  return Buffer.concat(parts);
}

/** Bytes in pieces of a size. */
export async function* inPieces(content: Buffer, size = 4096): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}
