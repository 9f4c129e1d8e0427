import assert from 'node:assert/strict';
import { assertEntries, at, commands, identity } from './entries.ts';
import { after, contentOf, drawFrom, drawWrite, emptyContent, perform } from './model.ts';
import { onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** The end of a store, and a long life before it. */
export function lifeCases(options: LogStoreSuiteOptions): void {
  const { test } = options;

  test('a store that was disposed refuses every call; disposing twice is fine', async () => {
    const store = await options.open();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();

    const calls: (() => Promise<unknown> | void)[] = [
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
    const write = store.write?.bind(store);
    if (write !== undefined) {
      calls.push(
        () => write({}),
        () => write({ truncate: 0 }),
      );
    }
    for (const call of calls) {
      await assert.rejects(async () => call(), { code: 'RAFT_STOPPED' });
    }
  });

  const count = options.longLogEntries ?? 20_000;
  test(
    `${count} entries are read at both ends and in the middle, and half of them purged`,
    onNewStore(options, async (store, again) => {
      for (let from = 1; from <= count; from += 500) {
        await store.append(commands(from, Math.min(from + 500, count + 1)));
      }
      const half = Math.floor(count / 2);

      assertEntries(await store.read(1, 3), commands(1, 3));
      assertEntries(await store.read(half, half + 10), commands(half, half + 10));
      assertEntries(await store.read(count, count + 1), commands(count, count + 1));
      await store.purge(at(1, half));
      const reopened = await again(store);

      assert.deepEqual(await reopened.state(), { purged: at(1, half), last: at(1, count) });
      for (let from = half + 1; from <= count; from += 10_000) {
        const to = Math.min(from + 10_000, count + 1);
        assertEntries(await reopened.read(from, to), commands(from, to));
      }
    }),
  );

  test(
    'a long life of mixed writes agrees with a model of the log',
    onNewStore(options, async (first, again) => {
      let store = first;
      let content = emptyContent;
      const draw = drawFrom(1);
      for (let step = 0; step < 400; step += 1) {
        const write = drawWrite(content, draw);
        await perform(store, write);
        content = after(content, write);
        if (step % 10 === 0) store = await again(store);
        assert.deepEqual(await contentOf(store), content);
      }
    }),
  );
}
