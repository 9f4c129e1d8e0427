// Walks at random through what can happen to a cluster, with the pure core alone.

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { atMostOneOf, readOptions, runCommand, UsageError, wholeNumber } from '../command-line.ts';
import { scenarioFolder } from '../scenarios/scenario-file.ts';
import { runCampaign } from './campaign.ts';
import { loadCore, withCoreCopy } from './core-copy.ts';
import { markLines, marksNeverMet } from './marks.ts';
import { huntMutants } from './mutant-hunt.ts';
import { mutants } from './mutants.ts';
import { toHex } from './random.ts';
import { keepFailure, replayAll, replayFile } from './scenario-runs.ts';
import { Tracer } from './trace.ts';
import type { WalkResult } from './walk.ts';
import { walk } from './walk.ts';
import type { CoreModule } from './world.ts';

const usage = `npm run walk                                     a fresh seed, 2,000,000 steps
npm run walk -- --seed X --steps N               the same again
npm run walk -- --seed X --until K [--trace]     one walk, up to its step K
npm run walk -- --mutant NAME [--seed X]         with a planted bug
npm run walk -- --mutants [--steps N]            every planted bug, and the core without one
npm run walk -- --scenario FILE [--trace]        a scenario file, step by step
npm run walk -- --scenario FILE --accept         and writes into it how it ends
npm run walk -- --scenarios                      all of them, with and without their bugs

What a run finds is shrunk to a scenario file, in --out FOLDER: by default among the scenarios of
the tests, and with a planted bug in the system's folder for temporary files.`;

interface Arguments {
  readonly seed: string;
  readonly steps: number;
  readonly until: number | undefined;
  readonly trace: boolean;
  readonly mutant: string | undefined;
  readonly mutants: boolean;
  readonly scenario: string | undefined;
  readonly scenarios: boolean;
  readonly accept: boolean;
  readonly out: string | undefined;
}

const defaultSteps = 2_000_000;

function readArguments(): Arguments {
  const values = readOptions({
    seed: { type: 'string' },
    steps: { type: 'string' },
    until: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    scenarios: { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
    out: { type: 'string' },
  });
  const { mutants: all, scenarios, scenario, mutant } = values;
  if (mutant !== undefined) mutantNamed(mutant);
  atMostOneOf({ mutants: all, scenarios, scenario });
  atMostOneOf({ mutants: all, scenarios, mutant });
  if (values.accept && scenario === undefined) {
    throw new UsageError('--accept goes with --scenario FILE: it writes into that file.');
  }
  return {
    seed: values.seed ?? randomBytes(8).toString('hex'),
    steps: values.steps === undefined ? defaultSteps : wholeNumber('steps', values.steps),
    until: values.until === undefined ? undefined : wholeNumber('until', values.until),
    trace: values.trace,
    mutant: values.mutant,
    mutants: values.mutants,
    scenario: values.scenario,
    scenarios: values.scenarios,
    accept: values.accept,
    out: values.out,
  };
}

function mutantNamed(wanted: string): (typeof mutants)[number] {
  const found = mutants.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = mutants.map(({ name }) => name).join(', ');
  throw new UsageError(`--mutant must be one of ${names}, not ${JSON.stringify(wanted)}.`);
}

/** Returns `true` if nothing was found. */
function walkOnce(module: CoreModule, options: Arguments): boolean {
  const { seed, until, trace } = options;
  const tracer = trace ? new Tracer((line) => console.log(line)) : undefined;
  const result = walk(module, seed, { ...(until === undefined ? {} : { until }), tracer });
  if (result.violation !== undefined) printFailure(result, options);
  console.log(`${result.stepCount} steps, ${result.eventCount} events, hash ${toHex(result.hash)}`);
  return result.violation === undefined;
}

/** Returns `true` if nothing was found. */
async function walkMany(module: CoreModule, options: Arguments): Promise<boolean> {
  const { seed, steps } = options;
  const startedAt = performance.now();
  const { walkCount, stepCount, eventCount, hash, marks, failed } = runCampaign(module, seed, {
    steps,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  for (const line of markLines(marks)) console.log(line);
  const missed = marksNeverMet(marks);
  if (missed.length > 0) console.log(`never met: ${missed.join(', ')}`);
  const rate = Math.round(stepCount / seconds).toLocaleString('en');
  console.log(
    `${walkCount} walks, ${stepCount} steps, ${eventCount} events in ${seconds.toFixed(1)} s: ` +
      `${rate} steps/s, hash ${toHex(hash)}`,
  );
  if (failed === undefined) return true;
  printFailure(failed, options);
  await keep(module, failed, options);
  return false;
}

/** Leaves a scenario file of what was found. */
async function keep(module: CoreModule, failed: WalkResult, options: Arguments): Promise<void> {
  const { mutant, out } = options;
  const folder = out ?? (mutant === undefined ? scenarioFolder : tmpdir());
  console.log('looking for a shorter course of events ...');
  const kept = await keepFailure(module, failed, { mutant, folder });
  if (kept === undefined) {
    console.log('WALK SCENARIO none: it fails only as it was walked, so keep the seed.');
    return;
  }
  const { file, scenario } = kept;
  for (const step of scenario.steps) console.log(`  ${step}`);
  const planted = mutant === undefined ? '' : ` --mutant ${mutant}`;
  console.log(
    `WALK SCENARIO ${file} ${scenario.steps.length} steps -> ` +
      `npm run walk -- --scenario ${file}${planted} --trace`,
  );
}

function printFailure(result: WalkResult, { mutant, seed }: Arguments): void {
  const { violation, stepCount } = result;
  if (violation === undefined) return;
  const { code, title, message } = violation;
  const planted = mutant === undefined ? '' : ` --mutant ${mutant}`;
  console.log(violation.cause instanceof Error ? violation.cause.stack : message);
  console.log(
    `WALK FAIL ${code} ${title} seed=${result.seed} step=${stepCount} run=${seed} -> ` +
      `npm run walk -- --seed ${result.seed} --until ${stepCount}${planted} --trace`,
  );
}

async function main(): Promise<boolean> {
  const options = readArguments();
  if (options.scenarios) return replayAll();
  if (options.scenario === undefined) console.log(`seed ${options.seed}`);
  if (options.mutants) return huntMutants(options.seed, options.steps);
  const run = (module: CoreModule): boolean | Promise<boolean> => {
    if (options.scenario !== undefined) return replayFile(module, options.scenario, options);
    const isSingle = options.until !== undefined || options.trace;
    return isSingle ? walkOnce(module, options) : walkMany(module, options);
  };
  if (options.mutant === undefined) return run(await loadCore());
  return withCoreCopy(mutantNamed(options.mutant), run);
}

await runCommand('walk', usage, main);
