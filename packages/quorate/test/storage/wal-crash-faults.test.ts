import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import { identity } from '../../src/testing/log-store/entries.ts';
import { contentOf, type StoreWrite } from '../../src/testing/log-store/model.ts';
import type { Fault } from '../../src/testing/sim-fs/faults.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import {
  append,
  assertGoesOn,
  defaultSegmentBytes,
  openWal,
  Progress,
  purge,
  together,
  truncate,
  vote,
} from './wal-under-test.ts';

const writes: readonly StoreWrite[] = [
  { type: 'saveIdentity', identity },
  vote(1, 'a'),
  append(1, 1, [100, 600]),
  append(3, 1, [9000]),
  truncate(2),
  append(3, 2, [5000, 5000]),
  vote(2, 'b'),
  append(5, 2, [7000]),
  purge(2, 4),
  append(6, 2, [20_000, 10]),
  append(8, 2, [10]),
  together(vote(3), truncate(7), append(8, 3, [40, 7000])),
];

interface Failed {
  readonly progress: Progress;
  readonly error: unknown;
}

/** Runs the workload up to its end or its first failure, after which no write may succeed. */
async function runUntilFailure(files: SimFs): Promise<Failed> {
  const progress = new Progress();
  const [opened, refusal] = await outcome(openWal(files));
  if (opened === undefined) return { progress, error: refusal };
  await using store = opened;
  const [, error] = await outcome(progress.run(store, writes));
  if (error !== undefined) {
    await assert.rejects(store.saveVote({ term: 50, votedFor: 'x' }), { code: 'RAFT_FATAL' });
    await assert.rejects(store.saveIdentity(identity), { code: 'RAFT_FATAL' });
  }
  return { progress, error };
}

async function outcome<Result>(
  running: Promise<Result>,
): Promise<[Result, undefined] | [undefined, unknown]> {
  try {
    return [await running, undefined];
  } catch (error) {
    return [undefined, error];
  }
}

/** What is left is what was acknowledged, with or without the write that failed, and works. */
async function assertRecovers(files: SimFs, { progress }: Failed): Promise<void> {
  const crashed = files.crash();
  await using store = await openWal(crashed);
  const found = await contentOf(store);
  progress.assertPossible(found);
  await assertGoesOn(store, crashed, found);
}

/** Runs the workload with the first call failing, then the second, and so on; returns how many. */
async function failEach(fault: Fault): Promise<number> {
  let failedCount = 0;
  for (let after = 0; ; after += 1) {
    const files = new SimFs();
    const planned = files.fail({ ...fault, after });
    const failed = await runUntilFailure(files);
    if (planned.hits === 0) return failedCount;
    if (failed.error !== undefined) failedCount += 1;
    await assertRecovers(files, failed);
  }
}

describe('a write-ahead log on a failing disk', () => {
  test.each<Partial<Fault>>([
    {},
    { keepsCache: true },
    { landedBytes: 1 },
    { landedBytes: 40 },
    { landedBytes: 300, keepsCache: true },
    { landedBytes: 512 },
    { landedBytes: 4096 },
    { code: 'ENOSPC', landedBytes: 77 },
  ])('takes no write after one that failed once, with %o', async (fault) => {
    const failedCount = await failEach({ type: 'write', code: 'EIO', ...fault });

    // Spare segments are written too, and may fail without harm.
    expect(failedCount).toBeGreaterThan(writes.length);
  });

  test.each(['sync', 'truncate', 'create', 'rename', 'unlink', 'syncDirectory'] as const)(
    'keeps what it acknowledged when a %s fails once',
    async (type) => {
      const failedCount = await failEach({ type, code: 'EIO' });

      expect(failedCount).toBeGreaterThanOrEqual(0);
    },
  );

  test('refuses to open, or reads what is right, when a read fails', async () => {
    const files = new SimFs();
    const { progress, error } = await runUntilFailure(files);
    expect(error).toBeUndefined();

    for (let after = 0; ; after += 1) {
      const crashed = files.crash();
      const planned = crashed.fail({ type: 'read', code: 'EIO', after });
      const opened = await openWal(crashed).then(contentOf).catch(String);
      if (planned.hits === 0) break;
      if (typeof opened === 'string') assert.match(opened, /EIO/);
      else progress.assertPossible(opened);
    }
  });
});

describe('a write-ahead log on a disk that fills up', () => {
  test('keeps what it acknowledged wherever the room ends, and works again when there is some', async () => {
    let filledCount = 0;
    for (let capacityBytes = 0; capacityBytes <= 6 * defaultSegmentBytes; capacityBytes += 512) {
      const files = new SimFs({ capacityBytes });
      const failed = await runUntilFailure(files);
      if (failed.error !== undefined) {
        assert.match(inspect(failed.error), /ENOSPC/);
        filledCount += 1;
      }
      files.capacityBytes = undefined;
      await assertRecovers(files, failed);
    }

    expect(filledCount).toBeGreaterThan(30);
  });

  test('says that room is low before a write fails', async () => {
    const files = new SimFs({ capacityBytes: 3 * defaultSegmentBytes });
    await using store = await openWal(files);
    let index = 1;
    while (!store.isLow) {
      await new Progress().run(store, [append(index, 1, [1000])]);
      index += 1;
    }

    expect(index).toBeGreaterThan(2);
  });
});
