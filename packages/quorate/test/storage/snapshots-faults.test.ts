import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { Fault, SimOperationType } from '../../src/testing/sim-fs/faults.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { collect, wholeOf } from '../../src/testing/snapshot-store/new-store.ts';
import {
  chunksOf,
  contentFor,
  killed,
  metaFor,
  openSnapshots,
  type Planned,
  SnapshotProgress,
  type Step,
  snapshotFiles,
} from './snapshots-under-test.ts';

const steps: readonly Step[] = [
  { type: 'save', index: 1, size: 700 },
  { type: 'receive', index: 5, size: 3000, to: 1300 },
  { type: 'save', index: 2, size: 2900 },
  { type: 'receive', index: 5, size: 3000 },
  { type: 'receiveWrong', index: 6, size: 900 },
  { type: 'save', index: 7, size: 1500, chunkBytes: 1500 },
  { type: 'receive', index: 9, size: 700, to: 100 },
  { type: 'receive', index: 8, size: 700 },
  { type: 'save', index: 8, size: 1000 },
];

/** Runs all steps, and counts those that failed. Whatever fails, the current snapshot stays. */
async function runAll(store: SnapshotStore, progress: SnapshotProgress): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await progress.run(store, [step]);
    } catch (error) {
      failures.push(error);
    }
    // If it failed, it must not count: nothing is in between here.
    progress.pending = undefined;
    await progress.assertPossible(store);
  }
  return failures;
}

/** Runs the steps with the first call failing, then the second, and so on; returns the failures. */
async function failEach(fault: Fault): Promise<number> {
  let failureCount = 0;
  for (let after = 0; ; after += 1) {
    const files = new SimFs();
    const planned = files.fail({ ...fault, after });
    const progress = new SnapshotProgress();
    const opened = await openSnapshots(files).catch((error: unknown) => error);
    if (opened instanceof Error) {
      assert.match(String(opened), new RegExp(fault.code));
      continue;
    }
    const store = opened as SnapshotStore;
    const failures = await runAll(store, progress);
    if (planned.hits === 0) return failureCount;
    assert.ok(failures.length <= 1, `one fault, and these failures: ${inspect(failures)}`);
    for (const failure of failures) assert.match(String(failure), new RegExp(fault.code));
    failureCount += failures.length;
    await assertSurvives(files, progress);
    await progress.assertGoesOn(store, files);
    await store[Symbol.asyncDispose]();
  }
}

/** What is current is so after the process died, and after a power cut. */
async function assertSurvives(files: SimFs, progress: SnapshotProgress): Promise<void> {
  for (const left of [killed(files), files.crash()]) {
    const store = await openSnapshots(left);
    await progress.assertPossible(store);
    await store[Symbol.asyncDispose]();
  }
}

describe('a snapshot store on a failing disk', () => {
  test.each<Partial<Fault>>([
    {},
    { keepsCache: true },
    { landedBytes: 1 },
    { landedBytes: 303 },
    { landedBytes: 512, keepsCache: true },
    { code: 'ENOSPC', landedBytes: 77 },
  ])(
    'fails the call whose write failed, keeps the current one, and goes on, with %o',
    async (fault) => {
      expect(await failEach({ type: 'write', code: 'EIO', ...fault })).toBeGreaterThan(30);
    },
  );

  test.each<[SimOperationType, number]>([
    ['sync', 8],
    ['create', 7],
    ['rename', 5],
    ['syncDirectory', 8],
    ['truncate', 0],
    // What cannot be removed harms nobody.
    ['unlink', 0],
  ])('does the same when a %s fails', async (type, least) => {
    expect(await failEach({ type, code: 'EIO' })).toBeGreaterThanOrEqual(least);
  });

  test('drops a part that cannot be read after a restart, and receives it anew', async () => {
    let failureCount = 0;
    for (let after = 0; ; after += 1) {
      const files = new SimFs();
      const plan: Planned = { index: 5, size: 3000 };
      const before = await openSnapshots(files);
      await new SnapshotProgress().run(before, [{ type: 'receive', ...plan, to: 2000 }]);
      await before[Symbol.asyncDispose]();
      const store = await openSnapshots(files);
      const planned = files.fail({ type: 'read', code: 'EIO', after });

      const first = await store.receive(metaFor(plan)).catch(String);
      if (planned.hits === 0) break;

      failureCount += 1;
      assert.match(inspect(first), /EIO/);
      const progress = new SnapshotProgress();
      await progress.run(store, [{ type: 'receive', ...plan }]);
      await progress.assertPossible(store);
    }

    expect(failureCount).toBeGreaterThan(3);
  });

  test('fails the reading whose read failed, and no other', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const progress = new SnapshotProgress();
    await progress.run(store, [{ type: 'save', index: 1, size: 3000 }]);
    for (let after = 0; ; after += 1) {
      const planned = files.fail({ type: 'read', code: 'EIO', after });

      const failure = await progress.assertPossible(store).catch(String);
      if (planned.hits === 0) break;

      assert.match(inspect(failure), /EIO/);
      await progress.assertPossible(store);
    }
  });

  test('removes what could not be removed as soon as it can', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const progress = new SnapshotProgress();
    await progress.run(store, [{ type: 'save', index: 1, size: 700 }]);
    files.fail({ type: 'unlink', code: 'EIO' });
    await progress.run(store, [{ type: 'save', index: 2, size: 700 }]);
    expect(await snapshotFiles(files)).toHaveLength(2);

    await progress.run(store, [{ type: 'save', index: 3, size: 700 }]);

    expect(await snapshotFiles(files)).toHaveLength(1);
  });
});

