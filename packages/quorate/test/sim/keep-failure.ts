import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type RunScenario, writeScenario } from '../scenarios/scenario-file.ts';
import { writePage } from './page/write-page.ts';
import { companyWith, type Plant, plantOptions } from './planted.ts';
import type { Company } from './run.ts';
import { type Recorded, record, writeRun } from './run-file.ts';
import { runScenario, scenarioOfRun } from './run-scenario.ts';
import { shrinkRun } from './shrink-run.ts';
import type { RunFile, TraceEvent } from './trace.ts';
import { traceLine } from './trace-line.ts';
import { describe } from './world.ts';

export interface Keeping {
  /** Where runs and pages go. */
  readonly out: string;
  /** Where scenarios go. */
  readonly scenarios: string;
  readonly plant: Plant | undefined;
  /** The bug that was planted into this copy of the library. */
  readonly plantedBug: string | undefined;
}

/** Writes a run that failed into its file, and draws it. */
export async function keepRun({ file }: Recorded, out: string): Promise<void> {
  const target = await writeRun(file, out);
  console.log(`the run: ${target}`);
  await drawPage(file, target.replace(/\.json$/, '.html'));
}

export async function drawPage(file: RunFile, target: string): Promise<void> {
  await writeFile(target, writePage(file));
  console.log(`the page: ${target}`);
}

/**
 * Runs a seed that failed once more, for the record. One that does not fail again differs from run
 * to run: then it is told where two runs part.
 */
export async function keepSeed(seed: string, { out, plant }: Keeping): Promise<Recorded> {
  const company = companyWith(plant);
  const recorded = await record(seed, { company });
  await keepRun(recorded, out);
  if (recorded.result.failure !== undefined) return recorded;
  const again = await record(seed, { company });
  for (const line of whereTheyPart(recorded.file.events, again.file.events)) console.log(line);
  return recorded;
}

function whereTheyPart(one: readonly TraceEvent[], other: readonly TraceEvent[]): string[] {
  const lineAt = (events: readonly TraceEvent[], at: number): string => {
    const event = events[at];
    return event === undefined ? 'nothing more' : traceLine(event);
  };
  const end = Math.max(one.length, other.length);
  for (let at = 0; at < end; at += 1) {
    const [first, second] = [lineAt(one, at), lineAt(other, at)];
    if (first === second) continue;
    return [`two runs part at event ${at + 1}:`, `  ${first}`, `  ${second}`];
  }
  return ['two runs show the same events; they differ in what no event tells'];
}

/**
 * Looks for a smaller run that fails in the same way, and leaves it as a scenario. Nothing is left
 * of a run that fails only as it was.
 */
export async function keepScenario(
  { result, file }: Recorded,
  keeping: Keeping,
): Promise<RunScenario | undefined> {
  const { out, scenarios, plant, plantedBug } = keeping;
  const company = companyWith(plant);
  console.log('looking for a smaller run ...');
  const shrunk = await shrinkRun(file, company);
  const { code, text } = describe(shrunk.result.failure?.error ?? result.failure?.error);
  const name = plantedBug ?? `found-${code}-${file.seed}`.toLowerCase().replaceAll(/[^\w-]/g, '-');
  const shows = text.split('\n')[0] ?? '';
  const { knobs } = shrunk.result;
  const about = { name, shows, code, seed: file.seed, plantedBug };
  const scenario = scenarioOfRun({ knobs, choices: shrunk.choices }, about);
  const again = await replayed(scenario, company);
  if (again === undefined) {
    console.log('SIM SCENARIO none: it fails only as it ran, so keep the file of the run.');
    return undefined;
  }
  const before = { answers: madeIn(file.choices), file };
  const after = { answers: answersIn(scenario), file: again.file };
  console.log(
    `shrunk in ${shrunk.runCount} runs from ${before.answers} choices, ` +
      `${before.file.events.length} events and ${before.file.nodes.length} nodes to ` +
      `${after.answers}, ${after.file.events.length} and ${after.file.nodes.length}`,
  );
  const target = await writeScenario(scenario, scenarios);
  await drawPage(again.file, path.join(out, `${name}.html`));
  console.log(
    `SIM SCENARIO ${target} -> npm run sim -- --scenario ${target}${plantOptions(keeping)} --trace`,
  );
  return scenario;
}

/** The scenario as its file has it, if it still shows what it was made for. */
async function replayed(scenario: RunScenario, company: Company): Promise<Recorded | undefined> {
  const again = await runScenario(scenario, { company });
  const { failure } = again.result;
  if (failure === undefined || describe(failure.error).code !== scenario.code) return undefined;
  return again;
}

function madeIn(choices: RunFile['choices']): number {
  return choices.filter(({ value }) => value > 0).length;
}

/** How many answers and knobs a scenario has. */
export function answersIn({ knobs, answers }: RunScenario): number {
  const countOf = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? Object.values(value).reduce<number>((sum, inner) => sum + countOf(inner), 0)
      : 1;
  return countOf(knobs) + countOf(answers);
}
