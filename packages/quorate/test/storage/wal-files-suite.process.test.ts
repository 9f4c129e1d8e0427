import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, test } from 'vitest';
import type { Storage } from '../../src/contract/storage.ts';
import { type WalLogStore, walStorage } from '../../src/storage/wal.ts';
import { logStoreSuite } from '../../src/testing/log-store-suite.ts';
import { recoverySuite } from '../../src/testing/recovery-suite.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const folders: string[] = [];
const folderOf = new WeakMap<WalLogStore, string>();

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-wal-'));
  folders.push(folder);
  return folder;
}

async function openIn(folder: string): Promise<WalLogStore> {
  const { log } = await walStorage(folder, { segmentBytes: 64 * 1024 });
  folderOf.set(log, folder);
  return log;
}

async function reopen(store: WalLogStore): Promise<WalLogStore> {
  await store[Symbol.asyncDispose]();
  return openIn(folderOf.get(store) ?? '');
}

/** Flips a bit of the entry of term 1 with that index, where it lies in a segment. */
async function damage(store: WalLogStore, index: number): Promise<void> {
  const wanted = Buffer.alloc(16);
  wanted.writeBigUInt64LE(1n, 0);
  wanted.writeBigUInt64LE(BigInt(index), 8);
  const folder = path.join(folderOf.get(store) ?? '', 'log');
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.wal')) continue;
    const bytes = await readFile(path.join(folder, name));
    const position = bytes.indexOf(wanted);
    if (position < 0) continue;
    await using file = await open(path.join(folder, name), 'r+');
    await file.write(Uint8Array.of((bytes[position + 8] ?? 0) ^ 1), 0, 1, position + 8);
    return;
  }
  throw new Error(`Entry ${index} is in no segment.`);
}

describe('the write-ahead log on real files', () => {
  logStoreSuite({
    test,
    open: async () => openIn(await newFolder()),
    reopen: (store) => reopen(store as WalLogStore),
    openTwice: (store) => openIn(folderOf.get(store as WalLogStore) ?? ''),
    damage: (store, index) => damage(store as WalLogStore, index),
    hasWrite: true,
    longLogEntries: isFull ? 1_000_000 : 20_000,
  });
});

describe('nodes on the write-ahead log', () => {
  const folderOfStorage = new WeakMap<Storage, string>();
  const openStorage = async (folder: string): Promise<Storage> => {
    const storage = await walStorage(folder, { segmentBytes: 64 * 1024 });
    folderOfStorage.set(storage, folder);
    return storage;
  };

  recoverySuite({
    test,
    open: async () => openStorage(await newFolder()),
    reopen: async (storage) => {
      await storage[Symbol.asyncDispose]();
      return openStorage(folderOfStorage.get(storage) ?? '');
    },
  });
});
