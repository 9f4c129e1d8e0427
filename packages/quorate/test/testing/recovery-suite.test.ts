import { describe, expect, test } from 'vitest';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { Storage } from '../../src/contract/storage.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import type { RecoverySuiteOptions } from '../../src/testing/recovery/options.ts';
import { recoverySuite } from '../../src/testing/recovery-suite.ts';
import { brokenLogStores } from './broken-log-stores.ts';
import { CollectedCases } from './collected-cases.ts';
import { Disk, DiskLogStore } from './disk-log-store.ts';

type Store = new (disk: Disk) => DiskLogStore;

function storageOf(
  log: DiskLogStore,
  snapshots: SnapshotStore = new MemorySnapshotStore(),
): Storage {
  return {
    log,
    snapshots,
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}

function hooksFor(LogStore: Store): Required<Omit<RecoverySuiteOptions, 'test'>> {
  return {
    open: async () => storageOf(new LogStore(new Disk())),
    reopen: async ({ log, snapshots }) => {
      const { disk } = log as DiskLogStore;
      disk.isOpen = false;
      return storageOf(new LogStore(disk), snapshots);
    },
  };
}

describe('nodes on a disk in memory', () => {
  recoverySuite({ test, ...hooksFor(DiskLogStore) });
});

describe('the suite for recovery', () => {
  test.each([
    ['keeps its first identity', 'each start is counted'],
    ['goes back to an older vote', 'a node that starts again'],
    ['keeps truncated entries', 'when the newest membership is truncated'],
  ])('notices a storage that %s', async (mistake, noticedBy) => {
    const broken = brokenLogStores.find((one) => one.mistake === mistake);
    const cases = new CollectedCases((collect) =>
      recoverySuite({ test: collect, ...hooksFor(broken?.Store ?? DiskLogStore) }),
    );

    expect(await cases.failureOf(noticedBy)).toBeInstanceOf(Error);
  });
});
