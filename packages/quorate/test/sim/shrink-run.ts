import { shrinkChoices } from '../shrink/shrink-choices.ts';
import { type Choice, ReplayedChoices } from './choices.ts';

import { clientCounts } from './clients/workload.ts';
import { nodeCounts } from './knobs.ts';
import { type Company, runSeed } from './run.ts';
import { type Recorded, record } from './run-file.ts';
import type { RunFile } from './trace.ts';
import { describe } from './world.ts';

export interface ShrunkRun extends Recorded {
  readonly choices: readonly Choice[];
  readonly runCount: number;
}

/** How much the search for a smaller run may cost. */
export interface ShrinkLimits {
  readonly runs: number;
  readonly ms: number;
}

export const shrinkLimits: ShrinkLimits = { runs: 20_000, ms: 90_000 };

/** What there is to be less of, by the label that decides it. */
const counted: Readonly<Record<string, readonly number[]>> = {
  'knobs.nodeCount': nodeCounts,
  'workload.clients': clientCounts,
};

/**
 * A run in which more happens than in the one that failed, by so much, is given up: clients who
 * never pause can keep one busy for minutes. What must hold in the end can only fail there, all
 * else fails at once.
 */
const patience = { atOnce: 1.25, inTheEnd: 2, events: 200 };

/**
 * Looks for fewer choices that fail in the same way, then for fewer nodes and clients, and then for
 * fewer choices with those. The result is run once more for the record.
 */
export async function shrinkRun(
  file: RunFile,
  company: Company,
  limits: ShrinkLimits = shrinkLimits,
): Promise<ShrunkRun> {
  const search = new Search(file, company);
  const first = await search.shrink({ runs: limits.runs, ms: limits.ms * 0.6 });
  let last = first;
  if (await search.haveFewer(first)) {
    last = await search.shrink({ runs: limits.runs, ms: limits.ms * 0.4 });
  }
  const choices = [...search.fixed, ...last];
  const recorded = await record(file.seed, { company, replay: choices });
  return { ...recorded, choices, runCount: search.runCount };
}

class Search {
  /** The choices that decide what is counted: these are not made smaller like all others. */
  fixed: readonly Choice[];
  runCount = 0;
  readonly #seed: string;
  readonly #company: Company;
  #rest: readonly Choice[];
  #code: string | undefined = undefined;
  #until: number | undefined = undefined;

  constructor({ seed, choices }: RunFile, company: Company) {
    this.#seed = seed;
    this.#company = company;
    this.fixed = choices.filter(({ label }) => label in counted);
    this.#rest = withoutCounted(choices);
  }

  async shrink(limits: ShrinkLimits): Promise<readonly Choice[]> {
    // By the first run of this search, or else it would be longer with each that is accepted.
    this.#until = undefined;
    const run = (given: readonly Choice[]): ReturnType<Search['run']> => this.run(given);
    const { choices } = await shrinkChoices(this.#rest, run, { limits });
    this.#rest = choices;
    return choices;
  }

  /** Runs with `given` for all that is not counted. */
  async run(
    given: readonly Choice[],
    fixed: readonly Choice[] = this.fixed,
  ): Promise<{ code: string; choices: readonly Choice[] } | undefined> {
    this.runCount += 1;
    const choices = new ReplayedChoices([...fixed, ...given]);
    const options = { company: this.#company, choices, until: this.#until };
    const { failure, traceCount } = await runSeed(this.#seed, options);
    if (failure === undefined) return undefined;
    const { code } = describe(failure.error);
    this.#code ??= code;
    const factor = code.startsWith('S') ? patience.atOnce : patience.inTheEnd;
    this.#until ??= Math.ceil(traceCount * factor) + patience.events;
    return { code, choices: withoutCounted(choices.made) };
  }

  /** Takes the fewest nodes, and then clients, that fail in the same way. */
  async haveFewer(rest: readonly Choice[]): Promise<boolean> {
    let isLess = false;
    for (const [label, counts] of Object.entries(counted)) {
      const now = counts[this.fixed.find((choice) => choice.label === label)?.value ?? 0] ?? 0;
      const fewer = [...new Set(counts)].filter((count) => count < now).sort((a, b) => a - b);
      for (const count of fewer) {
        const choice = { label, count: counts.length, value: counts.indexOf(count) };
        const fixed = [...this.fixed.filter((other) => other.label !== label), choice];
        if ((await this.run(rest, fixed))?.code !== this.#code) continue;
        this.fixed = fixed;
        isLess = true;
        break;
      }
    }
    return isLess;
  }
}

function withoutCounted(choices: readonly Choice[]): readonly Choice[] {
  return choices.filter(({ label }) => !(label in counted));
}
