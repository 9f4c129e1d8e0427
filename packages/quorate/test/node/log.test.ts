import { describe, expect, onTestFinished, test } from 'vitest';
import type { Entry, Identity } from '../../src/core/types.ts';
import { Log, type LogOptions, type Write } from '../../src/node/log.ts';
import { commandRun, indexesOf } from './entries.ts';
import { GatedStore } from './gated-store.ts';
import { GroupingStore } from './grouping-store.ts';
import { settle } from './virtual-runtime.ts';

const identity: Identity = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };

interface TestLog {
  readonly log: Log;
  readonly store: GatedStore;
  readonly persisted: number[];
  readonly failures: unknown[];
}

type OpenOptions = Partial<Omit<LogOptions, 'store'>> & { readonly store?: GatedStore };

function openLog({ store = new GatedStore(), ...options }: OpenOptions = {}): TestLog {
  const persisted: number[] = [];
  const failures: unknown[] = [];
  const log = new Log({
    store,
    identity,
    last: 0,
    tailCacheBytes: 1024 * 1024,
    onPersisted: (write) => persisted.push(write),
    onPurged: () => undefined,
    onFailure: (cause) => failures.push(cause),
    ...options,
  });
  onTestFinished(() => expect(store.overlaps).toEqual([]));
  return { log, store, persisted, failures };
}

function appendWrite(write: number, entries: readonly Entry[]): Write {
  return { write, append: entries };
}

function memberEntry(term: number, index: number): Entry {
  const membership = { cluster: 'new', voters: [['a']], nodes: { a: {} } };
  return { logId: { term, index }, payload: { type: 'membership', membership } };
}

describe('group commit', () => {
  test('all that arrives during one write is one append and one report', async () => {
    const { log, store, persisted } = openLog();
    store.hold();

    log.persist(appendWrite(1, commandRun(1, 1, 2)));
    log.persist(appendWrite(2, commandRun(1, 2, 4)));
    log.persist(appendWrite(3, commandRun(1, 4, 5)));
    expect(log.isWriting).toBe(true);
    store.release();
    await settle();

    expect(store.appends.map(indexesOf)).toEqual([[1], [2, 3, 4]]);
    expect(persisted).toEqual([1, 3]);
    expect(log.isWriting).toBe(false);
  });

  test('a write that is asked for in the report of another begins when that one is over', async () => {
    const { log, store, persisted } = openLog({
      onPersisted: (write) => {
        persisted.push(write);
        if (write === 1) log.persist(appendWrite(2, commandRun(1, 2, 3)));
      },
    });
    store.hold();
    log.persist(appendWrite(1, commandRun(1, 1, 2)));
    await settle();
    store.releaseOne();
    await settle();
    expect(log.isWriting).toBe(true);

    log.persist(appendWrite(3, commandRun(1, 3, 4)));
    await settle();
    store.release();
    await settle();

    expect(store.overlaps).toEqual([]);
    expect(persisted).toEqual([1, 2, 3]);
    expect(store.appends.map(indexesOf)).toEqual([[1], [2], [3]]);
  });

  test('the log takes the next write while it reports one', async () => {
    const seen: boolean[] = [];
    const { log } = openLog({ onPersisted: () => seen.push(log.isWriting) });

    log.persist(appendWrite(1, commandRun(1, 1, 2)));
    log.persist(appendWrite(2, commandRun(1, 2, 3)));
    log.persist(appendWrite(3, commandRun(1, 3, 4)));
    await settle();

    expect(seen).toEqual([true, false]);
  });

  test('closing waits for the write under way and begins no other', async () => {
    const { log, store } = openLog();
    store.hold();
    log.persist(appendWrite(1, commandRun(1, 1, 2)));
    log.persist(appendWrite(2, commandRun(1, 2, 3)));
    let isClosed = false;

    const closing = log.close().then(() => (isClosed = true));
    await settle();
    expect(isClosed).toBe(false);
    store.release();
    await closing;

    expect(store.appends.map(indexesOf)).toEqual([[1]]);
    expect(store.isWriting).toBe(false);
  });

  test('closing also waits for a write that was asked for in the report of another', async () => {
    const { log, store } = openLog({
      onPersisted: (write) => {
        if (write === 1) log.persist(appendWrite(2, commandRun(1, 2, 3)));
      },
    });
    store.hold();
    log.persist(appendWrite(1, commandRun(1, 1, 2)));
    await settle();
    store.releaseOne();
    await settle();
    let isClosed = false;

    const closing = log.close().then(() => (isClosed = true));
    await settle();
    expect([isClosed, store.isWriting]).toEqual([false, true]);
    store.release();
    await closing;

    expect(store.isWriting).toBe(false);
  });
});

