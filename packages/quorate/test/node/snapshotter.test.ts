import { describe, expect, test } from 'vitest';
import { entryBytes, SnapshotterUnderTest } from './snapshotter-under-test.ts';
import { settle } from './virtual-runtime.ts';

describe('a snapshot is built by itself', () => {
  test('after so many bytes, counted anew after each', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterBytes: 5 * entryBytes });

    await under.applyEach(14);

    expect(under.built.map(([index]) => index)).toEqual([5, 10]);
  });

  test('not before the log is as large as the last snapshot', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterBytes: 2 * entryBytes });
    under.stateBytes = 10 * entryBytes;

    await under.applyEach(30);

    const [first, second] = under.built.map(([index]) => index);
    expect(first).toBe(2);
    expect(second).toBeGreaterThanOrEqual(12);
    expect(second).toBeLessThan(16);
    expect(under.built).toHaveLength(3);
  });

  test('after so many entries, whatever their bytes', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 4 });

    await under.applyEach(9);

    expect(under.built.map(([index]) => index)).toEqual([4, 8]);
  });

  test('of exactly what is applied when it is frozen, in the middle of a run of batches', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 4 });

    await under.apply(6);

    expect(under.built.map(([index]) => index)).toEqual([4]);
    expect(under.applier.applied.index).toBe(6);
    // Two of the next four are applied already.
    await under.apply(2);
    expect(under.built.map(([index]) => index)).toEqual([4, 8]);
  });

  test('never while one is being built, and what is applied meanwhile counts for the next', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 3 });
    const saved = Promise.withResolvers<void>();
    under.store.onSave = () => saved.promise;
    await under.applyEach(10);
    expect(under.store.saves).toBe(1);

    saved.resolve();
    await settle();
    // Nothing more is applied for it; the next three are counted anew.
    expect(under.built.map(([index]) => index)).toEqual([3, 10]);
    await under.applyEach(3);
    expect(under.built.at(-1)).toEqual([13, 13]);
    expect(under.store.overlaps).toBe(0);
  });

  test('never during an install, and counted from the installed one on', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 3 });
    await under.snapshotter.beginInstall();
    await under.applyEach(8);
    expect(under.store.saves).toBe(0);

    under.snapshotter.restored({ lastLogId: { term: 1, index: 8 }, size: 10 });
    under.snapshotter.endInstall();
    await under.applyEach(2);
    expect(under.store.saves).toBe(0);
    await under.apply(1);

    expect(under.built.map(([index]) => index)).toEqual([11]);
  });
});

describe('on demand', () => {
  test('it covers all that is applied, and nothing is built when nothing was', async () => {
    const under = new SnapshotterUnderTest();
    expect(await under.snapshotter.take()).toEqual({ term: 0, index: 0 });
    await under.apply(3);

    expect(await under.snapshotter.take()).toEqual({ term: 1, index: 3 });
    expect(await under.snapshotter.take()).toEqual({ term: 1, index: 3 });

    expect(under.built).toEqual([[3, 3]]);
  });

  test('two who ask at once get the same one', async () => {
    const under = new SnapshotterUnderTest();
    await under.apply(3);

    const both = await Promise.all([under.snapshotter.take(), under.snapshotter.take()]);

    expect(both.map(({ index }) => index)).toEqual([3, 3]);
    expect(under.store.saves).toBe(1);
  });

  test('who asks while one is built gets another if that is older than the question', async () => {
    const under = new SnapshotterUnderTest();
    const saved = Promise.withResolvers<void>();
    under.store.onSave = () => saved.promise;
    await under.apply(3);
    const first = under.snapshotter.take();
    await settle();
    await under.apply(2);

    const second = under.snapshotter.take();
    saved.resolve();

    expect([(await first).index, (await second).index]).toEqual([3, 5]);
    expect(under.store.overlaps).toBe(0);
  });

  test('all who ask at once are content with one, however much is applied meanwhile', async () => {
    const under = new SnapshotterUnderTest();
    await under.apply(3);
    under.store.onSave = () => under.apply(1);

    const taken = await Promise.all(Array.from({ length: 10 }, () => under.snapshotter.take()));

    expect(taken.map(({ index }) => index)).toEqual(Array.from({ length: 10 }, () => 3));
    expect(under.store.saves).toBe(1);
  });

  test('it waits for an install, and is content with what that brought', async () => {
    const under = new SnapshotterUnderTest();
    await under.apply(3);
    await under.snapshotter.beginInstall();
    const taken = under.snapshotter.take();
    await settle();
    expect(under.store.saves).toBe(0);

    under.snapshotter.restored({ lastLogId: { term: 1, index: 7 }, size: 10 });
    under.snapshotter.endInstall();

    expect(await taken).toEqual({ term: 1, index: 7 });
    expect(under.store.saves).toBe(0);
  });
});

