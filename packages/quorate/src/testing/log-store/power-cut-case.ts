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
  lastOf,
  perform,
  type StoreWrite,
} from './model.ts';
import type { LogStoreSuiteOptions } from './options.ts';

const bigPayload = new Uint8Array(3000).map((_, position) => (position * 31) % 251);

/** Short, since it is run once for each step in it; everything that a store does occurs. */
const workload: readonly StoreWrite[] = [
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

/** A new node, a vote, and a follower whose log a new leader corrects, twice. */
const workloadOfSeveralParts: readonly StoreWrite[] = [
  {
    type: 'write',
    write: { identity, vote: { term: 1, votedFor: 'a' }, append: commands(1, 5) },
  },
  {
    type: 'write',
    write: {
      vote: { term: 2, votedFor: undefined },
      truncate: 2,
      append: [command(3, 2, bigPayload), command(4, 2), command(5, 2)],
    },
  },
  { type: 'purge', logId: at(1, 1) },
  {
    type: 'write',
    write: {
      identity: { ...identity, starts: 2 },
      vote: { term: 3, votedFor: 'b' },
      truncate: 4,
      append: commands(5, 8, 3),
    },
  },
  { type: 'write', write: { truncate: 6, vote: { term: 4, votedFor: 'c' } } },
];

/** What was acknowledged, and the write that was not yet. */
interface Progress {
  content: LogContent;
  pending: StoreWrite | undefined;
}

export function powerCutCases(options: LogStoreSuiteOptions): void {
  const { test, powerCut, hasWrite } = options;

  caseWithHooks(
    test,
    { powerCut },
    'wherever the power is cut, what was acknowledged is there, and a write under way is whole, absent, or the start of an append',
    (hooks) => cutPower({ ...options, ...hooks }, workload),
  );

  caseWithHooks(
    test,
    { powerCut, hasWrite },
    'wherever the power is cut during a write of several parts, a start of them is there, in their order',
    (hooks) => cutPower({ ...options, ...hooks }, workloadOfSeveralParts),
  );
}

async function cutPower(
  {
    open,
    reopen,
    powerCut,
  }: LogStoreSuiteOptions & Pick<Required<LogStoreSuiteOptions>, 'powerCut'>,
  writes: readonly StoreWrite[],
): Promise<void> {
  const progress: Progress = { content: emptyContent, pending: undefined };
  const work = (store: LogStore): Promise<void> => runWorkload(store, writes, progress);
  await withoutCut(open, work, progress);

  const stateCount = await powerCut(work, async (store) => {
    const found = await contentOf(store);
    assertPossible(found, progress);
    const grown = await goOn(store, found);
    if (reopen !== undefined) await assertAfterReopen(await reopen(store), grown);
  });

  assert.ok(stateCount > 0, 'The power was cut in no place.');
  report(`After a power cut, ${stateCount} states of the log store were checked.`);
}

async function runWorkload(
  store: LogStore,
  writes: readonly StoreWrite[],
  progress: Progress,
): Promise<void> {
  progress.content = emptyContent;
  for (const write of writes) {
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
  const writes: readonly StoreWrite[] = [
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
