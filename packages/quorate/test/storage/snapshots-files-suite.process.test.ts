import { cp, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { FileSnapshotStore } from '../../src/storage/snapshots/file-snapshot-store.ts';
import { metaOf } from '../../src/testing/snapshot-store/new-store.ts';
import { snapshotStoreSuite } from '../../src/testing/snapshot-store-suite.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const mebibyte = 1024 * 1024;
const folders: string[] = [];
const folderOf = new WeakMap<SnapshotStore, string>();

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-snapshots-'));
  folders.push(folder);
  return folder;
}

async function openIn(folder: string): Promise<FileSnapshotStore> {
  const options = { directory: folder, files: nodeFileSystem, unsafeNoSync: false };
  const store = await FileSnapshotStore.open(options);
  folderOf.set(store, folder);
  return store;
}

/** A copy of the files, made while the store is open, is what a process that dies leaves. */
async function reopen(store: SnapshotStore): Promise<FileSnapshotStore> {
  const folder = await newFolder();
  await untilWritten(store);
  await cp(folderOf.get(store) ?? '', folder, { recursive: true });
  await store[Symbol.asyncDispose]();
  return openIn(folder);
}

/** What was written is on its way to the files; waits until these have not grown for a while. */
async function untilWritten(store: SnapshotStore): Promise<void> {
  let size = -1;
  for (let quietLooks = 0; quietLooks < 20; quietLooks += 1) {
    const now = await storedBytes(store);
    if (now !== size) quietLooks = 0;
    size = now;
  }
}

async function filesOf(store: SnapshotStore): Promise<string[]> {
  const folder = folderOf.get(store) ?? '';
  return (await readdir(folder)).map((name) => path.join(folder, name));
}

async function storedBytes(store: SnapshotStore): Promise<number> {
  let sum = 0;
  for (const file of await filesOf(store)) sum += (await stat(file)).size;
  return sum;
}

async function damage(store: SnapshotStore): Promise<void> {
  const [name = ''] = await filesOf(store);
  await using file = await open(name, 'r+');
  const position = (await file.stat()).size - 24 - 4 - 10;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
  await file.write(Uint8Array.of((buffer[0] ?? 0) ^ 1), 0, 1, position);
}

describe('the snapshot store on real files', () => {
  snapshotStoreSuite({
    test,
    open: async () => openIn(await newFolder()),
    reopen,
    damage,
    storedBytes,
    largeSnapshotBytes: 64 * mebibyte,
  });
});

const chunk: Uint8Array = Uint8Array.from({ length: 64 * 1024 }, (_, at) => (at * 31) % 251);

async function* contentOf(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += chunk.length) yield chunk;
}

/** How much more memory the process has at the peak of `run` than before it. */
async function extraMemory(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const look = (): void => void (peak = Math.max(peak, process.memoryUsage().rss));
  const timer = setInterval(look, 5);
  await run();
  clearInterval(timer);
  look();
  return peak - before;
}

describe('a snapshot that is much larger than the memory for it', () => {
  // A gibibyte in the full run; without it, what does not fit into the bound either.
  const size = (isFull ? 1024 : 192) * mebibyte;
  const bound = 64 * mebibyte;

  test('is received, read and saved in less than 64 MiB', { timeout: 120_000 }, async () => {
    let checksum = 0;
    for await (const part of contentOf(size)) checksum = crc32(part, checksum);
    const store = await openIn(await newFolder());

    const received = await extraMemory(async () => {
      const receiver = await store.receive(metaOf('one', 1));
      for await (const part of contentOf(size)) await receiver.write(part);
      await receiver.finish({ size, checksum });
    });
    const saved = await extraMemory(() => store.save(metaOf('two', 2), contentOf(size)));
    let readChecksum = 0;
    const read = await extraMemory(async () => {
      const snapshot = await store.current();
      for await (const part of snapshot?.chunks() ?? []) readChecksum = crc32(part, readChecksum);
    });

    expect(readChecksum).toBe(checksum);
    expect(await storedBytes(store)).toBeLessThan(size + size / 1000);
    expect(Math.max(received, saved, read)).toBeLessThan(bound);
    console.log(
      `a snapshot of ${size / mebibyte} MiB: received with ${received / mebibyte} MiB more ` +
        `memory, saved with ${saved / mebibyte} MiB, read with ${read / mebibyte} MiB`,
    );
    await store[Symbol.asyncDispose]();
  });
});
