import { describe, expect, test } from 'vitest';

import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import { walStorage } from '../../src/storage/wal.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { contentOf, metaOf, streamOf } from '../../src/testing/snapshot-store/new-store.ts';
import {
  chunksOf,
  contentFor,
  halting,
  killed,
  metaFor,
  openSnapshots,
  type Planned,
  rejectionOf,
  snapshotDirectory,
  snapshotFiles,
} from './snapshots-under-test.ts';

const large: Planned = { index: 4, size: 5000 };

function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => void (condition() ? resolve() : setImmediate(look));
    look();
  });
}

describe('a snapshot store that is closed', () => {
  async function closing(
    begin: (store: SnapshotStore) => Promise<{ call: Promise<unknown>; goOn: () => void }>,
  ): Promise<{ error: unknown; left: string[] }> {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaFor(large), chunksOf(large));
    const { call, goOn } = await begin(store);
    const failing = rejectionOf(call);
    await store[Symbol.asyncDispose]();
    const left = await snapshotFiles(files);
    goOn();
    return { error: await failing, left };
  }

  test('in the middle of a save ends that, and leaves nothing of it', async () => {
    const { error, left } = await closing(async (store) => {
      const { chunks, goOn } = halting('nine');
      return { call: store.save(metaOf('nine', 9), chunks), goOn };
    });

    expect(error).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(left).toHaveLength(1);
  });

  test('in the middle of a reading ends that', async () => {
    const { error } = await closing(async (store) => {
      const reading = (await store.current())?.chunks()[Symbol.asyncIterator]();
      await reading?.next();
      let goOn = (): void => {};
      const told = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return { call: told.then(() => reading?.next()), goOn };
    });

    expect(error).toMatchObject({ code: 'RAFT_STOPPED' });
  });

  test('in the middle of a receipt keeps what has come', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const content = contentFor(large.index, large.size);
    await (await store.receive(metaFor(large))).write(content.subarray(0, 4321));
    await store[Symbol.asyncDispose]();

    const again = await openSnapshots(killed(files));

    expect((await again.receive(metaFor(large))).offset).toBe(4321);
  });

  test('has closed every file, also those of readers that went away without a word', async () => {
    const files = new SimFs({ capacityBytes: 100_000 });
    const store = await openSnapshots(files);
    await store.save(metaFor(large), chunksOf(large));
    const reading = (await store.current())?.chunks()[Symbol.asyncIterator]();
    await reading?.next();
    await store.save(metaOf('two', 9), streamOf('two'));
    await (await store.receive(metaOf('three', 12))).write(Buffer.from('th'));

    await store[Symbol.asyncDispose]();

    for (const path of await snapshotFiles(files)) await files.unlink(path);
    expect(await files.freeBytes('/')).toBe(Math.floor(100_000 / 512) * 512);
  });
});

describe('the snapshots of a storage on the write-ahead log', () => {
  test('are in the folder beside the log, and there after a restart', async () => {
    const files = new SimFs();
    const storage = await walStorage('/data', { files, segmentBytes: 4096 });
    await storage.snapshots.save(metaOf('one', 5), streamOf('one'));
    await storage[Symbol.asyncDispose]();
    expect(await files.readDirectory('/data')).toEqual(['log', 'snapshots']);

    const again = await walStorage('/data', { files, segmentBytes: 4096 });

    expect(await contentOf(again.snapshots)).toBe('one');
    await again[Symbol.asyncDispose]();
  });

  test('that are damaged keep the storage shut, and the lock is free again', async () => {
    const files = new SimFs();
    const storage = await walStorage('/data', { files, segmentBytes: 4096 });
    await storage.snapshots.save(metaOf('one', 5), streamOf('one'));
    await storage[Symbol.asyncDispose]();
    const [path = ''] = await snapshotFiles(files);
    files.flipBit(path, 3, 1);

    const first = await rejectionOf(walStorage('/data', { files, segmentBytes: 4096 }));
    const second = await rejectionOf(walStorage('/data', { files, segmentBytes: 4096 }));

    expect(first).toMatchObject({ code: 'RAFT_DAMAGED', file: path });
    expect(second).toMatchObject({ code: 'RAFT_DAMAGED' });
  });

  test('are synced unless the storage was opened with `unsafeNoSync`', async () => {
    const syncsWith = async (unsafeNoSync: boolean): Promise<number> => {
      const files = new SimFs();
      let count = 0;
      const counted = ({ path }: { readonly path: string }): boolean => {
        if (path.startsWith(snapshotDirectory)) count += 1;
        return false;
      };
      for (const type of ['sync', 'syncDirectory'] as const) {
        files.fail({ type, code: 'EIO', where: counted });
      }
      const storage = await walStorage('/data', { files, segmentBytes: 4096, unsafeNoSync });
      await storage.snapshots.save(metaFor(large), chunksOf(large));
      await storage[Symbol.asyncDispose]();
      return count;
    };

    expect(await syncsWith(true)).toBe(0);
    expect(await syncsWith(false)).toBe(2);
  });

  test('stay under the lock of the log until they are closed', async () => {
    const files = new SimFs();
    const storage = await walStorage('/data', { files, segmentBytes: 4096 });
    const { chunks } = halting('x');
    const saving = rejectionOf(storage.snapshots.save(metaOf('one', 5), chunks));
    let isClosed = false;
    files.fail({
      type: 'unlink',
      code: 'EIO',
      where: ({ path }) => {
        if (path.endsWith('.tmp') && path.startsWith(snapshotDirectory)) isClosed = true;
        return false;
      },
    });
    await until(() => files.unsettled().items.length > 0);
    const closing = storage[Symbol.asyncDispose]();

    await expect(walStorage('/data', { files, segmentBytes: 4096 })).rejects.toMatchObject({
      code: 'RAFT_LOCKED',
    });

    await closing;
    expect(isClosed).toBe(true);
    void saving;
  });
});
