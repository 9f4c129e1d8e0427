import { describe, test } from 'vitest';

import type { LogStoreSuiteOptions } from '../../src/testing/log-store/options.ts';
import { logStoreSuite } from '../../src/testing/log-store-suite.ts';
import type { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { simStores } from '../../src/testing/sim-fs/sim-stores.ts';
import { openWal, walFiles } from './wal-under-test.ts';

type Store = Awaited<ReturnType<LogStoreSuiteOptions['open']>>;

const stores = simStores<Store>((files) => openWal(files), { maxStatesPerStep: 150 });

/** Flips a bit of the entry of term 1 with that index, where it lies in a segment. */
async function damageEntry(files: SimFs, index: number): Promise<void> {
  const wanted = Buffer.alloc(16);
  wanted.writeBigUInt64LE(1n, 0);
  wanted.writeBigUInt64LE(BigInt(index), 8);
  for (const path of await walFiles(files)) {
    await using file = await files.open(path, { mode: 'read' });
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    const position = bytes.indexOf(wanted);
    if (position >= 0) return files.flipBit(path, position + 8, 0);
  }
  throw new Error(`Entry ${index} is in no segment.`);
}

describe('the write-ahead log on simulated files', () => {
  logStoreSuite({
    test,
    open: stores.open,
    reopen: stores.reopen,
    openTwice: stores.openTwice,
    powerCut: stores.powerCut,
    // Spare segments are written in the background, and may fail without harm.
    failWrite: (store, code) =>
      stores.failWrite(store, code, {
        where: ({ path }) => path.endsWith('.wal'),
      }),
    damage: (store, index) => damageEntry(stores.filesOf(store), index),
    hasWrite: true,
    longLogEntries: 2000,
  });
});
