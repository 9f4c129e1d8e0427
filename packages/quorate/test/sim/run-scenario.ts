import { answersOf, choicesOf } from '../scenarios/answers.ts';
import { type RunScenario, scenarioVersion } from '../scenarios/scenario-file.ts';
import type { Choice } from './choices.ts';
import { knobsOf, valuesOf } from './knob-values.ts';
import type { Knobs } from './knobs.ts';
import type { Company } from './run.ts';
import { type Recorded, record } from './run-file.ts';
import { describe } from './world.ts';

/** What a scenario says of itself. */
export type About = Pick<RunScenario, 'name' | 'shows' | 'code' | 'seed'> & {
  /** The bug that was planted into the code that failed. */
  readonly plantedBug: string | undefined;
};

/**
 * Makes a scenario of a run: its knobs by their values, and all other choices that were not 0, by
 * label and place.
 */
export function scenarioOfRun(
  { knobs, choices }: { readonly knobs: Knobs; readonly choices: readonly Choice[] },
  { name, shows, code, seed, plantedBug }: About,
): RunScenario {
  return {
    name,
    shows,
    version: scenarioVersion,
    tier: 1,
    code,
    ...(plantedBug === undefined ? {} : { plantedBug }),
    seed,
    knobs: valuesOf(knobs),
    // Those that decided the knobs would be asked for by nobody.
    answers: answersOf(choices.filter(({ label }) => !isDrawnKnob(label))),
  };
}

function isDrawnKnob(label: string): boolean {
  // Sites of the library are switched on by whoever runs them, and are no part of the knobs.
  return label.startsWith('knobs.') && !label.startsWith('knobs.buggify.');
}

/**
 * Runs what a scenario says.
 *
 * @throws RangeError if it has a knob or an answer that cannot be.
 */
export function runScenario(
  scenario: RunScenario,
  options: { readonly company: Company; readonly until?: number | undefined },
): Promise<Recorded> {
  const { name, seed } = scenario;
  try {
    const [knobs, replay] = [knobsOf(scenario.knobs), choicesOf(scenario.answers)];
    return record(seed, { ...options, knobs, replay });
  } catch (error) {
    throw new RangeError(`The scenario ${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** What is wrong with the way a scenario ended; `undefined` if nothing was violated. */
export function complaintAboutRun(
  { name, code, shows }: RunScenario,
  { result: { failure } }: Recorded,
): string | undefined {
  if (failure === undefined) return undefined;
  const now = describe(failure.error);
  const before = now.code === code ? `which was ${code} before, too` : `and ${code} before`;
  return `${name} (${shows}) shows ${now.code}: ${now.text}, ${before}`;
}
