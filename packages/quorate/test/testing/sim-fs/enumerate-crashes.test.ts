import assert from 'node:assert/strict';

import { describe, expect, test } from 'vitest';

import {
  type EnumeratedCrashes,
  enumerateCrashes,
} from '../../../src/testing/sim-fs/enumerate-crashes.ts';
import { type ToyFlaw, ToyStore } from './toy-store.ts';

/** Adds and replaces texts, and checks that each is there from its acknowledgement on. */
function crashToy(flaw?: ToyFlaw, seed = '1'): Promise<EnumeratedCrashes> {
  let acknowledged: string[] = [];
  let underWay: string[] = [];
  return enumerateCrashes<ToyStore>({
    seed,
    maxStatesPerStep: 300,
    recoveryEvery: 5,
    open: (files) => ToyStore.open(files, flaw),
    work: async (store) => {
      const change = async (after: string[], run: () => Promise<void>): Promise<void> => {
        underWay = after;
        await run();
        acknowledged = after;
      };
      for (const size of [3, 600, 20, 1500]) {
        const text = String(size % 7).repeat(size);
        await change([...acknowledged, text], () => store.add(text));
      }
      const whole = 'whole '.repeat(150);
      await change([whole], () => store.replaceAll(whole));
      await change([...acknowledged, 'last'], () => store.add('last'));
    },
    check: async (store, { files }) => {
      const found = [...store.texts];
      const allowed = [acknowledged, underWay].map((texts) => JSON.stringify(texts));
      assert.ok(allowed.includes(JSON.stringify(found)), `wrong texts: ${found.join()}`);

      await store.add('one more');
      await using again = await ToyStore.open(files.crash(), flaw);
      assert.deepEqual(again.texts, [...found, 'one more']);
    },
  });
}

describe('the enumeration of crashes', () => {
  test('finds nothing wrong with a store that keeps its promises', async () => {
    const { states, steps, recoveryStates } = await crashToy();

    expect(states).toBeGreaterThan(300);
    expect(steps).toBeGreaterThan(12);
    expect(recoveryStates).toBeGreaterThan(20);
  });

  test('takes the same states for the same seed', async () => {
    expect(await crashToy(undefined, 'x')).toEqual(await crashToy(undefined, 'x'));
  });

  test.each<ToyFlaw>([
    'no sync of the directory',
    'no checksum',
    'rename before sync',
    'acknowledges early',
  ])('catches a store with this flaw: %s', async (flaw) => {
    await expect(crashToy(flaw)).rejects.toThrow(/^Crash state \d+ of seed 1, with the power cut /);
  });

  test('says so when the workload waits for something else', async () => {
    const endless = enumerateCrashes<ToyStore>({
      open: (files) => ToyStore.open(files),
      work: () => new Promise(() => {}),
      check: async () => {},
    });

    await expect(endless).rejects.toThrow('waits for something that is not an operation');
  });

  test('fails as the workload fails', async () => {
    const failing = enumerateCrashes<ToyStore>({
      open: (files) => ToyStore.open(files),
      work: () => Promise.reject(new Error('no work today')),
      check: async () => {},
    });

    await expect(failing).rejects.toThrow('no work today');
  });
});
