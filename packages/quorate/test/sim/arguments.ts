import { availableParallelism, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { scenarioFolder } from '../scenarios/scenario-file.ts';
import { type Plant, plants } from './planted.ts';
import { checkSummaryName } from './summary.ts';

export interface Arguments {
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
  readonly scenario: string | undefined;
  /** Where runs that failed go, and their pages. */
  readonly out: string;
  /** Where scenarios go. */
  readonly scenarios: string;
  readonly summary: string | undefined;
  readonly acceptMarks: boolean;
  /** A bug to plant into a copy of the library, which then runs instead. */
  readonly bug: string | undefined;
  /** The bug that was planted into this copy. */
  readonly plantedBug: string | undefined;
  readonly plant: Plant | undefined;
}

const runFolder = 'sim-failures';

/** @throws RangeError | TypeError that says what was wanted. */
export function readArguments(words?: readonly string[]): Arguments {
  const { values } = parseArgs({
    ...(words === undefined ? {} : { args: [...words] }),
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
      scenario: { type: 'string' },
      out: { type: 'string', default: runFolder },
      scenarios: { type: 'string' },
      summary: { type: 'string' },
      'accept-marks': { type: 'boolean', default: false },
      bug: { type: 'string' },
      'planted-bug': { type: 'string' },
      plant: { type: 'string' },
    },
  });
  const { seeds, minutes, until, workers, summary, 'planted-bug': plantedBug } = values;
  if (summary !== undefined) checkSummaryName(summary);
  const number = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : aboveZero(name, text);
  return {
    seed: values.seed,
    seeds: number('seeds', seeds),
    minutes: number('minutes', minutes),
    until: number('until', until),
    workers: number('workers', workers) ?? availableParallelism(),
    keepGoing: values['keep-going'],
    trace: values.trace,
    shrink: values.shrink,
    html: values.html,
    replay: values.replay,
    out: values.out,
    scenario: values.scenario,
    // What a planted bug leads to is nothing that every test run should repeat.
    scenarios: values.scenarios ?? (plantedBug === undefined ? scenarioFolder : tmpdir()),
    summary,
    acceptMarks: values['accept-marks'],
    bug: values.bug,
    plantedBug,
    plant: plantOf(values.plant),
  };
}

function plantOf(text: string | undefined): Plant | undefined {
  const plant = plants.find((known) => known === text);
  if (text === undefined || plant !== undefined) return plant;
  throw new RangeError(`--plant must be one of ${plants.join(', ')}, not ${text}.`);
}

function aboveZero(name: string, text: string): number {
  const value = Number(text.replaceAll('_', ''));
  const isWhole = name === 'minutes' || Number.isSafeInteger(value);
  if (Number.isFinite(value) && value > 0 && isWhole) return value;
  const wanted = name === 'minutes' ? 'a number above 0' : 'a whole number above 0';
  throw new RangeError(`--${name} must be ${wanted}, not ${text}.`);
}
