// Runs whole simulated clusters: the real code in virtual time, under every fault.
//
//   npm run sim                                   a campaign of 200 fresh seeds
//   npm run sim -- --seeds N | --minutes M        a longer one, on all cores
//   npm run sim -- --seed X                       one run
//   npm run sim -- --seed X --until K --trace     up to event K, and what happened
//   npm run sim -- --seed X --html FILE           the same as a page to look at
//   npm run sim -- --replay FILE                  a run that was written to a file
//   npm run sim -- --seed X --shrink              fewer choices that fail in the same way

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runCampaign, type Tally } from './campaign.ts';
import { simCompany } from './clients/company.ts';
import { failureLine, failureText } from './failure-line.ts';
import { toHex } from './hash.ts';
import { writePage } from './page/write-page.ts';
import { withPlanted } from './planted.ts';
import { countLines, neverMet, progressLine, totalsLine } from './report.ts';
import type { Company } from './run.ts';
import { type Recorded, readRun, record, writeRun } from './run-file.ts';
import { shrinkRun } from './shrink-run.ts';
import type { RunFile } from './trace.ts';
import { traceLine } from './trace-line.ts';

interface Arguments {
  readonly seed: string | undefined;
  readonly seeds: number | undefined;
  readonly minutes: number | undefined;
  readonly until: number | undefined;
  readonly workers: number;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly keepGoing: boolean;
  readonly html: string | undefined;
  readonly replay: string | undefined;
  readonly out: string;
  /** Something to find, for the tests of how it is told. */
  readonly plant: string | undefined;
}

const defaultSeeds = 200;
const runFolder = 'sim-failures';

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string' },
      until: { type: 'string' },
      workers: { type: 'string' },
      trace: { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      html: { type: 'string' },
      replay: { type: 'string' },
      out: { type: 'string', default: runFolder },
      plant: { type: 'string' },
    },
  });
  const { seeds, minutes, until, workers, plant } = values;
  if (plant !== undefined && plant !== 'violation') {
    throw new RangeError(`--plant must be violation, not ${plant}.`);
  }
  const number = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : aboveZero(name, text);
  return {
    seed: values.seed,
    seeds: number('seeds', seeds),
    minutes: number('minutes', minutes),
    until: number('until', until),
    workers: number('workers', workers) ?? availableParallelism(),
    trace: values.trace,
    shrink: values.shrink,
    keepGoing: values['keep-going'],
    html: values.html,
    replay: values.replay,
    out: values.out,
    plant,
  };
}

function aboveZero(name: string, text: string): number {
  const value = Number(text.replaceAll('_', ''));
  const isWhole = name === 'minutes' || Number.isSafeInteger(value);
  if (Number.isFinite(value) && value > 0 && isWhole) return value;
  throw new RangeError(`--${name} must be a whole number above 0, not ${text}.`);
}

/** Returns `true` if nothing was found. */
async function runOne(options: Arguments): Promise<boolean> {
  const { until, replay, html, trace } = options;
  const read = replay === undefined ? undefined : await readRun(replay);
  const seed = read?.seed ?? options.seed ?? fresh();
  const company = options.plant === undefined ? simCompany : withPlanted(simCompany);
  const recorded = await record(seed, { company, until, replay: read?.choices });
  const { result, file } = recorded;
  if (trace) for (const event of file.events) console.log(traceLine(event));
  for (const line of countLines('faults', result.faults)) console.log(line);
  for (const line of countLines('marks', result.marks)) console.log(line);
  console.log(
    `seed ${seed}: ${result.eventCount} events, ${result.traceCount} in the trace, ` +
      `${(result.simulatedMs / 1000).toFixed(3)} s of virtual time, hash ${toHex(result.hash)}`,
  );
  if (html !== undefined) {
    await writeFile(html, writePage(file));
    console.log(`written to ${html}`);
  }
  if (result.failure === undefined) return true;
  await tellFailure(recorded, company, options);
  return false;
}

async function tellFailure(
  { result, file }: Recorded,
  company: Company,
  { out, shrink, plant }: Arguments,
): Promise<void> {
  console.log(failureText(result));
  console.log(`the run: ${await writeRun(file, out)}`);
  if (shrink) await shrinkAndWrite(file, company, out);
  console.log(failureLine(result, plant === undefined ? '' : ` --plant ${plant}`));
}

async function shrinkAndWrite(file: RunFile, company: Company, out: string): Promise<void> {
  const { file: shrunk, runCount } = await shrinkRun(file, company);
  const small = { ...shrunk, seed: `${file.seed}-shrunk` };
  const target = await writeRun(small, out);
  const made = ({ choices }: RunFile): number => choices.filter(({ value }) => value > 0).length;
  console.log(
    `shrunk in ${runCount} runs from ${made(file)} choices and ${file.events.length} events to ` +
      `${made(small)} and ${small.events.length} -> npm run sim -- --replay ${target} --trace`,
  );
}

/** Returns `true` if nothing was found. */
async function runMany(options: Arguments): Promise<boolean> {
  const { minutes, workers, keepGoing, out } = options;
  const seed = options.seed ?? fresh();
  const seeds = options.seeds ?? (minutes === undefined ? defaultSeeds : Infinity);
  const ms = minutes === undefined ? Infinity : minutes * 60_000;
  console.log(`campaign of seed ${seed} on ${workers} processes`);
  const keeper = new Keeper(out);
  const tally = await runCampaign({
    seed,
    seeds,
    ms,
    workers,
    keepGoing,
    onProgress: (now: Tally) => console.log(progressLine(now)),
    onFailure: (report) => {
      console.log(`${report.failure?.text}\n${report.failure?.line}`);
      keeper.keep(report.seed);
    },
  });
  for (const line of countLines('faults', tally.faults)) console.log(line);
  for (const line of countLines('marks', tally.marks, tally.seedsByMark)) console.log(line);
  const missed = neverMet(tally.marks);
  if (missed.length > 0) console.log(`never met: ${missed.join(', ')}`);
  console.log(totalsLine(tally));
  await keeper.end();
  return keeper.count === 0;
}

/** Runs seeds that failed once more, for the record; the first of them is also shrunk. */
class Keeper {
  readonly #out: string;
  /** Two runs in one process must not overlap: what they install there is for one at a time. */
  #last: Promise<void> = Promise.resolve();
  count = 0;

  constructor(out: string) {
    this.#out = out;
  }

  keep(seed: string): void {
    this.count += 1;
    const isFirst = this.count === 1;
    this.#last = this.#last.then(async () => {
      const { result, file } = await record(seed, { company: simCompany });
      console.log(`the run: ${await writeRun(file, this.#out)}`);
      // What differs from run to run has nothing that could be shrunk.
      if (isFirst && result.failure !== undefined) {
        await shrinkAndWrite(file, simCompany, this.#out);
      }
    });
  }

  end(): Promise<void> {
    return this.#last;
  }
}

function fresh(): string {
  return randomBytes(8).toString('hex');
}

async function main(): Promise<boolean> {
  const options = readArguments();
  const { seed, seeds, minutes, replay } = options;
  const isOne = replay !== undefined || (seed !== undefined && (seeds ?? minutes) === undefined);
  return isOne ? runOne(options) : runMany(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