describe('what is written', () => {
  test('goes to a store that takes several parts in one call', async () => {
    const store = new GatedStore(new GroupingStore());
    const { log, persisted } = openLog({ store, identity: { ...identity, cluster: undefined } });
    const vote = { term: 2, votedFor: undefined };
    const member = memberEntry(1, 3);
    log.persist(appendWrite(1, commandRun(1, 1, 4)));
    await settle();

    log.persist({ write: 2, vote, truncate: 2, append: [member] });
    await settle();

    const known = { ...identity, cluster: 'new' };
    expect(store.writes).toEqual([
      { name: 'append', argument: commandRun(1, 1, 4) },
      { name: 'write', argument: { identity: known, vote, truncate: 2, append: [member] } },
    ]);
    expect(persisted).toEqual([1, 2]);
  });

  test('is one call for a whole group with a vote, truncations and entries', async () => {
    const store = new GatedStore(new GroupingStore());
    const { log, persisted } = openLog({ store });
    store.hold();
    log.persist(appendWrite(1, commandRun(1, 1, 8)));
    const vote = { term: 3, votedFor: 'b' };

    log.persist({ write: 2, truncate: 6, append: commandRun(2, 7, 9) });
    log.persist({ write: 3, vote, truncate: 4, append: commandRun(3, 5, 8) });
    log.persist({ write: 4, truncate: 5, append: commandRun(4, 6, 7) });
    store.release();
    await settle();

    const append = [...commandRun(3, 5, 6), ...commandRun(4, 6, 7)];
    expect(store.writes.slice(1)).toEqual([
      { name: 'write', argument: { vote, truncate: 4, append } },
    ]);
    expect(persisted).toEqual([1, 4]);
  });

  test('goes to any other store in the order vote, truncate, append', async () => {
    const { log, store } = openLog();
    log.persist(appendWrite(1, commandRun(1, 1, 4)));
    await settle();
    store.writes.length = 0;

    const vote = { term: 2, votedFor: undefined };
    log.persist({ write: 2, vote, truncate: 1, append: commandRun(2, 2, 3) });
    await settle();

    expect(store.writes).toEqual([
      { name: 'saveVote', argument: vote },
      { name: 'truncate', argument: 1 },
      { name: 'append', argument: commandRun(2, 2, 3) },
    ]);
  });

  test('of several votes that wait, only the newest is written', async () => {
    const { log, store } = openLog();
    store.hold();
    log.persist({ write: 1, vote: { term: 1, votedFor: 'a' } });

    log.persist({ write: 2, vote: { term: 2, votedFor: undefined } });
    log.persist({ write: 3, vote: { term: 2, votedFor: 'b' } });
    store.release();
    await settle();

    expect(store.writes.map(({ argument }) => argument)).toEqual([
      { term: 1, votedFor: 'a' },
      { term: 2, votedFor: 'b' },
    ]);
  });

  test('leaves out what a later write of the same group cuts off again', async () => {
    const { log, store } = openLog();
    store.hold();
    log.persist({ write: 1, vote: { term: 1, votedFor: 'a' } });
    log.persist(appendWrite(2, commandRun(1, 1, 4)));
    log.persist(appendWrite(3, commandRun(1, 4, 6)));
    log.persist({ write: 4, truncate: 2, append: commandRun(2, 3, 4) });
    log.persist(appendWrite(5, commandRun(2, 4, 5)));

    store.release();
    await settle();

    const steps = store.writes.slice(1).map(({ name, argument }) => {
      return name === 'append' ? indexesOf(argument as Entry[]) : `${name} ${String(argument)}`;
    });
    expect(steps).toEqual([[1, 2, 3, 4]]);
    expect((await store.read(1, 5)).map(({ logId }) => logId.term)).toEqual([1, 1, 2, 2]);
  });

  test('the identity learns its cluster from the first membership, before it is stored', async () => {
    const { log, store } = openLog({ identity: { ...identity, cluster: undefined } });

    log.persist({ write: 1, append: [memberEntry(0, 1)] });
    await settle();

    expect(store.writes.map(({ name }) => name)).toEqual(['saveIdentity', 'append']);
    expect(log.identity.cluster).toBe('new');
    expect((await store.readIdentity())?.cluster).toBe('new');
  });
});

