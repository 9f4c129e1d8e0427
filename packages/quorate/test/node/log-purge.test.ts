import { describe, expect, onTestFinished, test } from 'vitest';
import type { Entry, LogId } from '../../src/core/types.ts';
import { Log } from '../../src/node/log.ts';
import { commandRun, indexesOf } from './entries.ts';
import { GatedStore } from './gated-store.ts';
import { settle } from './virtual-runtime.ts';

interface TestLog {
  readonly log: Log;
  readonly store: GatedStore;
  /** What was reported, in order. */
  readonly reports: string[];
  readonly failures: unknown[];
}

function openLog(tailCacheBytes = 1024 * 1024, store = new GatedStore()): TestLog {
  const reports: string[] = [];
  const failures: unknown[] = [];
  const log = new Log({
    store,
    identity: { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 },
    last: 0,
    tailCacheBytes,
    onPersisted: (write) => reports.push(`write ${write}`),
    onPurged: ({ index }) => reports.push(`purge ${index}`),
    onFailure: (cause) => failures.push(cause),
  });
  onTestFinished(() => expect(store.overlaps).toEqual([]));
  return { log, store, reports, failures };
}

function at(index: number, term = 1): LogId {
  return { term, index };
}

function namesOf({ writes }: GatedStore): string[] {
  return writes.map(({ name }) => name);
}

describe('a purge', () => {
  test('is done in its turn: after the writes before it, before those that follow', async () => {
    const { log, store, reports } = openLog();
    store.hold();
    log.persist({ write: 1, append: commandRun(1, 1, 4) });
    log.persist({ write: 2, append: commandRun(1, 4, 6) });
    log.purge(at(3), { all: false });
    log.persist({ write: 3, append: commandRun(1, 6, 7) });
    log.persist({ write: 4, append: commandRun(1, 7, 8) });
    expect(log.isWriting).toBe(true);

    store.release();
    await settle();

    expect(reports).toEqual(['write 1', 'write 2', 'purge 3', 'write 4']);
    expect(namesOf(store)).toEqual(['append', 'append', 'purge', 'append']);
    expect(await store.state()).toEqual({ purged: at(3), last: at(7) });
    expect(log.isWriting).toBe(false);
  });

  test('that comes first is not held up by what follows, and two are two', async () => {
    const { log, reports } = openLog();
    log.persist({ write: 1, append: commandRun(1, 1, 9) });
    await settle();

    log.purge(at(2), { all: false });
    log.purge(at(5), { all: false });
    log.persist({ write: 2, vote: { term: 2, votedFor: 'b' } });
    await settle();

    expect(reports.slice(1)).toEqual(['purge 2', 'purge 5', 'write 2']);
    expect(indexesOf((await log.read(6, 9, 1024)) as readonly Entry[])).toEqual([6, 7, 8]);
  });

  test('takes the entries out of memory at once', () => {
    const { log, store } = openLog();
    store.hold();
    log.persist({ write: 1, append: commandRun(1, 1, 6) });

    log.purge(at(3), { all: false });

    expect(indexesOf(log.read(4, 6, 1024) as readonly Entry[])).toEqual([4, 5]);
    const purged = log.read(3, 6, 1024);
    expect(purged).toBeInstanceOf(Promise);
    (purged as Promise<Entry[]>).catch(() => undefined);
    store.release();
  });

  test('that fails is a failure of the log, after which nothing is written', async () => {
    const { log, store, failures, reports } = openLog();
    log.persist({ write: 1, append: commandRun(1, 1, 4) });
    await settle();
    const broken = new Error('bad sector');
    store.onWrite = (name) => {
      if (name === 'purge') throw broken;
    };

    log.purge(at(2), { all: false });
    log.persist({ write: 2, append: commandRun(1, 4, 5) });
    await settle();

    expect(failures).toEqual([broken]);
    expect(reports).toEqual(['write 1']);
    expect(namesOf(store)).toEqual(['append', 'purge']);
  });

  test('that waits when the log is closed is not done', async () => {
    const { log, store } = openLog();
    store.hold();
    log.persist({ write: 1, append: commandRun(1, 1, 4) });
    log.purge(at(2), { all: false });

    const closing = log.close();
    store.release();
    await closing;

    expect(namesOf(store)).toEqual(['append']);
  });
});

describe('a purge of everything', () => {
  test('lets the log go on after it, ahead of what was stored', async () => {
    const { log, store } = openLog();
    log.persist({ write: 1, append: commandRun(1, 1, 4) });

    log.purge(at(20, 3), { all: true });
    log.persist({ write: 2, append: commandRun(3, 21, 23) });
    await settle();

    expect(await store.state()).toEqual({ purged: at(20, 3), last: at(22, 3) });
    expect(indexesOf(log.read(21, 23, 1024) as readonly Entry[])).toEqual([21, 22]);
  });

  test('in the middle of a log of another history drops the rest of it', async () => {
    const { log, store } = openLog();
    log.persist({ write: 1, append: commandRun(1, 1, 10) });

    log.purge(at(5, 2), { all: true });
    log.persist({ write: 2, append: commandRun(2, 6, 8) });
    await settle();

    expect(await store.state()).toEqual({ purged: at(5, 2), last: at(7, 2) });
    expect((await store.read(6, 8)).map(({ logId }) => logId.term)).toEqual([2, 2]);
  });

  test.each([
    ['ahead of it', 20],
    ['at its end', 9],
    ['in its middle', 5],
  ])(
    'while an append is under way: when that is done, nothing unwritten is dropped (%s)',
    async (_where, index) => {
      const { log, store } = openLog(1);
      store.hold();
      log.persist({ write: 1, append: commandRun(1, 1, 10) });
      await settle();
      log.purge(at(index, 2), { all: true });
      log.persist({ write: 2, append: commandRun(2, index + 1, index + 4) });

      store.releaseOne();
      await settle();

      const unwritten = log.read(index + 1, index + 4, 1024 * 1024);
      expect(unwritten).not.toBeInstanceOf(Promise);
      expect((unwritten as readonly Entry[]).map(({ logId }) => logId.term)).toEqual([2, 2, 2]);
      store.releaseOne();
      await settle();
      expect(log.read(index + 1, index + 4, 1024 * 1024)).not.toBeInstanceOf(Promise);
      store.release();
      await settle();
      expect((await store.state()).last).toEqual(at(index + 3, 2));
    },
  );
});
