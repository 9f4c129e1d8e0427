import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { logStoreSuite } from '../../src/testing/log-store-suite.ts';
import { brokenGroupStores } from './broken-group-stores.ts';
import { brokenLogStores } from './broken-log-stores.ts';
import { CollectedCases } from './collected-cases.ts';
import { DiskLogStore, hooksFor } from './disk-log-store.ts';

describe('a log store on a disk in memory', () => {
  logStoreSuite({ test, ...hooksFor(DiskLogStore), longLogEntries: 2000 });
});

describe('the suite for log stores', () => {
  test.each([...brokenLogStores, ...brokenGroupStores])(
    'notices a store that $mistake',
    async ({ Store, noticedBy }) => {
      const hooks = { ...hooksFor(Store), longLogEntries: 100 };
      const cases = new CollectedCases((collect) => logStoreSuite({ test: collect, ...hooks }));

      const failure = await cases.failureOf(noticedBy);

      expect(failure).toBeInstanceOf(Error);
    },
  );

  test('names every hook that is missing, and skips nothing else', () => {
    const cases = new CollectedCases((collect) =>
      logStoreSuite({ test: collect, open: async () => memoryStorage().log }),
    );
    const complete = new CollectedCases((collect) =>
      logStoreSuite({ test: collect, ...hooksFor(DiskLogStore) }),
    );

    expect(complete.skipped).toEqual([]);
    expect(cases.names.length + cases.skipped.length).toBe(complete.names.length);
    for (const hook of ['reopen', 'powerCut', 'damage', 'failWrite', 'openTwice', 'hasWrite']) {
      expect(cases.skipped.join()).toContain(`\`${hook}\``);
    }
    expect(cases.names.join()).not.toContain('hook');
  });

  test('without a way to skip, a case that lacks its hook passes and says so', async () => {
    const names: string[] = [];
    const runs: (() => Promise<void>)[] = [];
    logStoreSuite({
      test: (name, run) => runs.push(run) + names.push(name),
      open: async () => memoryStorage().log,
      longLogEntries: 100,
    });

    const skipped = names.filter((name) => name.includes('(skipped: needs the hook'));

    expect(skipped).toHaveLength(16);
    for (const run of runs) await run();
  });

  test('notices a store with `write` that it was not told of, and one without that it was', async () => {
    const { hasWrite: _, ...hooks } = hooksFor(DiskLogStore);
    const untold = new CollectedCases((collect) => logStoreSuite({ test: collect, ...hooks }));
    const without = new CollectedCases((collect) =>
      logStoreSuite({ test: collect, open: async () => memoryStorage().log, hasWrite: true }),
    );

    const [first, second] = await Promise.all(
      [untold, without].map((cases) => cases.failureOf('the store has the optional `write`')),
    );

    assert.match(String(first), /Tell the suite `hasWrite: true`/);
    assert.match(String(second), /Leave `hasWrite` out/);
  });

  test('notices a power cut that cuts nothing', async () => {
    const hooks = { ...hooksFor(DiskLogStore), powerCut: async () => 0 };
    const cases = new CollectedCases((collect) => logStoreSuite({ test: collect, ...hooks }));

    const failure = await cases.failureOf('wherever the power is cut, what was');

    assert.match(String(failure), /The power was cut in no place/);
  });
});
