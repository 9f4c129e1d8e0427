import assert from 'node:assert/strict';
import { assertEntries, assertMissing, at, commands } from './entries.ts';
import { onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** How a log loses its end (`truncate`) and its start (`purge`), and goes on after that. */
export function logEndsCases(options: LogStoreSuiteOptions): void {
  truncateCases(options);
  purgeCases(options);
}

function truncateCases(options: LogStoreSuiteOptions): void {
  const { test } = options;

  test(
    'truncating at or after the last entry removes nothing',
    onNewStore(options, async (store) => {
      await store.truncate(0);
      await store.append(commands(1, 4));
      await store.truncate(3);
      await store.truncate(9);

      assertEntries(await store.read(1, 4), commands(1, 4));
    }),
  );

  test(
    'the log goes on where it was truncated, and the old entries never come back',
    onNewStore(options, async (store, again) => {
      await store.append(commands(1, 11));

      await store.truncate(4);
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(1, 4) });
      await store.append(commands(5, 7, 2));
      const reopened = await again(store);

      assertEntries(await reopened.read(1, 7), [...commands(1, 5), ...commands(5, 7, 2)]);
      assert.deepEqual(await reopened.state(), { purged: at(0, 0), last: at(2, 6) });
      await assertMissing(reopened.read(7, 8));
    }),
  );

  test(
    'truncating at the purged end, or at 0, removes all that remains',
    onNewStore(options, async (store, again) => {
      await store.append(commands(1, 4));
      await store.truncate(0);
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(0, 0) });
      await store.append(commands(1, 11, 2));
      await store.purge(at(2, 6));
      await store.truncate(6);

      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(2, 6), last: at(2, 6) });
      await reopened.append(commands(7, 9, 3));
      assertEntries(await reopened.read(7, 9), commands(7, 9, 3));
    }),
  );
}

function purgeCases(options: LogStoreSuiteOptions): void {
  const { test } = options;

  test(
    'both ends are right in every state of the log',
    onNewStore(options, async (store) => {
      const ends = async (): Promise<unknown> => {
        const { purged, last } = await store.state();
        return [purged.term, purged.index, last.term, last.index];
      };
      assert.deepEqual(await ends(), [0, 0, 0, 0]);
      await store.append(commands(1, 4, 1));
      await store.append(commands(4, 6, 3));
      assert.deepEqual(await ends(), [0, 0, 3, 5]);
      await store.purge(at(0, 0));
      assert.deepEqual(await ends(), [0, 0, 3, 5]);
      await store.purge(at(1, 2));
      assert.deepEqual(await ends(), [1, 2, 3, 5]);
      await store.purge(at(3, 5));
      assert.deepEqual(await ends(), [3, 5, 3, 5]);
      await store.purge(at(4, 9));
      assert.deepEqual(await ends(), [4, 9, 4, 9]);
      await store.append(commands(10, 12, 5));
      assert.deepEqual(await ends(), [4, 9, 5, 11]);
    }),
  );

  test(
    'purging in the middle keeps the rest, and the same or an older id changes nothing',
    onNewStore(options, async (store, again) => {
      await store.append(commands(1, 11));
      await store.purge(at(0, 0));
      await store.purge(at(1, 6));
      await store.purge(at(1, 6));
      await store.purge(at(1, 2));

      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(1, 6), last: at(1, 10) });
      assertEntries(await reopened.read(7, 11), commands(7, 11));
      await reopened.append(commands(11, 13));
      assertEntries(await reopened.read(7, 13), commands(7, 13));
    }),
  );

  test(
    'purging at the last entry leaves an empty log that goes on',
    onNewStore(options, async (store, again) => {
      await store.append(commands(1, 11, 3));
      await store.purge(at(3, 10));

      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(3, 10), last: at(3, 10) });
      await reopened.append(commands(11, 12, 4));
      assertEntries(await reopened.read(11, 12), commands(11, 12, 4));
    }),
  );

  test(
    'purging beyond the last entry, or on an empty store, starts the log after it',
    onNewStore(options, async (store, again) => {
      await store.purge(at(2, 5));
      assert.deepEqual(await store.state(), { purged: at(2, 5), last: at(2, 5) });
      await store.append(commands(6, 9, 2));
      await store.purge(at(3, 20));

      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(3, 20), last: at(3, 20) });
      await assertMissing(reopened.read(8, 9));
      await reopened.append(commands(21, 23, 3));
      assertEntries(await reopened.read(21, 23), commands(21, 23, 3));
    }),
  );

  test(
    'purging an id whose term the log does not have there empties the log',
    onNewStore(options, async (store, again) => {
      await store.append(commands(1, 11, 1));
      await store.purge(at(2, 6));

      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(2, 6), last: at(2, 6) });
      await assertMissing(reopened.read(7, 8));
    }),
  );
}
