import { type Choice, streamOf } from '../sim/choices.ts';
import { Budget, type Limits } from './budget.ts';
import { reduce } from './reduce.ts';

/** What a run with these choices came to. */
export interface Outcome {
  /** Which invariant was violated. */
  readonly code: string;
  /** The choices that were made up to then, in order; those that were given if absent. */
  readonly choices?: readonly Choice[];
}

/** Runs a world with these answers, and with 0 beyond their end. `undefined`: nothing was wrong. */
export type Run = (
  choices: readonly Choice[],
) => Outcome | undefined | Promise<Outcome | undefined>;

export interface ShrinkOptions {
  readonly limits: Limits;
  /** The stream of the answers that set up the world: which faults there are, how many nodes. */
  readonly knobs?: string;
  /** Tells the time in milliseconds. */
  readonly now?: () => number;
}

export interface Shrunk {
  readonly code: string;
  readonly choices: readonly Choice[];
  readonly runCount: number;
  /** `false` if the limits ended the search. */
  readonly isComplete: boolean;
}

/**
 * Looks for fewer and smaller choices that violate the same invariant: cuts off what comes after
 * the violation, switches faults off one at a time, then whole streams, lowers the other knobs, and
 * sets every choice to 0, the benign answer, that need not be anything else. Deterministic, as long
 * as `run` is and time does not run out.
 *
 * @throws Error if a run with `choices` violates nothing.
 */
export async function shrinkChoices(
  choices: readonly Choice[],
  run: Run,
  options: ShrinkOptions,
): Promise<Shrunk> {
  const budget = new Budget(options.limits, options.now);
  const first = await run(choices);
  if (first === undefined) {
    throw new Error(`A run with these ${choices.length} choices must fail, and it did not.`);
  }
  const search = new Search(first, choices, run, budget);
  const start = `${options.knobs ?? 'knobs'}.`;
  const isKnob = (label: string): boolean => label.startsWith(start);
  let size = Infinity;
  while (search.size < size && !budget.isOver) {
    size = search.size;
    await search.cutEnd();
    await search.clear(isKnob, { each: 'label' });
    await search.clear((label) => !isKnob(label), { each: 'stream' });
    await search.lower(isKnob);
    await search.clear((label) => !isKnob(label), { each: 'label' });
    await search.clearAny();
    await search.remove();
    await search.lower(() => true);
  }
  const isComplete = !budget.isOver;
  return { code: first.code, choices: search.current, runCount: budget.runCount, isComplete };
}

class Search {
  current: readonly Choice[];
  readonly #code: string;
  readonly #run: Run;
  readonly #budget: Budget;

  constructor(first: Outcome, choices: readonly Choice[], run: Run, budget: Budget) {
    this.current = withoutTail(first.choices ?? choices);
    this.#code = first.code;
    this.#run = run;
    this.#budget = budget;
  }

  /** What shrinks: first of all the choices that are not benign, then how far they are from it. */
  get size(): number {
    let size = this.current.length / 1e6;
    for (const { value, count } of this.current) if (value > 0) size += 1 + value / count / 10;
    return size;
  }

  /** Finds the shortest start that is enough, as far as halving finds it. */
  async cutEnd(): Promise<void> {
    let from = 0;
    let to = this.current.length;
    while (from < to && this.#budget.spend()) {
      const middle = (from + to) >> 1;
      if (await this.#try(this.current.slice(0, middle)))
        to = Math.min(middle, this.current.length);
      else from = middle + 1;
    }
  }

  /** Sets all choices of a label, or of a stream, to 0 at once. */
  async clear(
    isMeant: (label: string) => boolean,
    { each }: { readonly each: 'label' | 'stream' },
  ): Promise<void> {
    const groupOf = (label: string): string => (each === 'label' ? label : streamOf(label));
    const meant = this.current.filter(({ label, value }) => value > 0 && isMeant(label));
    for (const group of new Set(meant.map(({ label }) => groupOf(label)))) {
      if (!this.#budget.spend()) return;
      await this.#try(
        this.current.map((choice) =>
          groupOf(choice.label) === group && isMeant(choice.label) ? cleared(choice) : choice,
        ),
      );
    }
  }

  /** Makes values smaller by halves. */
  async lower(isMeant: (label: string) => boolean): Promise<void> {
    for (let place = 0; place < this.current.length; place += 1) {
      let low = 0;
      while (true) {
        const choice = this.current[place];
        if (choice === undefined || !isMeant(choice.label) || choice.value <= low) break;
        if (!this.#budget.spend()) return;
        const value = (low + choice.value) >> 1;
        const lowered = this.current.with(place, { ...choice, value });
        if (!(await this.#try(lowered))) low = value + 1;
      }
    }
  }

  /** Sets to 0 whatever need not be anything else. */
  async clearAny(): Promise<void> {
    const places = this.current.flatMap(({ value }, place) => (value > 0 ? [place] : []));
    const { current } = this;
    const keep = async (kept: readonly number[]): Promise<readonly number[] | undefined> => {
      const isKept = new Set(kept);
      const fewer = current.map((choice, place) => (isKept.has(place) ? choice : cleared(choice)));
      return (await this.#try(fewer)) ? kept : undefined;
    };
    await reduce(places, keep, this.#budget);
  }

  /** Leaves choices out, so that later ones of their label come earlier. */
  async remove(): Promise<void> {
    const attempt = async (fewer: readonly Choice[]): Promise<readonly Choice[] | undefined> =>
      (await this.#try(fewer)) ? this.current : undefined;
    await reduce(this.current, attempt, this.#budget);
  }

  /** Takes them if they show the same and are no more than before. */
  async #try(choices: readonly Choice[]): Promise<boolean> {
    const outcome = await this.#run(choices);
    if (outcome?.code !== this.#code) return false;
    const made = withoutTail(choices);
    const before = this.size;
    const last = this.current;
    this.current = made;
    if (this.size <= before) return true;
    this.current = last;
    return false;
  }
}

function cleared(choice: Choice): Choice {
  return choice.value === 0 ? choice : { ...choice, value: 0 };
}

/** Without the zeros at the end of each label, which are what is answered beyond the end. */
function withoutTail(choices: readonly Choice[]): readonly Choice[] {
  const ended = new Set<string>();
  const kept: Choice[] = [];
  for (const choice of choices.toReversed()) {
    if (choice.value === 0 && !ended.has(choice.label)) continue;
    ended.add(choice.label);
    kept.push(choice);
  }
  return kept.toReversed();
}
