import { expect, test } from 'vitest';

import { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import { simStores } from '../../../src/testing/sim-fs/sim-stores.ts';
import { ToyStore } from './toy-store.ts';

const stores = simStores((files) => ToyStore.open(files), { recoveryEvery: 10 });

test('a store is opened again on what survived, and twice on the same files', async () => {
  const store = await stores.open();
  await store.add('kept');

  const reopened = await stores.reopen(store);
  await store.add('later');
  const second = await stores.openTwice(store);

  expect(reopened.texts).toEqual(['kept']);
  expect(second.texts).toEqual(['kept', 'later']);
  expect((await stores.open()).texts).toEqual([]);
});

test('the next write of a store is made to fail, and only that one', async () => {
  const store = await stores.open();
  stores.failWrite(store, 'ENOSPC');

  await expect(store.add('lost')).rejects.toMatchObject({ code: 'ENOSPC' });
  await store.add('kept');

  expect(store.texts).toEqual(['kept']);
});

test('the power is cut at each step of the work, and not before it', async () => {
  let acknowledgedCount = -1;
  const seen = new Set<string>();

  const stateCount = await stores.powerCut(
    async (store) => {
      acknowledgedCount = 0;
      for (const text of ['a', 'b']) {
        await store.add(text);
        acknowledgedCount += 1;
      }
    },
    async (store) => {
      seen.add(`${acknowledgedCount}: ${store.texts.join()}`);
      const reopened = await stores.reopen(store);
      expect(reopened.texts).toEqual(store.texts);
    },
  );

  expect(stateCount).toBeGreaterThan(10);
  expect([...seen].sort()).toEqual(['0: ', '0: a', '1: a', '1: a,b', '2: a,b']);
});

test('a store of somebody else is not taken for one of these', async () => {
  const stranger = await ToyStore.open(new SimFs());

  expect(() => stores.filesOf(stranger)).toThrow(TypeError);
});
