import path from 'node:path';
import { looking, UsageError } from '../command-line.ts';
import {
  listScenarios,
  readScenario,
  scenarioFolder,
  type WalkScenario,
  writeScenario,
} from '../scenarios/scenario-file.ts';
import { loadCore, withCoreCopy } from './core-copy.ts';
import { mutants } from './mutants.ts';
import { complaintAbout, replay, scenarioOf } from './scenario.ts';
import { shrinkScript } from './shrink-script.ts';
import { Tracer } from './trace.ts';
import { type WalkResult, walk } from './walk.ts';
import type { CoreModule } from './world.ts';

/** Some seconds of search find nearly all that minutes would. */
export const shrinkLimits = { runs: 40_000, ms: 20_000 };

export interface Keeping {
  /** The bug that was planted into the core that failed. */
  readonly mutant: string | undefined;
  readonly folder: string;
}

/**
 * Makes a scenario file of a walk that failed: walks it again, now written down, and leaves out
 * what the violation does not need. Returns the file and its steps, or `undefined` if the walk
 * fails only as it was, which no file can hold.
 */
export async function keepFailure(
  module: CoreModule,
  failed: WalkResult,
  { mutant, folder }: Keeping,
): Promise<{ readonly file: string; readonly scenario: WalkScenario } | undefined> {
  const { seed } = failed;
  const { script, violation } = walk(module, seed, { isRecorded: true });
  if (script === undefined || violation === undefined) return undefined;
  const sound = mutant === undefined ? undefined : await loadCore();
  const options = { violation, limits: shrinkLimits, sound };
  const shrunk = await shrinkScript(module, script, options);
  if (shrunk === undefined) return undefined;
  const { code } = violation;
  const name = mutant ?? `found-${code}-${seed}`.toLowerCase();
  const found = scenarioOf(shrunk, { name, shows: '', code, plantedBug: mutant });
  const shows = replay(module, found).violation?.message ?? violation.message;
  // Until the bug is fixed nobody knows how it has to end.
  const end = sound === undefined ? undefined : replay(sound, found).end;
  const scenario = { ...found, shows, ...(end === undefined ? {} : { end }) };
  return { file: await writeScenario(scenario, folder), scenario };
}

/** Replays one file, and writes down how it ends if asked to. Returns `true` if all is well. */
export async function replayFile(
  module: CoreModule,
  file: string,
  options: { readonly trace: boolean; readonly accept: boolean },
): Promise<boolean> {
  const scenario = await looking(() => readScenario(file));
  if (scenario.tier !== 0) {
    throw new UsageError(`${file} is of tier ${scenario.tier}, and the walker is tier 0.`);
  }
  const tracer = options.trace ? new Tracer((line) => console.log(line)) : undefined;
  // What a step of it says is read when its turn comes.
  const replayed = await looking(() =>
    replay(module, scenario, tracer === undefined ? {} : { tracer }),
  );
  const { violation, end } = replayed;
  console.log(`${scenario.name}: ${scenario.shows}`);
  for (const line of end.nodes) console.log(`  ${line}`);
  if (violation === undefined && options.accept) {
    await writeScenario({ ...scenario, end }, path.dirname(file));
    console.log(`${file} now says that it ends so.`);
    return true;
  }
  const complaint = complaintAbout(scenario, replayed);
  if (violation?.cause instanceof Error) console.log(violation.cause.stack);
  console.log(complaint === undefined ? '✓ as the file says' : `✗ ${complaint}`);
  return complaint === undefined;
}

/**
 * Replays all files: today's core has to end as each says, and a core with the bug that it names
 * has to show the violation again. Returns `true` if all did.
 */
export async function replayAll(folder: string = scenarioFolder): Promise<boolean> {
  const core = await loadCore();
  let isRight = true;
  for (const file of await listScenarios(folder)) {
    const scenario = await readScenario(file);
    if (scenario.tier !== 0) continue;
    const complaint =
      complaintAbout(scenario, replay(core, scenario)) ?? (await complaintAboutBug(scenario));
    console.log(complaint === undefined ? `✓ ${scenario.name} ${scenario.code}` : `✗ ${complaint}`);
    isRight &&= complaint === undefined;
  }
  return isRight;
}

/** What is wrong with the bug that a scenario was found with, if it names one. */
export async function complaintAboutBug(scenario: WalkScenario): Promise<string | undefined> {
  const { name, code, shows, plantedBug } = scenario;
  if (plantedBug === undefined) return undefined;
  const mutant = mutants.find((known) => known.name === plantedBug);
  if (mutant === undefined) {
    return `${name} names the planted bug "${plantedBug}", and there is none. Take it out.`;
  }
  const { violation } = await withCoreCopy(mutant, (module) => replay(module, scenario));
  if (violation?.code === code) return undefined;
  const instead = violation === undefined ? 'nothing' : `${violation.code}: ${violation.message}`;
  return `${name} must show ${code} (${shows}) with the bug ${plantedBug}, and shows ${instead}`;
}
