import { describe, test } from 'vitest';

import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { simStores } from '../../src/testing/sim-fs/sim-stores.ts';
import { snapshotStoreSuite } from '../../src/testing/snapshot-store-suite.ts';
import { killed, openSnapshots, snapshotFiles } from './snapshots-under-test.ts';

const filesByStore = new WeakMap<SnapshotStore, SimFs>();

async function openOn(files: SimFs): Promise<SnapshotStore> {
  // As large as for real, since the suite has large contents.
  const store = await openSnapshots(files, {});
  filesByStore.set(store, files);
  return store;
}

const stores = simStores<SnapshotStore>(openOn, { maxStatesPerStep: 150 });

function filesOf(store: SnapshotStore): SimFs {
  const files = filesByStore.get(store);
  if (files === undefined) throw new TypeError('The store was opened by somebody else.');
  return files;
}

/** Flips a bit in the middle of the content. */
async function damage(store: SnapshotStore): Promise<void> {
  const files = filesOf(store);
  const [path = ''] = await snapshotFiles(files);
  const size = (await files.size(path)) ?? 0;
  files.flipBit(path, size - 24 - 4 - 10, 3);
}

async function storedBytes(store: SnapshotStore): Promise<number> {
  const files = filesOf(store);
  const sizes = (await snapshotFiles(files)).map((path) => files.size(path));
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

describe('the snapshot store on simulated files', () => {
  snapshotStoreSuite({
    test,
    open: stores.open,
    reopen: (store) => openOn(killed(filesOf(store))),
    powerCut: stores.powerCut,
    failWrite: (store, code) => void filesOf(store).fail({ type: 'write', code }),
    damage,
    storedBytes,
    largeSnapshotBytes: 3 * 1024 * 1024,
  });
});