describe('a snapshot store on a disk that fills up', () => {
  test('keeps the current one wherever the room ends, and works again when there is some', async () => {
    let filledCount = 0;
    for (let capacityBytes = 0; capacityBytes <= 12_000; capacityBytes += 512) {
      const files = new SimFs({ capacityBytes });
      const progress = new SnapshotProgress();
      const store = await openSnapshots(files);
      const failures = await runAll(store, progress);
      for (const failure of failures) assert.match(String(failure), /ENOSPC/);
      filledCount += failures.length;

      files.capacityBytes = undefined;
      await progress.assertGoesOn(store, files);
      await store[Symbol.asyncDispose]();
    }

    expect(filledCount).toBeGreaterThan(50);
  });
});

describe('a snapshot that is damaged', () => {
  const plan: Planned = { index: 3, size: 1000 };

  async function image(): Promise<{ files: SimFs; path: string; size: number }> {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaFor(plan), chunksOf(plan));
    await store[Symbol.asyncDispose]();
    const [path = ''] = await snapshotFiles(files);
    return { files, path, size: (await files.size(path)) ?? 0 };
  }

  /** Reads as far as it goes. What comes must be right up to where the damage is. */
  async function readDamaged(files: SimFs, from = 0): Promise<unknown> {
    const content = Buffer.from(contentFor(plan.index, plan.size));
    let offset = from;
    try {
      const store = await openSnapshots(files);
      const snapshot = await store.current();
      assert.ok(snapshot, 'It is gone without a word.');
      for await (const chunk of snapshot.chunks(from)) {
        assert.ok(
          content.subarray(offset, offset + chunk.length).equals(chunk),
          'Damage came out.',
        );
        offset += chunk.length;
      }
    } catch (error) {
      return error;
    }
    assert.equal(offset, plan.size);
    return undefined;
  }

  test('is refused with file and offset, whichever byte it is, and its damage never comes out', async () => {
    const { files, path, size } = await image();
    for (let position = 0; position < size; position += 1) {
      const damaged = files.crash();
      damaged.flipBit(path, position, (position * 5) % 8);

      const error = await readDamaged(damaged);

      expect(error, `byte ${position}`).toMatchObject({ code: 'RAFT_DAMAGED', file: path });
      expect(String(error)).toMatch(/ at offset \d+: /);
    }
  });

  test('is refused when it was cut off, wherever', async () => {
    const { files, path, size } = await image();
    for (let length = 0; length < size; length += 1) {
      const damaged = files.crash();
      const file = await damaged.open(path, { mode: 'write' });
      await file.truncate(length);
      await file.close();

      expect(await readDamaged(damaged), `${length} bytes`).toMatchObject({
        code: 'RAFT_DAMAGED',
        file: path,
      });
    }
  });

  test('is read where it is right: the blocks before and after one that is not', async () => {
    const { files, path } = await image();
    files.flipBit(path, (await headLengthOf(files, path)) + 304 + 10, 1);
    const store = await openSnapshots(files);
    const snapshot = await store.current();

    expect(await readDamaged(files)).toMatchObject({ code: 'RAFT_DAMAGED' });
    expect(await readDamaged(files, 299)).toMatchObject({ code: 'RAFT_DAMAGED' });
    expect(await readDamaged(files, 600)).toBeUndefined();
    expect(snapshot?.size).toBe(plan.size);
  });

  test('is refused also while the store is open', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaFor(plan), chunksOf(plan));
    const [path = ''] = await snapshotFiles(files);
    files.zeroSector(path, 1);

    const snapshot = await store.current();

    assert.ok(snapshot);
    await expect(collect(snapshot.chunks())).rejects.toMatchObject({ code: 'RAFT_DAMAGED' });
  });

  test('costs a part that is being received no more than what follows the damage', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await new SnapshotProgress().run(store, [{ type: 'receive', ...plan, to: 950 }]);
    await store[Symbol.asyncDispose]();
    const [path = ''] = await snapshotFiles(files);
    files.flipBit(path, (await headLengthOf(files, path)) + 2 * 304 + 5, 1);

    const again = await openSnapshots(files);
    const receiver = await again.receive(metaFor(plan));

    expect(receiver.offset).toBe(600);
    const content = contentFor(plan.index, plan.size);
    await receiver.write(content.subarray(600));
    await receiver.finish(wholeOf(content));
    expect(await readDamaged(files)).toBeUndefined();
  });

  async function headLengthOf(files: SimFs, path: string): Promise<number> {
    const file = await files.open(path, { mode: 'read' });
    const bytes = Buffer.alloc(20);
    await file.read(bytes, 0);
    await file.close();
    return 20 + bytes.readUInt32LE(8);
  }
});
