import { type HuntLimits, hunt, runOnce, type Tier, type Try } from './hunt.ts';
import type { PackageCopy } from './package-copy.ts';
import type { PlantedBug } from './planted-bug.ts';
import { hasDoubled, isSlower } from './slower.ts';
import { median, type Row } from './table.ts';

/** What is hunted in one go; without a bug, nothing may be found. */
export interface Task {
  readonly bug: PlantedBug | undefined;
  readonly tier: Tier;
}

/** Walks are short, seeds are long. */
const defaultRuns: Readonly<Record<Tier, number>> = { 0: 20_000, 1: 400 };
/** Enough to see that copying alone breaks nothing. */
const runsWithoutBug: Readonly<Record<Tier, number>> = { 0: 300, 1: 5 };
/** Where the median has doubled, so many times more tries tell whether that is chance. */
const moreTries = 4;

export interface HuntOptions {
  readonly seed: string;
  readonly tries: number;
  readonly runs: number | undefined;
  readonly seconds: number;
}

/**
 * The code without a bug, which must pass each seed that fails with one: else it is not the planted
 * bug that was found.
 */
export class Control {
  readonly #copy: PackageCopy;
  readonly #seconds: number;
  readonly #known = new Map<string, Promise<Try>>();

  constructor(copy: PackageCopy, seconds: number) {
    this.#copy = copy;
    this.#seconds = seconds;
  }

  /** Those of the tries that fail without the bug too. */
  async failed(tier: Tier, found: readonly Try[]): Promise<Try[]> {
    const again = await Promise.all(found.map(({ seed }) => this.#run(tier, seed)));
    return again.filter(({ code }) => code !== undefined);
  }

  #run(tier: Tier, seed: string): Promise<Try> {
    const name = `${tier} ${seed}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const run = runOnce(this.#copy, tier, { seed, seconds: this.#seconds });
    this.#known.set(name, run);
    return run;
  }
}

/** One who hunts: with a copy of its own, in which one bug is planted at a time. */
export class Hunter {
  readonly #copy: PackageCopy;
  readonly #control: Control;
  readonly #options: HuntOptions;
  readonly #table: ReadonlyMap<string, Row>;

  constructor(
    copy: PackageCopy,
    given: { control: Control; options: HuntOptions; table: ReadonlyMap<string, Row> },
  ) {
    this.#copy = copy;
    this.#control = given.control;
    this.#options = given.options;
    this.#table = given.table;
  }

  /** Returns `false` if it did not go as it should, and what it took. */
  async hunt({ bug, tier }: Task): Promise<{ isRight: boolean; row?: Row }> {
    if (bug === undefined) return this.#huntNothing(tier);
    const { seed, tries, seconds, runs = defaultRuns[tier] } = this.#options;
    const limits = { seed, tries, runs, seconds };
    return this.#copy.withBug(bug, async () => {
      const found = await hunt(this.#copy, tier, limits);
      if (found.some(({ code }) => code === undefined)) {
        console.log(`✗ ${describe(bug.name, tier, found)}`);
        return { isRight: false, row: { ...rowOf(bug.name, tier, found), codes: [] } };
      }
      const wrong = await this.#control.failed(tier, found);
      if (wrong.length > 0) {
        console.log(`✗ ${describe(bug.name, tier, found)}`);
        for (const { seed: at, text } of wrong) console.log(`  without it, too: ${at}: ${text}`);
        return { isRight: false };
      }
      const before = this.#table.get(bug.name);
      const isComparable = before?.tier === tier && before.codes.length > 0;
      const isSlow = isComparable && (await this.#isSlower(before, tier, found, limits));
      console.log(`${isSlow ? '✗' : '✓'} ${describe(bug.name, tier, found)}`);
      if (isSlow) console.log(`  It was found in ${before?.runs.join(', ')} runs before.`);
      return { isRight: !isSlow, row: rowOf(bug.name, tier, found) };
    });
  }

  async #huntNothing(tier: Tier): Promise<{ isRight: boolean }> {
    const { seed, seconds } = this.#options;
    const limits = { seed: `${seed}-right`, tries: 1, runs: runsWithoutBug[tier], seconds };
    const found = await hunt(this.#copy, tier, limits);
    const isRight = found.every(({ code }) => code === undefined);
    console.log(`${isRight ? '✓' : '✗'} ${describe('(no bug)', tier, found)}`);
    for (const { text } of isRight ? [] : found) console.log(`  ${text ?? ''}`);
    return { isRight };
  }

  async #isSlower(
    { runs: before }: Row,
    tier: Tier,
    found: readonly Try[],
    limits: HuntLimits,
  ): Promise<boolean> {
    const now = found.map(({ runs }) => runs);
    if (!hasDoubled(before, now)) return false;
    const tries = limits.tries * moreTries;
    const more = await hunt(this.#copy, tier, { ...limits, seed: `${limits.seed}-more`, tries });
    return isSlower(before, [...now, ...more.map(({ runs }) => runs)]);
  }
}

function describe(name: string, tier: Tier, found: readonly Try[]): string {
  const isFound = found.every(({ code }) => code !== undefined);
  const unit = tier === 0 ? 'walks' : 'seeds';
  const runs = found.map((one) => (one.code === undefined ? `>${one.runs}` : `${one.runs}`));
  const seconds = median(found.map((one) => one.seconds)).toFixed(1);
  const by = isFound ? `found by ${codesOf(found).join(', ')}` : 'not found';
  return `${name.padEnd(52)} tier ${tier}: ${by} in ${runs.join(', ')} ${unit}, ${seconds} s`;
}

function rowOf(name: string, tier: Tier, found: readonly Try[]): Row {
  const runs = found.map((one) => one.runs);
  const seconds = Number(median(found.map((one) => one.seconds)).toFixed(1));
  return { name, tier, codes: codesOf(found), runs, seconds };
}

function codesOf(found: readonly Try[]): string[] {
  const counts = new Map<string, number>();
  for (const { code } of found) {
    if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([code]) => code);
}
