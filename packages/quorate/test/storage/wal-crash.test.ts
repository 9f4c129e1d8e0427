import { describe, expect, test } from 'vitest';

import { identity } from '../../src/testing/log-store/entries.ts';
import {
  after,
  contentOf,
  drawFrom,
  drawGroup,
  drawWrite,
  emptyContent,
  type LogContent,
  type StoreWrite,
} from '../../src/testing/log-store/model.ts';
import { enumerateCrashes } from '../../src/testing/sim-fs/enumerate-crashes.ts';
import {
  append,
  assertGoesOn,
  openWal,
  Progress,
  purge,
  together,
  truncate,
  vote,
} from './wal-under-test.ts';

interface Workload {
  readonly name: string;
  readonly writes: readonly StoreWrite[];
  /** So many states there are at least. */
  readonly least: number;
  readonly seed?: string;
  readonly maxStatesPerStep?: number;
}

/** Segments hold 16 KiB. */
const workloads: readonly Workload[] = [
  {
    name: 'votes and identity',
    least: 400,
    writes: [
      { type: 'saveIdentity', identity: { ...identity, cluster: undefined } },
      vote(1, 'a'),
      vote(2),
      { type: 'saveIdentity', identity: { ...identity, starts: 2 } },
      vote(2, 'b'),
      append(1, 2, [10]),
      vote(3, 'a'),
    ],
  },
  {
    name: 'appends of several sizes, over several segments',
    least: 2500,
    writes: [
      append(1, 1, [0, 1, 200]),
      append(4, 1, [512, 513]),
      append(6, 1, [7000]),
      append(7, 1, [100, 100, 100]),
      append(10, 1, [9000]),
      vote(2, 'a'),
      append(11, 2, [3000, 3000, 3000, 3000]),
      append(15, 2, [20_000, 1]),
      append(17, 2, [5]),
    ],
  },
  {
    name: 'truncates, within a batch and over segments, and what is appended after them',
    least: 1500,
    writes: [
      append(1, 1, [300, 300, 300, 300]),
      truncate(2),
      append(3, 2, [300, 300, 300]),
      append(6, 2, [6000, 6000]),
      append(8, 2, [6000]),
      truncate(5),
      append(6, 3, [40]),
      truncate(0),
      append(1, 4, [40, 600]),
      append(3, 4, [6000, 6000]),
      truncate(3),
      append(4, 5, [6000, 40]),
    ],
  },
  {
    name: 'purges over segments, past the end, and of another term',
    least: 2000,
    writes: [
      { type: 'saveIdentity', identity },
      append(1, 1, [5000, 5000, 100]),
      vote(2, 'a'),
      append(4, 2, [5000, 5000]),
      purge(1, 2),
      append(6, 2, [5000, 5000]),
      purge(2, 5),
      append(8, 2, [7000, 7000]),
      purge(2, 8),
      purge(3, 20),
      append(21, 3, [100, 5000]),
      purge(4, 21),
      append(22, 4, [10]),
    ],
  },
  {
    name: 'votes, truncates and entries in one write, within a segment and over several',
    least: 2000,
    writes: [
      together({ type: 'saveIdentity', identity }, vote(1, 'a'), append(1, 1, [300, 300, 300])),
      together(vote(2), truncate(1), append(2, 2, [40, 600])),
      append(4, 2, [6000, 6000]),
      together(vote(3, 'b'), truncate(2), append(3, 3, [7000])),
      together(vote(4), truncate(0), append(1, 4, [5000, 5000, 40])),
      purge(4, 1),
      together(vote(5, 'c'), truncate(1)),
      together({ type: 'saveIdentity', identity: { ...identity, starts: 2 } }, vote(6, 'a')),
      together(truncate(1), append(2, 6, [9000, 10])),
      together(vote(7), truncate(2), append(3, 7, [20_000])),
      purge(6, 2),
      together(vote(8), append(4, 8, [5])),
    ],
  },
  {
    name: 'a vote, a truncate and more entries than one batch takes',
    least: 100,
    maxStatesPerStep: 4,
    writes: [
      append(1, 1, [300, 300, 300]),
      together(vote(2, 'b'), truncate(1), append(2, 2, [700_000, 700_000, 10])),
    ],
  },
  { name: 'drawn writes of several parts (seed 3)', writes: drawnGroups(3, 40), least: 5000 },
  { name: 'drawn writes (seed 1)', writes: drawnWrites(1, 40), least: 8000, seed: '1' },
  { name: 'drawn writes (seed 2)', writes: drawnWrites(2, 40), least: 5000, seed: '2' },
];

function drawnWrites(seed: number, count: number): StoreWrite[] {
  return drawn(drawWrite, { seed, count });
}

function drawnGroups(seed: number, count: number): StoreWrite[] {
  return drawn((content, draw) => (draw(6) === 0 ? drawWrite : drawGroup)(content, draw), {
    seed,
    count,
  });
}

function drawn(
  next: typeof drawWrite,
  { seed, count }: { readonly seed: number; readonly count: number },
): StoreWrite[] {
  const draw = drawFrom(seed);
  const writes: StoreWrite[] = [];
  let content: LogContent = emptyContent;
  for (let done = 0; done < count; done += 1) {
    const write = next(content, draw);
    writes.push(write);
    content = after(content, write);
  }
  return writes;
}

describe('wherever the power is cut, the write-ahead log keeps what it acknowledged', () => {
  test.each(workloads)('in a workload of $name', async (workload) => {
    const { writes, least, seed = '1', maxStatesPerStep = 250 } = workload;
    const progress = new Progress();

    const { states, steps, recoveryStates } = await enumerateCrashes({
      seed,
      maxStatesPerStep,
      open: (files) => openWal(files),
      work: (store) => progress.run(store, writes),
      check: async (store, { files, number }) => {
        const found = await contentOf(store);
        progress.assertPossible(found);
        if (number % 4 === 0) await assertGoesOn(store, files, found);
      },
    });

    console.log(
      `write-ahead log: ${states} crash states at ${steps} moments, ` +
        `${recoveryStates} of them in recoveries`,
    );
    expect(states).toBeGreaterThan(least);
  });
});
