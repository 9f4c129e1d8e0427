import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { LogStore } from '../../contract/log-store.ts';
import { caseWithHooks, report } from '../suite.ts';
import { at, command, commands, identity } from './entries.ts';
import {
  after,
  contentOf,
  contentsDuring,
  emptyContent,
  type LogContent,
  type LogWrite,
  lastOf,
  perform,
} from './model.ts';
import type { LogStoreSuiteOptions } from './options.ts';

const bigPayload = new Uint8Array(3000).map((_, position) => (position * 31) % 251);

/** Short, since it is run once for each step in it; everything that a store does occurs. */
const workload: readonly LogWrite[] = [
  { type: 'saveIdentity', identity: { ...identity, cluster: undefined } },
  { type: 'saveVote', vote: { term: 1, votedFor: 'a' } },
  { type: 'append', entries: commands(1, 4) },
  { type: 'saveIdentity', identity },
  { type: 'append', entries: [command(4, 1, bigPayload)] },
  { type: 'saveVote', vote: { term: 2, votedFor: undefined } },
  { type: 'truncate', index: 2 },
  { type: 'append', entries: [...commands(3, 5, 2), command(5, 2, bigPayload), command(6, 2)] },
  { type: 'purge', logId: at(1, 2) },
  { type: 'saveVote', vote: { term: 3, votedFor: 'b' } },
  { type: 'append', entries: commands(7, 9, 3) },
  { type: 'purge', logId: at(2, 6) },
  { type: 'truncate', index: 7 },
  { type: 'append', entries: commands(8, 10, 3) },
];

/** What was acknowledged, and the write that was not yet. */
interface Progress {
  content: LogContent;
  pending: LogWrite | undefined;
}

export function powerCutCase({ test, open, reopen, powerCut }: LogStoreSuiteOptions): void {
  caseWithHooks(
    test,
    { powerCut },
    'wherever the power is cut, what was acknowledged is there, and a write under way is whole, absent, or the start of an append',
    async (hooks) => {
      const progress: Progress = { content: emptyContent, pending: undefined };
      const work = (store: LogStore): Promise<void> => runWorkload(store, progress);
      await withoutCut(open, work, progress);

      const stateCount = await hooks.powerCut(work, async (store) => {
        const found = await contentOf(store);
        assertPossible(found, progress);
        const grown = await goOn(store, found);
        if (reopen !== undefined) await assertAfterReopen(await reopen(store), grown);
      });

      assert.ok(stateCount > 0, 'The power was cut in no place.');
      report(`After a power cut, ${stateCount} states of the log store were checked.`);
    },
  );
}

async function runWorkload(store: LogStore, progress: Progress): Promise<void> {
  progress.content = emptyContent;
  for (const write of workload) {
    progress.pending = write;
    await perform(store, write);
    progress.content = after(progress.content, write);
    progress.pending = undefined;
  }
}

/** Otherwise a store that refuses its first write would have nothing to lose. */
async function withoutCut(
  open: () => Promise<LogStore>,
  work: (store: LogStore) => Promise<void>,
  progress: Progress,
): Promise<void> {
  const store = await open();
  try {
    await work(store);
    assertPossible(await contentOf(store), progress);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

function assertPossible(found: LogContent, { content, pending }: Progress): void {
  const possible = pending === undefined ? [content] : contentsDuring(content, pending);
  if (possible.some((one) => isDeepStrictEqual(one, found))) return;
  const [holds, wanted] = [found, content].map((one) => inspect(one, { depth: 6 }));
  const when = pending === undefined ? 'After the last write' : `Cut during ${inspect(pending)}`;
  assert.fail(`${when}, the store holds ${holds}; acknowledged was ${wanted}.`);
}

/** New writes take the place of what was torn, and nothing of that may show through. */
async function goOn(store: LogStore, found: LogContent): Promise<LogContent> {
  const { index } = lastOf(found);
  const writes: readonly LogWrite[] = [
    { type: 'saveVote', vote: { term: 9, votedFor: 'c' } },
    { type: 'append', entries: commands(index + 1, index + 3, 9) },
  ];
  let content = found;
  for (const write of writes) {
    await perform(store, write);
    content = after(content, write);
  }
  assert.deepEqual(await contentOf(store), content);
  return content;
}

async function assertAfterReopen(store: LogStore, content: LogContent): Promise<void> {
  try {
    assert.deepEqual(await contentOf(store), content);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
