import assert from 'node:assert/strict';
import type { Entry, Identity } from '../../src/core/types.ts';
import { logEndsCases } from './log-ends-cases.ts';
import {
  assertMissing,
  at,
  command,
  commands,
  type LogStoreCases,
  onNewStore,
} from './log-store-under-test.ts';

const identity: Identity = { cluster: 'cluster-1', node: 'a', incarnation: 'disk-a', starts: 1 };

/** What every log store must do. Items 1 to 9 of the contract suites. */
export function logStoreCases(cases: LogStoreCases): void {
  recordCases(cases);
  readCases(cases);
  logEndsCases(cases);
  lifeCases(cases);
}

function recordCases(cases: LogStoreCases): void {
  const { test } = cases;

  test(
    'a new store has no identity, no vote, and an empty log',
    onNewStore(cases, async (store) => {
      assert.equal(await store.readIdentity(), undefined);
      assert.equal(await store.readVote(), undefined);
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(0, 0) });
      assert.deepEqual(await store.read(1, 1), []);
    }),
  );

  test(
    'the later of two saved votes is read back',
    onNewStore(cases, async (store, again) => {
      await store.saveVote({ term: 4, votedFor: 'a' });
      await store.saveVote({ term: 5, votedFor: undefined });

      assert.deepEqual(await (await again(store)).readVote(), { term: 5, votedFor: undefined });
    }),
  );

  test(
    'the later of two saved identities is read back',
    onNewStore(cases, async (store, again) => {
      await store.saveIdentity({ ...identity, cluster: undefined });
      await store.saveIdentity({ ...identity, starts: 2 });

      assert.deepEqual(await (await again(store)).readIdentity(), { ...identity, starts: 2 });
    }),
  );

  test(
    'identity, vote and the purged end survive the purge of everything',
    onNewStore(cases, async (store, again) => {
      await store.saveIdentity(identity);
      await store.saveVote({ term: 4, votedFor: 'ä' });
      await store.append(commands(1, 100));
      await store.purge(at(1, 99));

      const reopened = await again(store);

      assert.deepEqual(await reopened.readIdentity(), identity);
      assert.deepEqual(await reopened.readVote(), { term: 4, votedFor: 'ä' });
      assert.deepEqual(await reopened.state(), { purged: at(1, 99), last: at(1, 99) });
    }),
  );
}

function readCases(cases: LogStoreCases): void {
  const { test } = cases;

  test(
    'entries of every kind come back equal and in order',
    onNewStore(cases, async (store, again) => {
      const membership = {
        cluster: 'cluster-1',
        voters: [['a'], ['a', 'b']],
        nodes: { a: { address: 'x:1' }, b: { data: { zone: 'süd' }, incarnation: 'disk-b' } },
        leaving: ['a'],
      };
      const data = {
        bytes: new Uint8Array([1]),
        value: undefined,
        session: { id: 3, sequence: 9 },
      };
      const entries: Entry[] = [
        { logId: at(1, 1), payload: { type: 'membership', membership } },
        { logId: at(2, 2), payload: { type: 'blank' } },
        command(3, 2, new Uint8Array(0)),
        { logId: at(2, 4), payload: { type: 'command', data } },
        { logId: at(2, 5), payload: { type: 'session', data: new Uint8Array([0, 255]) } },
        command(6, 3, new Uint8Array(3 * 1024 * 1024).fill(7)),
      ];

      await store.append(entries);

      assert.deepEqual(await (await again(store)).read(1, 7), entries);
    }),
  );

  test(
    'an empty, an inner and the whole range are read, across several appends',
    onNewStore(cases, async (store) => {
      await store.append([]);
      await store.append(commands(1, 4));
      await store.append(commands(4, 5));
      await store.append(commands(5, 11));

      assert.deepEqual(await store.read(4, 4), []);
      assert.deepEqual(await store.read(3, 8), commands(3, 8));
      assert.deepEqual(await store.read(1, 11), commands(1, 11));
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(1, 10) });
    }),
  );

  test(
    'a bounded read stops at the bound, but returns at least one entry',
    onNewStore(cases, async (store) => {
      const big = (index: number): Entry => command(index, 1, new Uint8Array(1000).fill(index));
      await store.append([1, 2, 3, 4, 5].map(big));
      const count = async (maxBytes: number): Promise<number> =>
        (await store.read(2, 6, { maxBytes })).length;

      assert.deepEqual(await store.read(2, 6, { maxBytes: 0 }), [big(2)]);
      assert.equal(await count(1), 1);
      assert.ok((await count(2100)) <= 2);
      assert.ok((await count(3500)) >= 2);
      assert.equal(await count(100_000), 4);
      assert.deepEqual(await store.read(2, 2, { maxBytes: 1 }), []);
    }),
  );

  test(
    'a read beyond either end is refused, never shortened',
    onNewStore(cases, async (store) => {
      await assertMissing(store.read(1, 2));
      await store.append(commands(1, 11));
      await store.purge(at(1, 4));

      await assertMissing(store.read(4, 5));
      await assertMissing(store.read(3, 8));
      await assertMissing(store.read(11, 12));
      await assertMissing(store.read(8, 12));
      await assertMissing(store.read(8, 12, { maxBytes: 1 }));
      assert.deepEqual(await store.read(5, 11), commands(5, 11));
    }),
  );

  test(
    'a read during an append sees a prefix, and one after it sees everything',
    onNewStore(cases, async (store) => {
      await store.append(commands(1, 100));

      const appending = store.append(commands(100, 200));
      const during = await store.state();
      const seen = await store.read(1, during.last.index + 1);
      await appending;

      assert.deepEqual(seen, commands(1, during.last.index + 1));
      assert.deepEqual(await store.read(1, 200), commands(1, 200));
    }),
  );

  test(
    'what was read does not change when the log does',
    onNewStore(cases, async (store) => {
      await store.append(commands(1, 11));
      const read = await store.read(1, 11);

      await store.truncate(5);
      await store.append(commands(6, 8, 2));
      await store.purge(at(1, 3));

      assert.deepEqual(read, commands(1, 11));
    }),
  );
}

function lifeCases(cases: LogStoreCases): void {
  const { test } = cases;

  test('a store that was disposed refuses every call; disposing twice is fine', async () => {
    const store = await cases.open();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();

    const calls: (() => Promise<unknown>)[] = [
      () => store.readIdentity(),
      () => store.saveIdentity(identity),
      () => store.readVote(),
      () => store.saveVote({ term: 1, votedFor: 'a' }),
      () => store.state(),
      () => store.read(1, 2),
      () => store.append(commands(1, 2)),
      () => store.truncate(0),
      () => store.purge(at(1, 1)),
    ];
    for (const call of calls) await assert.rejects(call, { code: 'RAFT_STOPPED' });
  });

  test(
    '20,000 entries are read at both ends and in the middle, and half of them purged',
    onNewStore(cases, async (store, again) => {
      for (let from = 1; from < 20_001; from += 500) await store.append(commands(from, from + 500));

      assert.deepEqual(await store.read(1, 3), commands(1, 3));
      assert.deepEqual(await store.read(10_000, 10_010), commands(10_000, 10_010));
      assert.deepEqual(await store.read(20_000, 20_001), commands(20_000, 20_001));
      await store.purge(at(1, 10_000));
      const reopened = await again(store);
      assert.deepEqual(await reopened.state(), { purged: at(1, 10_000), last: at(1, 20_000) });
      assert.deepEqual(await reopened.read(10_001, 20_001), commands(10_001, 20_001));
    }),
  );
}
