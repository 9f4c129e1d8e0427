// Plants bugs, one at a time, into a copy of the package, and lets the walker (tier 0) and the
// simulator (tier 1) look for them. What is not found is a hole in the tests.

import { availableParallelism } from 'node:os';
import { oneOf, readOptions, runCommand, UsageError, wholeNumber } from '../command-line.ts';
import { bugs, tierOf } from './bugs.ts';
import type { Tier } from './hunt.ts';
import { Control, Hunter, type Task } from './hunter.ts';
import { PackageCopy } from './package-copy.ts';
import { acceptRows, type Row, readTable } from './table.ts';

const usage = `npm run mutants                         every planted bug, and the code without one
npm run mutants -- --bug NAME           that one alone; may be given more than once
npm run mutants -- --tier 0             those that the walker hunts; 1: those of the simulator
npm run mutants -- --tries N --seed X   so many tries each, from other seeds
npm run mutants -- --runs N --seconds S how many walks or seeds a try may take, and how long
npm run mutants -- --accept             writes what it took into the table and docs/mutants.md

It fails if a bug is not found, if the code without one is said to have one, and if it surely
takes twice as many walks or seeds as the table says.`;

interface Arguments {
  readonly names: readonly string[];
  readonly tier: Tier | undefined;
  readonly seed: string;
  readonly tries: number;
  readonly runs: number | undefined;
  readonly seconds: number;
  readonly workers: number;
  readonly accept: boolean;
}

function readArguments(): Arguments {
  const values = readOptions({
    bug: { type: 'string', multiple: true, default: [] as string[] },
    tier: { type: 'string' },
    seed: { type: 'string', default: 'planted' },
    tries: { type: 'string', default: '5' },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '300' },
    workers: { type: 'string', default: `${availableParallelism()}` },
    accept: { type: 'boolean', default: false },
  });
  const { bug, tier, seed, runs, accept } = values;
  const unknown = bug.find((name) => bugs.every((one) => one.name !== name));
  if (unknown !== undefined) {
    const names = bugs.map(({ name }) => name).join(', ');
    throw new UsageError(`--bug must be one of ${names}, not ${JSON.stringify(unknown)}.`);
  }
  return {
    names: bug,
    tier: tier === undefined ? undefined : (Number(oneOf('tier', tier, ['0', '1'])) as Tier),
    seed,
    tries: wholeNumber('tries', values.tries),
    runs: runs === undefined ? undefined : wholeNumber('runs', runs),
    seconds: wholeNumber('seconds', values.seconds),
    workers: wholeNumber('workers', values.workers),
    accept,
  };
}

function tasksOf({ names, tier }: Arguments): Task[] {
  const wanted = bugs
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map((bug): Task => ({ bug, tier: names.length > 0 ? (tier ?? tierOf(bug)) : tierOf(bug) }))
    .filter((task) => tier === undefined || task.tier === tier);
  const tiers = [...new Set(wanted.map((task) => task.tier))];
  return [...tiers.map((one): Task => ({ bug: undefined, tier: one })), ...wanted];
}

async function main(): Promise<boolean> {
  const options = readArguments();
  const table = new Map((await readTable()).map((row) => [row.name, row]));
  const tasks = tasksOf(options);
  const rows: Row[] = [];
  let isRight = true;
  const work = (control: Control): Promise<void> =>
    PackageCopy.with(async (copy) => {
      const hunter = new Hunter(copy, { control, options, table });
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        const done = await hunter.hunt(task);
        isRight &&= done.isRight;
        if (done.row !== undefined) rows.push(done.row);
      }
    });
  await PackageCopy.with(async (right) => {
    const control = new Control(right, options.seconds);
    await Promise.all(Array.from({ length: options.workers }, () => work(control)));
  });
  if (options.accept) await acceptRows(rows);
  const found = rows.filter(({ codes }) => codes.length > 0);
  console.log(`${found.length} of ${rows.length} planted bugs found in all ${options.tries} tries`);
  return isRight;
}

await runCommand('mutants', usage, main);
