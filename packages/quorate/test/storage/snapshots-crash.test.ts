import { describe, expect, test } from 'vitest';

import { enumerateCrashes } from '../../src/testing/sim-fs/enumerate-crashes.ts';
import { openSnapshots, SnapshotProgress, type Step } from './snapshots-under-test.ts';

interface Workload {
  readonly name: string;
  readonly steps: readonly Step[];
  /** So many states there are at least. */
  readonly least: number;
  readonly seed?: string;
}

/** Blocks hold 300 bytes, and a sync comes after 1500. */
const workloads: readonly Workload[] = [
  {
    name: 'saves of several sizes, each newer than the one before',
    least: 4000,
    steps: [
      { type: 'save', index: 1, size: 0 },
      { type: 'save', index: 2, size: 1 },
      { type: 'save', index: 3, size: 299 },
      { type: 'save', index: 4, size: 300 },
      { type: 'save', index: 5, size: 301 },
      { type: 'save', index: 6, size: 2000 },
      { type: 'save', index: 7, size: 5000, chunkBytes: 1999 },
      { type: 'save', index: 8, size: 700 },
    ],
  },
  {
    name: 'saves of which some are older',
    least: 500,
    steps: [
      { type: 'save', index: 5, size: 900 },
      { type: 'save', index: 3, size: 900 },
      { type: 'save', index: 5, size: 1300 },
      { type: 'save', index: 6, size: 10 },
      { type: 'save', index: 1, size: 10 },
    ],
  },
  {
    name: 'snapshots received in one go',
    least: 2500,
    steps: [
      { type: 'receive', index: 1, size: 0 },
      { type: 'receive', index: 2, size: 700 },
      { type: 'receive', index: 3, size: 4000, chunkBytes: 333 },
      { type: 'receive', index: 4, size: 3000, chunkBytes: 3000 },
    ],
  },
  {
    name: 'snapshots received in pieces, and one by which the node passes another',
    least: 3500,
    steps: [
      { type: 'save', index: 1, size: 500 },
      { type: 'receive', index: 5, size: 3000, to: 700 },
      { type: 'receive', index: 5, size: 3000, to: 1100 },
      { type: 'save', index: 2, size: 800 },
      { type: 'receive', index: 5, size: 3000 },
      { type: 'receive', index: 7, size: 2000, to: 1500 },
      { type: 'receive', index: 8, size: 1000, to: 400 },
      { type: 'save', index: 9, size: 20 },
    ],
  },
  {
    name: 'receipts that are not the whole, or are discarded',
    least: 1500,
    steps: [
      { type: 'save', index: 1, size: 400 },
      { type: 'receiveWrong', index: 2, size: 1200 },
      { type: 'receive', index: 3, size: 1200, to: 600 },
      { type: 'discard', index: 3, size: 1200 },
      { type: 'receive', index: 3, size: 1200 },
      { type: 'receiveWrong', index: 2, size: 900 },
    ],
  },
  {
    name: 'everything in turn (seed 2)',
    least: 3000,
    seed: '2',
    steps: [
      { type: 'receive', index: 4, size: 2500, to: 2400 },
      { type: 'save', index: 3, size: 1000, chunkBytes: 77 },
      { type: 'receive', index: 4, size: 2500 },
      { type: 'save', index: 6, size: 2600, chunkBytes: 2600 },
      { type: 'receive', index: 9, size: 1800, to: 1 },
      { type: 'receive', index: 9, size: 1800, to: 300 },
      { type: 'receive', index: 9, size: 1800, to: 899 },
      { type: 'receive', index: 9, size: 1800 },
    ],
  },
];

describe('wherever the power is cut, the snapshot that was acknowledged is there, or the next', () => {
  test.each(workloads)('in a workload of $name', async ({ steps, least, seed = '1' }) => {
    let progress = new SnapshotProgress();
    const seen = { pending: 0, keptBytes: 0 };

    const {
      states,
      steps: moments,
      recoveryStates,
    } = await enumerateCrashes({
      seed,
      maxStatesPerStep: 250,
      open: (files) => openSnapshots(files),
      work: (store) => {
        progress = new SnapshotProgress();
        return progress.run(store, steps);
      },
      check: async (store, { files, number }) => {
        const found = await progress.assertPossible(store);
        if (found !== undefined && found === progress.pending) seen.pending += 1;
        if (number % 3 === 0) seen.keptBytes += await progress.assertGoesOn(store, files);
      },
    });

    console.log(
      `snapshots: ${states} crash states at ${moments} moments, ` +
        `${recoveryStates} of them in recoveries; in ${seen.pending} the one under way was there`,
    );
    expect(states).toBeGreaterThan(least);
    expect(seen.pending).toBeGreaterThan(0);
    const hasParts = steps.some(({ type }) => type !== 'save');
    expect(seen.keptBytes > 0).toBe(hasParts);
  });
});
