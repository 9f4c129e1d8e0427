import assert from 'node:assert/strict';
import type { LogStore } from '../../contract/log-store.ts';
import { caseWithHooks } from '../suite.ts';
import { assertEntries, at, command, commands, identity } from './entries.ts';
import { onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** Identity, vote and purged end: what is kept beside the entries. */
export function recordCases(options: LogStoreSuiteOptions): void {
  const { test } = options;

  test(
    'a new store has no identity, no vote, and an empty log',
    onNewStore(options, async (store) => {
      assert.equal(await store.readIdentity(), undefined);
      assert.equal(await store.readVote(), undefined);
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(0, 0) });
      assert.deepEqual(await store.read(1, 1), []);
    }),
  );

  test(
    'the later of two saved votes is read back',
    onNewStore(options, async (store, again) => {
      await store.saveVote({ term: 4, votedFor: 'a' });
      await store.saveVote({ term: 5, votedFor: undefined });

      assert.deepEqual(await (await again(store)).readVote(), { term: 5, votedFor: undefined });
    }),
  );

  test(
    'the later of two saved identities is read back',
    onNewStore(options, async (store, again) => {
      await store.saveIdentity({ ...identity, cluster: undefined });
      await store.saveIdentity({ ...identity, starts: 2 });

      assert.deepEqual(await (await again(store)).readIdentity(), { ...identity, starts: 2 });
    }),
  );

  test(
    'identity, vote and the purged end survive the purge of everything',
    onNewStore(options, async (store, again) => {
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

  test(
    'identity and vote survive when the start of a long log is purged, step by step',
    onNewStore(options, async (first, again) => {
      let store = first;
      await store.saveIdentity(identity);
      await store.saveVote({ term: 4, votedFor: 'a' });
      for (let index = 1; index <= 120; index += 1) {
        await store.append([command(index, 2, new Uint8Array(10_000).fill(index))]);
        if (index % 30 !== 0) continue;
        await store.purge(at(2, index - 5));
        store = await again(store);

        assert.deepEqual(await store.readIdentity(), identity);
        assert.deepEqual(await store.readVote(), { term: 4, votedFor: 'a' });
        assert.deepEqual(await store.state(), { purged: at(2, index - 5), last: at(2, index) });
      }
    }),
  );
}

/** What is on the disk outlives the object that wrote it. */
export function survivalCases(options: LogStoreSuiteOptions): void {
  const { test, reopen } = options;
  const write = async (store: LogStore, round: number): Promise<void> => {
    await store.saveIdentity({ ...identity, starts: round });
    await store.saveVote({ term: round, votedFor: `node-${round}` });
    await store.append(commands(round * 10 - 9, round * 10 + 1, round));
    if (round > 1) await store.purge(at(round - 1, round * 10 - 15));
  };
  const check = async (store: LogStore, round: number): Promise<void> => {
    const first = round === 1 ? 1 : round * 10 - 14;
    assert.deepEqual(await store.readIdentity(), { ...identity, starts: round });
    assert.deepEqual(await store.readVote(), { term: round, votedFor: `node-${round}` });
    assert.deepEqual((await store.state()).last, at(round, round * 10));
    assertEntries(await store.read(first, round * 10 + 1), [
      ...commands(first, round * 10 - 9, round - 1),
      ...commands(round * 10 - 9, round * 10 + 1, round),
    ]);
  };

  caseWithHooks(test, { reopen }, 'everything survives a crash, again and again', (hooks) =>
    onNewStore({ ...options, ...hooks }, async (first, again) => {
      let store = first;
      for (let round = 1; round <= 4; round += 1) {
        await write(store, round);
        store = await again(store);
        await check(store, round);
      }
    })(),
  );

  caseWithHooks(
    test,
    { reopen },
    'everything survives an orderly close, again and again',
    (hooks) =>
      onNewStore({ ...options, ...hooks }, async (first, again) => {
        let store = first;
        for (let round = 1; round <= 4; round += 1) {
          await write(store, round);
          await store[Symbol.asyncDispose]();
          store = await again(store);
          await check(store, round);
        }
      })(),
  );
}
