import { describe, expect, test } from 'vitest';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { SnapshotStoreSuiteOptions } from '../../src/testing/snapshot-store/options.ts';
import { snapshotStoreSuite } from '../../src/testing/snapshot-store-suite.ts';
import { brokenSnapshotStores, CuttableSnapshotStore } from './broken-snapshot-stores.ts';
import { CollectedCases } from './collected-cases.ts';

function hooksFor(
  Store: new () => CuttableSnapshotStore,
): Omit<Required<SnapshotStoreSuiteOptions>, 'test' | 'reopen'> {
  return {
    open: async () => new Store(),
    damage: flipABit,
    failWrite: (store, code) => {
      (store as CuttableSnapshotStore).failure = code;
    },
    storedBytes: contentSize,
    largeSnapshotBytes: 1000,
    powerCut: async (work, check) => {
      for (let steps = 0; ; steps += 1) {
        const store = new Store();
        store.stepsLeft = steps;
        const wasCut = await work(store).then(
          () => false,
          () => true,
        );
        store.stepsLeft = Number.POSITIVE_INFINITY;
        await check(store);
        if (!wasCut) return steps + 1;
      }
    },
  };
}

/** The memory store hands out the very chunks that it keeps. */
async function flipABit(store: SnapshotStore): Promise<void> {
  const snapshot = await store.current();
  if (snapshot === undefined) return;
  for await (const chunk of snapshot.chunks()) {
    chunk[0] = (chunk[0] ?? 0) ^ 1;
    return;
  }
}

async function contentSize(store: SnapshotStore): Promise<number> {
  let size = 0;
  const snapshot = await store.current();
  if (snapshot === undefined) return size;
  for await (const chunk of snapshot.chunks()) size += chunk.byteLength;
  return size;
}

describe('a snapshot store in memory whose power can be cut', () => {
  // Without `damage`, which the memory store does not notice.
  const { damage: _, ...hooks } = hooksFor(CuttableSnapshotStore);
  snapshotStoreSuite({ test, ...hooks });
});

describe('the suite for snapshot stores', () => {
  test.each(brokenSnapshotStores)('notices a store that $mistake', async ({ Store, noticedBy }) => {
    const cases = new CollectedCases((collect) =>
      snapshotStoreSuite({ test: collect, ...hooksFor(Store) }),
    );

    expect(await cases.failureOf(noticedBy)).toBeInstanceOf(Error);
  });

  test('notices a store that frees no space', async () => {
    const hooks = { ...hooksFor(CuttableSnapshotStore), storedBytes: async () => 2 ** 20 + 3 };
    const cases = new CollectedCases((collect) => snapshotStoreSuite({ test: collect, ...hooks }));

    expect(await cases.failureOf('the space of a replaced snapshot')).toBeInstanceOf(Error);
    expect(await cases.failureOf('of a save that breaks half-way nothing')).toBeInstanceOf(Error);
    expect(await cases.failureOf('of what was received and is not')).toBeInstanceOf(Error);
  });
});