describe('a build that fails', () => {
  test('is tried again after a rest that doubles, and at once on demand', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 1 });
    const broken = new Error('no room');
    under.store.onSave = () => Promise.reject(broken);
    await under.apply(1);
    expect([under.store.saves, under.snapshotter.failure]).toEqual([1, broken]);

    for (const [restMs, saves] of [
      [999, 1],
      [1, 2],
      [1999, 2],
      [1, 3],
      [3999, 3],
      [1, 4],
    ] as const) {
      await under.runtime.advance(restMs);
      await under.apply(1);
      expect(under.store.saves).toBe(saves);
    }
    await expect(under.snapshotter.take()).rejects.toBe(broken);
    under.store.onSave = () => undefined;
    await under.snapshotter.take();

    expect(under.snapshotter.failure).toBeUndefined();
    await under.apply(1);
    expect(under.built.at(-1)?.[0]).toBe(under.applier.applied.index);
  });

  test('is tried again although nothing more is applied', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 3 });
    under.store.onSave = () => Promise.reject(new Error('no room'));
    await under.apply(3);
    await under.runtime.advance(1000);
    expect(under.store.saves).toBe(2);

    under.store.onSave = () => undefined;
    await under.runtime.advance(2000);

    expect(under.built.map(([index]) => index)).toEqual([3]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('leaves no timer when the node closes', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 3 });
    under.store.onSave = () => Promise.reject(new Error('no room'));
    await under.apply(3);
    expect(under.runtime.timerCount).toBe(1);

    await under.snapshotter.close();

    expect(under.runtime.timerCount).toBe(0);
  });

  test('has failed whatever was thrown', async () => {
    const under = new SnapshotterUnderTest();
    const thrown: unknown = undefined;
    under.store.onSave = () => Promise.reject(thrown);
    await under.apply(1);

    await expect(under.snapshotter.take()).rejects.toBeUndefined();

    expect(under.snapshotter.failure).toBeInstanceOf(Error);
  });

  test('by a throw in snapshot() leaves nothing, and applying goes on', async () => {
    const under = new SnapshotterUnderTest();
    under.onSnapshot = () => {
      throw new Error('busy');
    };
    await under.apply(3);

    await expect(under.snapshotter.take()).rejects.toThrow('busy');
    await under.apply(2);

    expect(under.applier.applied.index).toBe(5);
    expect(await under.currentIndex()).toBe(0);
    expect(under.built).toEqual([]);
  });

  test('lets go of the state', async () => {
    const under = new SnapshotterUnderTest();
    under.stateBytes = 1000;
    await under.apply(1);
    const save = under.store.save.bind(under.store);
    under.store.save = async (meta, chunks) => {
      for await (const chunk of chunks) if (chunk.length === 10) throw new Error('no room');
      await save(meta, chunks);
    };

    await expect(under.snapshotter.take()).rejects.toThrow('no room');

    expect(under.stream?.isClosed).toBe(true);
  });
});

describe('a build is given up', () => {
  test('for an install, and leaves nothing', async () => {
    const under = new SnapshotterUnderTest();
    under.stateBytes = 1000;
    const saved = Promise.withResolvers<void>();
    under.store.onSave = () => saved.promise;
    await under.apply(3);
    const taken = under.snapshotter.take();
    await settle();

    const begun = under.snapshotter.beginInstall();
    saved.resolve();
    await begun;
    expect(await under.currentIndex()).toBe(0);
    expect(under.built).toEqual([]);
    expect(under.snapshotter.failure).toBeUndefined();
    under.snapshotter.endInstall();

    // The install came to nothing, so who asked for a snapshot gets one of this node's own.
    expect((await taken).index).toBe(3);
    expect(under.store.overlaps).toBe(0);
  });

  test('for an install that comes to nothing, and begins again although nothing is applied', async () => {
    const under = new SnapshotterUnderTest({ snapshotAfterEntries: 3 });
    const saved = Promise.withResolvers<void>();
    under.store.onSave = () => saved.promise;
    await under.apply(3);
    const begun = under.snapshotter.beginInstall();
    saved.resolve();
    await begun;
    expect(under.built).toEqual([]);

    under.snapshotter.endInstall();
    await settle();

    expect(under.built.map(([index]) => index)).toEqual([3]);
  });

  test('without waiting for the time that its bytes take', async () => {
    const under = new SnapshotterUnderTest({ snapshotBuildBytesPerSecond: 1 });
    under.stateBytes = 1000;
    // Only a node that is at work builds at a pace.
    under.store.onSave = () => under.apply(1);
    await under.apply(3);
    const taken = under.snapshotter.take().catch((error: unknown) => error);
    await settle();
    await settle();
    await settle();
    expect(under.runtime.timerCount).toBe(1);

    await under.snapshotter.close();

    expect(await taken).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(under.runtime.timerCount).toBe(0);
  });

  test('when the node closes, and no other begins', async () => {
    const under = new SnapshotterUnderTest();
    under.stateBytes = 1000;
    const saved = Promise.withResolvers<void>();
    under.store.onSave = () => saved.promise;
    await under.apply(3);
    const first = under.snapshotter.take().catch((error: unknown) => error);
    const second = under.snapshotter.take().catch((error: unknown) => error);
    await settle();

    const closing = under.snapshotter.close();
    saved.resolve();
    await closing;

    expect(await first).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(await second).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(under.store.saves).toBe(1);
    expect(await under.currentIndex()).toBe(0);
  });
});

describe('the log that is kept', () => {
  test('behind a snapshot is at least keepBytes, and little more', async () => {
    const under = new SnapshotterUnderTest({ keepBytes: 50 * 4096 });
    await under.apply(5000);

    await under.snapshotter.take();

    const [[index, purgeTo] = [0, 0]] = under.built;
    const keptBytes = (index - purgeTo) * entryBytes;
    expect(keptBytes).toBeGreaterThanOrEqual(50 * 4096);
    expect(keptBytes).toBeLessThan(60 * 4096);
  });

  test('is all of it while there is less', async () => {
    const under = new SnapshotterUnderTest({ keepBytes: 1_000_000 });
    await under.apply(50);

    await under.snapshotter.take();

    expect(under.built).toEqual([[50, 0]]);
  });

  test('is counted from an installed snapshot on', async () => {
    const under = new SnapshotterUnderTest({ keepBytes: 10 * entryBytes });
    await under.apply(1000);
    await under.install(1000, 10);
    await under.apply(5);

    await under.snapshotter.take();

    expect(under.built).toEqual([[1005, 0]]);
  });
});