describe('what is read', () => {
  test('comes from memory as soon as it was asked to be written', () => {
    const { log, store } = openLog();
    store.hold();

    log.persist(appendWrite(1, commandRun(1, 1, 4)));

    const entries = log.read(1, 4, 1024);
    expect(entries).not.toBeInstanceOf(Promise);
    expect(indexesOf(entries as readonly Entry[])).toEqual([1, 2, 3]);
    store.release();
  });

  test('comes from the store once it was dropped from memory, up to where memory begins', async () => {
    const { log, store } = openLog({ tailCacheBytes: 150 });
    log.persist(appendWrite(1, commandRun(1, 1, 6)));
    await settle();

    const entries = await log.read(1, 6, 1024 * 1024);

    expect(indexesOf(entries)).toEqual([1, 2, 3]);
    expect(store.reads).toEqual([{ from: 1, to: 4 }]);
    expect(indexesOf(await log.read(4, 6, 1024))).toEqual([4, 5]);
  });

  test('is no more than a bounded count of tiny entries, also from the store', async () => {
    const { log } = openLog({ tailCacheBytes: 1 });
    log.persist(appendWrite(1, commandRun(1, 1, 10_001, 0)));
    await settle();

    const entries = await log.read(1, 10_001, 6400);

    expect(entries).toHaveLength(100);
  });

  test('an entry that is appended again while its group is under way is never dropped unwritten', async () => {
    const { log, store } = openLog({ tailCacheBytes: 1 });
    store.hold();
    log.persist({ write: 1, vote: { term: 1, votedFor: 'a' } });
    log.persist(appendWrite(2, commandRun(1, 1, 6)));
    log.persist({ write: 3, truncate: 2 });
    await settle();
    store.releaseOne();
    await settle();
    log.persist(appendWrite(4, commandRun(2, 3, 6)));

    store.releaseOne();
    await settle();

    expect(store.isWriting).toBe(true);
    const unwritten = log.read(3, 6, 1024 * 1024);
    expect(unwritten).not.toBeInstanceOf(Promise);
    expect((unwritten as readonly Entry[]).map(({ logId }) => logId.term)).toEqual([2, 2, 2]);
    store.release();
  });

  test('an entry that is truncated while its write is under way is never dropped unwritten', async () => {
    const { log, store } = openLog({ tailCacheBytes: 1 });
    store.hold();
    log.persist(appendWrite(1, commandRun(1, 1, 6)));
    await settle();
    log.persist({ write: 2, truncate: 2, append: commandRun(2, 3, 8) });

    store.releaseOne();
    await settle();

    const unwritten = log.read(3, 8, 1024 * 1024);
    expect(unwritten).not.toBeInstanceOf(Promise);
    expect((unwritten as readonly Entry[]).map(({ logId }) => logId.term)).toEqual([2, 2, 2, 2, 2]);
    store.release();
  });
});

describe('a store that fails', () => {
  test.each(['saveVote', 'truncate', 'append'] as const)(
    'in %s is reported once, and nothing is written after it',
    async (failing) => {
      const { log, store, persisted, failures } = openLog();
      log.persist(appendWrite(1, commandRun(1, 1, 4)));
      await settle();
      const broken = new Error('the disk is gone');
      store.onWrite = (name) => {
        if (name === failing) throw broken;
      };
      const vote = { term: 2, votedFor: undefined };

      log.persist({ write: 2, vote, truncate: 2, append: commandRun(2, 3, 4) });
      log.persist(appendWrite(3, commandRun(2, 4, 5)));
      await settle();
      const writeCount = store.writes.length;
      store.onWrite = () => undefined;
      log.persist(appendWrite(4, commandRun(2, 5, 6)));
      await settle();

      expect(failures).toEqual([broken]);
      expect(persisted).toEqual([1]);
      expect(store.writes.length).toBe(writeCount);
      await log.close();
    },
  );
});
