// Runs whole simulated clusters: the real code in virtual time, under every fault.
//
//   npm run sim                                   a campaign of 200 fresh seeds
//   npm run sim -- --seeds N | --minutes M        a longer one, on all cores
//   npm run sim -- --minutes M --summary FILE     and its figures, as Markdown or JSON
//   npm run sim -- --seeds N --accept-marks       and what it met is what later ones must meet
//   npm run sim -- --seed X                       one run
//   npm run sim -- --seed X --until K --trace     up to event K, and what happened
//   npm run sim -- --seed X --html FILE           the same as a page to look at
//   npm run sim -- --seed X --shrink              and a scenario of it, if it fails
//   npm run sim -- --replay FILE                  a run that was written to a file
//   npm run sim -- --scenario FILE                a scenario
//   npm run sim -- ... --bug NAME                 in a copy of the library with a planted bug
//
// The first failure of a campaign is shrunk to a scenario, in the folder --scenarios: by default
// among those of the tests, and with a planted bug in the system's folder for temporary files.

import { randomBytes } from 'node:crypto';
import { readScenario } from '../scenarios/scenario-file.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { runCampaign, type Tally } from './campaign.ts';
import { failureLine, failureText } from './failure-line.ts';
import { toHex } from './hash.ts';
import { drawPage, keepRun, keepScenario, keepSeed } from './keep-failure.ts';
import { judgeMarks, missedLines, readMarks, writeMarks } from './marks-file.ts';
import { companyWith, plantOptions } from './planted.ts';
import { countLines, progressLine, totalsLine } from './report.ts';
import type { Company } from './run.ts';
import { type Recorded, readRun, record } from './run-file.ts';
import { runPlanted } from './run-planted.ts';
import { runScenario } from './run-scenario.ts';
import { summaryOf, writeSummary } from './summary.ts';
import { traceLine } from './trace-line.ts';

const defaultSeeds = 200;
/** Of a campaign that goes on, so many failures are kept. */
const maxKept = 20;

/** Returns `true` if nothing was found. */
async function runOne(options: Arguments): Promise<boolean> {
  const { html, trace, out, plant } = options;
  const recorded = await recordOne(options, companyWith(plant));
  const { result, file } = recorded;
  if (trace) for (const event of file.events) console.log(traceLine(event));
  for (const line of countLines('faults', result.faults)) console.log(line);
  for (const line of countLines('marks', result.marks)) console.log(line);
  console.log(
    `seed ${file.seed}: ${result.eventCount} events, ${result.traceCount} in the trace, ` +
      `${(result.simulatedMs / 1000).toFixed(3)} s of virtual time, hash ${toHex(result.hash)}`,
  );
  if (html !== undefined) await drawPage(file, html);
  if (result.failure === undefined) return true;
  console.log(failureText(result));
  await keepRun(recorded, out);
  if (options.shrink) await keepScenario(recorded, options);
  console.log(failureLine(result, { source: sourceOf(options), options: plantOptions(options) }));
  return false;
}

/** Where the run comes from, unless it is from a seed. */
function sourceOf({ scenario, replay }: Arguments): string | undefined {
  if (scenario !== undefined) return `--scenario ${scenario}`;
  return replay === undefined ? undefined : `--replay ${replay}`;
}

async function recordOne(options: Arguments, company: Company): Promise<Recorded> {
  const { until, replay, scenario, seed } = options;
  if (scenario !== undefined) {
    const read = await readScenario(scenario);
    if (read.tier === 1) return runScenario(read, { company, until });
    throw new RangeError(
      `${scenario} is of tier ${read.tier}, and the simulator is tier 1. ` +
        `Run: npm run walk -- --scenario ${scenario}`,
    );
  }
  if (replay === undefined) return record(seed ?? fresh(), { company, until });
  const { seed: first, choices } = await readRun(replay);
  return record(first, { company, until, replay: choices });
}

/** Returns `true` if nothing was found. */
async function runMany(options: Arguments): Promise<boolean> {
  const { minutes, workers, keepGoing, plant, summary } = options;
  const seed = options.seed ?? fresh();
  const seeds = options.seeds ?? (minutes === undefined ? defaultSeeds : Infinity);
  const ms = minutes === undefined ? Infinity : minutes * 60_000;
  const known = await readMarks();
  console.log(`campaign of seed ${seed} on ${workers} processes`);
  const failed: string[] = [];
  const tally = await runCampaign({
    seed,
    seeds,
    ms,
    workers,
    keepGoing,
    plant,
    options: plantOptions(options),
    onProgress: (now: Tally) => console.log(progressLine(now)),
    onFailure: (report) => {
      console.log(`${report.failure?.text}\n${report.failure?.line}`);
      failed.push(report.seed);
    },
  });
  for (const line of countLines('faults', tally.faults)) console.log(line);
  for (const line of countLines('marks', tally.marks, tally.seedsByMark)) console.log(line);
  const verdict = judgeMarks(tally, known);
  const { neverMet, unknown } = verdict;
  if (neverMet.length > 0) console.log(`never met: ${neverMet.join(', ')}`);
  if (unknown.length > 0) console.log(`met for the first time: ${unknown.join(', ')}`);
  console.log(totalsLine(tally));
  if (summary !== undefined) {
    const command = `npm run sim -- ${process.argv.slice(2).join(' ')}`;
    await writeSummary(summaryOf(tally, verdict, { command, seed, processes: workers }), summary);
    console.log(`the figures: ${summary}`);
  }
  await keepAll(failed, options);
  const missed = options.acceptMarks ? [] : missedLines(verdict, tally, seed);
  for (const line of missed) console.log(line);
  if (options.acceptMarks) await acceptMarks(tally);
  return failed.length === 0 && missed.length === 0;
}

/** Only when the campaign is over: what a run installs in its process is for one at a time. */
async function keepAll(failed: readonly string[], options: Arguments): Promise<void> {
  for (const [at, seed] of failed.slice(0, maxKept).entries()) {
    const recorded = await keepSeed(seed, options);
    if (at > 0 || recorded.result.failure === undefined) continue;
    await keepScenario(recorded, options);
  }
}

async function acceptMarks(tally: Tally): Promise<void> {
  if (tally.failureCount > 0) {
    throw new RangeError('--accept-marks wants a campaign in which nothing fails.');
  }
  await writeMarks(tally);
  console.log(`what was met in ${tally.seedCount} seeds is now what campaigns must meet`);
}

function fresh(): string {
  return randomBytes(8).toString('hex');
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const options = readArguments();
  const { seed, seeds, minutes, replay, scenario, bug } = options;
  if (bug !== undefined) return runPlanted(bug, process.argv.slice(2));
  const isFile = (replay ?? scenario) !== undefined;
  const isOne = isFile || (seed !== undefined && (seeds ?? minutes) === undefined);
  return (await (isOne ? runOne(options) : runMany(options))) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
