// Runs the whole key-value server and its clients in virtual time, under faults.
//
//   npm run sim -- --server kv                     200 fresh seeds
//   npm run sim -- --server kv --seeds N           so many
//   npm run sim -- --server kv --minutes M         for so long
//   npm run sim -- --server kv --seed X            one run
//   npm run sim -- --server kv --seed X --trace    and what happened in it
//   npm run sim -- --server kv --seed X --seeds N  N runs that begin with this one
//
//   npm run sim -- --server kv --bug NAME ...      any of these, in a copy with a planted bug
//
// --keep-going goes on after a failure, --repeat makes each run twice and compares, and --plant has
// clients believe that they know a newer revision than there is: something to find, for a test.

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { toHex } from '../../../quorate/test/sim/hash.ts';
import { walkSeed } from '../../../quorate/test/walker/random.ts';
import { type KvRun, runKvSeed } from './run.ts';
import { runPlanted } from './run-planted.ts';
import { describe } from './violation.ts';

interface Arguments {
  readonly seed: string | undefined;
  readonly seeds: number | undefined;
  readonly minutes: number | undefined;
  readonly trace: boolean;
  readonly keepGoing: boolean;
  readonly repeat: boolean;
  readonly plant: boolean;
  /** To be planted into a copy, and what this is a copy of. */
  readonly bug: string | undefined;
  readonly plantedBug: string | undefined;
}

const defaultSeeds = 200;
const command = 'npm run sim -- --server kv';

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      repeat: { type: 'boolean', default: false },
      plant: { type: 'boolean', default: false },
      bug: { type: 'string' },
      'planted-bug': { type: 'string' },
      // What led here.
      server: { type: 'string' },
    },
  });
  const { seed, seeds, minutes, trace, repeat, plant, bug } = values;
  const { 'keep-going': keepGoing, 'planted-bug': plantedBug } = values;
  return {
    ...{ seed, trace, keepGoing, repeat, plant, bug, plantedBug },
    seeds: seeds === undefined ? undefined : aboveZero('seeds', seeds),
    minutes: minutes === undefined ? undefined : aboveZero('minutes', minutes),
  };
}

function aboveZero(name: string, text: string): number {
  const value = Number(text);
  const isWhole = name === 'minutes' || Number.isSafeInteger(value);
  if (Number.isFinite(value) && value > 0 && isWhole) return value;
  throw new RangeError(`--${name} must be a number above 0, not ${text}.`);
}

/** Returns `true` if nothing was found. */
async function runOne(seed: string, { trace, plant, plantedBug }: Arguments): Promise<boolean> {
  const onTold = (line: string): void => console.log(line);
  const run = await runKvSeed(seed, { plant, ...(trace ? { onTold } : {}) });
  for (const [kind, count] of run.faults) console.log(`fault ${kind}: ${count}`);
  for (const [name, count] of run.marks) console.log(`mark ${name}: ${count}`);
  const seconds = (run.simulatedMs / 1000).toFixed(3);
  console.log(
    `seed ${seed}: ${run.eventCount} events, revision ${run.revision}, ` +
      `${seconds} s of virtual time, hash ${toHex(run.hash)}`,
  );
  tellFailure(run, { plant, plantedBug });
  return run.failure === undefined;
}

function tellFailure(
  { seed, failure, simulatedMs }: KvRun,
  { plant, plantedBug }: Pick<Arguments, 'plant' | 'plantedBug'>,
): void {
  if (failure === undefined) return;
  const { check, text } = describe(failure.error);
  const at = `t=${(simulatedMs / 1000).toFixed(3)}s`;
  console.log(`${text}\n${causeOf(failure.error)}`);
  const bug = plantedBug === undefined ? '' : ` --bug ${plantedBug}`;
  const again = `${command} --seed ${seed}${plant ? ' --plant' : ''}${bug} --trace`;
  console.log(`KV SIM FAIL ${check} seed=${seed} ${at} -> ${again}`);
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { cause, stack } = error;
  return cause instanceof Error ? `${stack}\ncaused by ${cause.stack}` : String(stack);
}

interface Tally {
  seeds: number;
  events: number;
  simulatedMs: number;
  failures: number;
  readonly marks: Map<string, number>;
}

/** Returns `true` if nothing was found. */
async function runMany(options: Arguments): Promise<boolean> {
  const { minutes, keepGoing, plant, seed: first = randomBytes(8).toString('hex') } = options;
  const most = options.seeds ?? (minutes === undefined ? defaultSeeds : Infinity);
  const endAt = minutes === undefined ? Infinity : performance.now() + minutes * 60_000;
  const startedAt = performance.now();
  const tally: Tally = { seeds: 0, events: 0, simulatedMs: 0, failures: 0, marks: new Map() };
  console.log(`campaign of seed ${first}`);
  while (tally.seeds < most && performance.now() < endAt) {
    const run = await runKvSeed(walkSeed(first, tally.seeds), { plant });
    add(tally, run);
    tellFailure(run, options);
    if (options.repeat) await compare(run, tally, options);
    if (tally.failures > 0 && !keepGoing) break;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const marks = [...tally.marks].sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [name, count] of marks) console.log(`${name}: ${count}`);
  console.log(
    `${tally.seeds} seeds, ${tally.failures} failures, ${tally.events} events ` +
      `(${Math.round(tally.events / seconds)} a second), ` +
      `${(tally.simulatedMs / 3_600_000).toFixed(3)} hours of virtual time in ` +
      `${Math.round(seconds)} s`,
  );
  return tally.failures === 0;
}

function add(tally: Tally, { eventCount, simulatedMs, failure, faults, marks }: KvRun): void {
  tally.seeds += 1;
  tally.events += eventCount;
  tally.simulatedMs += simulatedMs;
  if (failure !== undefined) tally.failures += 1;
  for (const [name, count] of [...faults, ...marks]) {
    tally.marks.set(name, (tally.marks.get(name) ?? 0) + count);
  }
}

async function compare(
  run: KvRun,
  tally: Tally,
  { plant }: Pick<Arguments, 'plant'>,
): Promise<void> {
  const { seed, hash } = run;
  const again = await runKvSeed(seed, { plant });
  if (again.hash === hash) return;
  tally.failures += 1;
  const counts = `${run.eventCount} and ${again.eventCount} events`;
  console.log(`KV SIM FAIL unseed seed=${seed}: two runs differ, of ${counts}.`);
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const options = readArguments();
  const { seed, seeds, minutes, bug } = options;
  if (bug !== undefined) return runPlanted(bug, process.argv.slice(2));
  const isOne = seed !== undefined && (seeds ?? minutes) === undefined;
  return (await (isOne ? runOne(seed, options) : runMany(options))) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
