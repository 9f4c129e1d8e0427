import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { LogStore, LogWrite } from '../../contract/log-store.ts';
import { caseWithHooks, type TestFunction } from '../suite.ts';
import { at, commands, identity } from './entries.ts';
import {
  after,
  contentOf,
  contentsDuring,
  drawFrom,
  drawGroup,
  drawWrite,
  emptyContent,
  type LogContent,
  perform,
  type StoreWrite,
  singlesOf,
} from './model.ts';
import { type Again, onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** Several parts in one call: the optional `write`. */
export function writeCases(options: LogStoreSuiteOptions): void {
  presenceCase(options);
  effectCases(options);
  edgeCases(options);
  refusalCase(options);
}

/** Otherwise a store with `write` would pass without a single case of it. */
function presenceCase({ test, open, hasWrite }: LogStoreSuiteOptions): void {
  const isTold = hasWrite !== undefined;
  test(
    'the store has the optional `write` if the suite was told so, and only then',
    onNewStore({ open }, async (store) => {
      const message = isTold
        ? 'The suite was told `hasWrite`, but the store has no `write`. Leave `hasWrite` out.'
        : 'The store has `write`. Tell the suite `hasWrite: true`, so that it is tested.';
      assert.equal(typeof store.write === 'function', isTold, message);
    }),
  );
}

function effectCases(options: LogStoreSuiteOptions): void {
  const onWriter = caseOnWriter(options);

  onWriter('all parts of a write take effect, in their order', async (store, again) => {
    const content = await fill(store);
    const parts: LogWrite = {
      append: commands(2, 5, 3),
      truncate: 1,
      vote: { term: 3, votedFor: 'c' },
      identity: { ...identity, starts: 7 },
    };

    await perform(store, { type: 'write', write: parts });

    const wanted = after(content, { type: 'write', write: parts });
    assert.deepEqual(await contentOf(store), wanted);
    assert.deepEqual(await contentOf(await again(store)), wanted);
  });

  onWriter('each choice of parts leaves the others as they were', async (first, again) => {
    let store = first;
    let content = await fill(store);
    for (let choice = 0; choice < 16; choice += 1) {
      const { index } = content.entries.at(-1)?.logId ?? at(0, 0);
      const truncate = index - 1;
      const end = (choice & 4) === 0 ? index : truncate;
      const parts: LogWrite = {
        ...((choice & 8) === 0 ? {} : { identity: { ...identity, starts: choice } }),
        ...((choice & 2) === 0 ? {} : { vote: { term: 10 + choice, votedFor: 'b' } }),
        ...((choice & 4) === 0 ? {} : { truncate }),
        ...((choice & 1) === 0 ? {} : { append: commands(end + 1, end + 3, 10 + choice) }),
      };

      await perform(store, { type: 'write', write: parts });
      store = await again(store);

      content = after(content, { type: 'write', write: parts });
      assert.deepEqual(await contentOf(store), content);
    }
  });
}

function edgeCases(options: LogStoreSuiteOptions): void {
  const onWriter = caseOnWriter(options);

  onWriter('a write without parts, or with nothing to append, changes nothing', async (store) => {
    const content = await fill(store);

    await perform(store, { type: 'write', write: {} });
    await perform(store, { type: 'write', write: { append: [] } });
    await perform(store, { type: 'write', write: { truncate: 99, append: [] } });

    assert.deepEqual(await contentOf(store), content);
  });

  onWriter('a write can truncate all of the log and begin it anew', async (store, again) => {
    const content = await fill(store);
    const write: StoreWrite = {
      type: 'write',
      write: { truncate: 0, append: commands(1, 3, 4) },
    };

    await perform(store, write);

    assert.deepEqual(await contentOf(await again(store)), after(content, write));
  });

  onWriter(
    'a long life of writes of several parts agrees with a model of the log',
    async (first, again) => {
      let store = first;
      let content = emptyContent;
      const draw = drawFrom(2);
      for (let step = 0; step < 300; step += 1) {
        const write = draw(4) === 0 ? drawWrite(content, draw) : drawGroup(content, draw);
        await perform(store, write);
        content = after(content, write);
        if (step % 10 === 0) store = await again(store);
        assert.deepEqual(await contentOf(store), content);
      }
    },
  );
}

/** Each asks for something that cannot be; which of it a store notices is its own affair. */
const impossible: readonly LogWrite[] = [
  { vote: { term: 5, votedFor: 'a' }, append: commands(5, 6, 5) },
  { vote: { term: 5, votedFor: 'a' }, truncate: 2, append: commands(4, 5, 5) },
  { truncate: 2, append: commands(2, 4, 5) },
  { append: [...commands(4, 5, 5), ...commands(6, 7, 5)] },
  { append: [...commands(4, 5, 5), ...commands(5, 6, 4)] },
  { vote: { term: 5, votedFor: 'a' }, truncate: 0, append: commands(1, 2, 5) },
];

function refusalCase(options: LogStoreSuiteOptions): void {
  const onWriter = caseOnWriter(options);

  onWriter('what one of the single calls refuses is refused in a write as well', async () => {
    for (const write of impossible) {
      const isRefused = await withPurgedStore(options, (store) =>
        isRejected(async () => {
          for (const single of singlesOf(write)) await perform(store, single);
        }),
      );
      if (!isRefused) continue;
      await withPurgedStore(options, async (store, content) => {
        await assert.rejects(perform(store, { type: 'write', write }), 'It was accepted.');

        const found = await contentOf(store);
        const possible = contentsDuring(content, { type: 'write', write });
        assert.ok(
          possible.some((one) => isDeepStrictEqual(one, found)),
          'A write that was refused left something else than a start of it.',
        );
      });
    }
  });
}

/** Runs `body` on a new store of which the first entry is purged, and that has two more. */
async function withPurgedStore<Result>(
  { open }: LogStoreSuiteOptions,
  body: (store: LogStore, content: LogContent) => Promise<Result>,
): Promise<Result> {
  const store = await open();
  try {
    const content = await fill(store);
    const purge: StoreWrite = { type: 'purge', logId: at(1, 1) };
    await perform(store, purge);
    return await body(store, after(content, purge));
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

function isRejected(run: () => Promise<unknown>): Promise<boolean> {
  return run().then(
    () => false,
    () => true,
  );
}

/** Three entries of term 1, a vote and an identity. */
async function fill(store: LogStore): Promise<LogContent> {
  const write: StoreWrite = {
    type: 'write',
    write: { identity, vote: { term: 2, votedFor: 'a' }, append: commands(1, 4) },
  };
  for (const single of singlesOf(write.write)) await perform(store, single);
  return after(emptyContent, write);
}

/** Registers cases that need a store with `write`. */
function caseOnWriter(
  options: LogStoreSuiteOptions,
): (name: string, body: (store: LogStore, again: Again) => Promise<void>) => void {
  const { hasWrite } = options;
  const test: TestFunction = options.test;
  return (name, body) => caseWithHooks(test, { hasWrite }, name, onNewStore(options, body));
}
