import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { LogStore } from '../../contract/log-store.ts';
import type { Entry } from '../../core/types.ts';
import { caseWithHooks } from '../suite.ts';
import { at, commands, identity } from './entries.ts';
import {
  after,
  contentOf,
  contentsDuring,
  emptyContent,
  type LogContent,
  perform,
  type StoreWrite,
} from './model.ts';
import { onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** Disks that fail, lie, or are wanted by two. */
export function failureCases(options: LogStoreSuiteOptions): void {
  for (const code of ['EIO', 'ENOSPC'] as const) failedWriteCases(options, code);
  damageCase(options);
  openTwiceCase(options);
}

const singleWrites: readonly StoreWrite[] = [
  { type: 'saveIdentity', identity: { ...identity, starts: 2 } },
  { type: 'saveVote', vote: { term: 2, votedFor: 'b' } },
  { type: 'append', entries: commands(4, 7) },
  { type: 'truncate', index: 2 },
  { type: 'purge', logId: at(1, 1) },
];

const severalParts: StoreWrite = {
  type: 'write',
  write: {
    identity: { ...identity, starts: 3 },
    vote: { term: 3, votedFor: 'c' },
    truncate: 2,
    append: commands(3, 6, 2),
  },
};

function failedWriteCases(options: LogStoreSuiteOptions, code: 'EIO' | 'ENOSPC'): void {
  const { test, failWrite, reopen, hasWrite } = options;
  const everyWrite = hasWrite === undefined ? singleWrites : [...singleWrites, severalParts];

  caseWithHooks(
    test,
    { failWrite },
    `after a write that failed with ${code}, that one and every later write rejects`,
    async (hooks) => {
      for (const failing of everyWrite) {
        await onNewStore({ open: options.open }, async (store) => {
          await fill(store);
          hooks.failWrite(store, code);
          await assert.rejects(perform(store, failing), `${failing.type} was to fail.`);
          for (const later of everyWrite) {
            const message = `After a ${failing.type} that failed, ${later.type} was accepted.`;
            await assert.rejects(perform(store, later), message);
          }
        })();
      }
    },
  );

  caseWithHooks(
    test,
    { failWrite, reopen },
    `what was acknowledged before a write that failed with ${code} is there after a restart`,
    async (hooks) => {
      for (const failing of everyWrite) {
        await onNewStore({ open: options.open, reopen: hooks.reopen }, async (store, again) => {
          const content = await fill(store);
          hooks.failWrite(store, code);
          await assert.rejects(perform(store, failing), `${failing.type} was to fail.`);

          const found = await contentOf(await again(store));

          const possible = contentsDuring(content, failing);
          assert.ok(
            possible.some((one) => isDeepStrictEqual(one, found)),
            `After a ${failing.type} that failed, the log is neither the old nor the new one.`,
          );
        })();
      }
    },
  );
}

async function fill(store: LogStore): Promise<LogContent> {
  const writes: readonly StoreWrite[] = [
    { type: 'saveIdentity', identity },
    { type: 'saveVote', vote: { term: 1, votedFor: 'a' } },
    { type: 'append', entries: commands(1, 4) },
  ];
  let content = emptyContent;
  for (const write of writes) {
    await perform(store, write);
    content = after(content, write);
  }
  return content;
}

function damageCase(options: LogStoreSuiteOptions): void {
  const { test, damage, reopen } = options;

  caseWithHooks(
    test,
    { damage, reopen },
    'a damaged entry is never returned: opening or reading it is refused, and its index named',
    (hooks) =>
      onNewStore({ open: options.open, reopen: hooks.reopen }, async (store, again) => {
        for (let index = 41; index <= 60; index += 1) {
          if (index === 41) await store.purge(at(1, 40));
          await store.append(commands(index, index + 1));
        }
        await hooks.damage(store, 47);

        const refusal = await refusalOf(async () => (await again(store)).read(47, 48));

        assert.notEqual((refusal as { code?: unknown }).code, 'RAFT_ENTRY_NOT_FOUND');
        assert.match(messagesOf(refusal), /\b47\b/, 'The refusal does not name entry 47.');
      })(),
  );
}

async function refusalOf(read: () => Promise<Entry[]>): Promise<unknown> {
  let entries: Entry[];
  try {
    entries = await read();
  } catch (error) {
    return error;
  }
  return assert.fail(`A damaged entry was returned; ${entries.length} entries were read.`);
}

/** What the error says, and the errors that caused it. */
function messagesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${messagesOf(error.cause)}`;
}

function openTwiceCase({ test, open, openTwice }: LogStoreSuiteOptions): void {
  caseWithHooks(
    test,
    { openTwice },
    'a directory that is open is not opened a second time, and is free once it is closed',
    async (hooks) => {
      const store = await open();
      const content = await fill(store);
      const second = hooks.openTwice(store);
      await assert.rejects(
        second.then((opened) => opened[Symbol.asyncDispose]()),
        (error: unknown) => error instanceof Error && error.message !== '',
        'The directory was opened twice.',
      );
      assert.deepEqual(await contentOf(store), content);
      await store.append(commands(4, 5));
      await store[Symbol.asyncDispose]();

      const next = await hooks.openTwice(store);

      assert.deepEqual((await next.state()).last, at(1, 4));
      await next[Symbol.asyncDispose]();
    },
  );
}
