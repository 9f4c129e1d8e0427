import { Random } from '../walker/random.ts';

/**
 * Where everything comes from that is not decided by the code under test. `0` is always the benign
 * answer: no fault, the default, the first.
 */
export interface Choices {
  /** A whole number from 0 up to, and without, `count`. `label` is "stream.what". */
  choose(label: string, count: number): number;
}

/** One answer, as it was given. */
export interface Choice {
  readonly label: string;
  readonly count: number;
  readonly value: number;
}

/** The stream of a label: what comes before its last dot, as `net` of `net.loss`. */
export function streamOf(label: string): string {
  const end = label.lastIndexOf('.');
  return end < 0 ? label : label.slice(0, end);
}

/**
 * Draws from a seed. Each label has a generator of its own, so that what is switched off, or asked
 * more often, leaves all other answers as they were.
 */
export class SeededChoices implements Choices {
  readonly #seed: string;
  readonly #randoms = new Map<string, Random>();
  readonly #made: Choice[] | undefined;

  constructor(seed: string, options: { readonly record?: boolean } = {}) {
    this.#seed = seed;
    this.#made = options.record === true ? [] : undefined;
  }

  /** What was answered so far, in order; empty unless it was to be recorded. */
  get made(): readonly Choice[] {
    return this.#made ?? [];
  }

  choose(label: string, count: number): number {
    const value = count <= 1 ? 0 : this.#randomOf(label).below(count);
    this.#made?.push({ label, count, value });
    return value;
  }

  #randomOf(label: string): Random {
    const known = this.#randoms.get(label);
    if (known !== undefined) return known;
    const random = new Random(this.#seed, label);
    this.#randoms.set(label, random);
    return random;
  }
}

/**
 * Repeats what was answered before: the n-th question of a label gets the n-th answer of that
 * label, so that a choice left out of a trace moves no choice of another kind. Beyond the end, and
 * where the answer is not among those possible, it is 0.
 */
export class ReplayedChoices implements Choices {
  readonly #values = new Map<string, number[]>();
  readonly #at = new Map<string, number>();
  readonly #made: Choice[] = [];

  constructor(choices: readonly Choice[]) {
    for (const { label, value } of choices) {
      const values = this.#values.get(label);
      if (values === undefined) this.#values.set(label, [value]);
      else values.push(value);
    }
  }

  /** What was answered this time. */
  get made(): readonly Choice[] {
    return this.#made;
  }

  choose(label: string, count: number): number {
    const at = this.#at.get(label) ?? 0;
    this.#at.set(label, at + 1);
    const wanted = this.#values.get(label)?.[at] ?? 0;
    const value = wanted < count ? wanted : 0;
    this.#made.push({ label, count, value });
    return value;
  }
}

/** Whether something of `perMille` in a thousand happens. The benign answer is no. */
export function happens(choices: Choices, label: string, perMille: number): boolean {
  if (perMille <= 0) return false;
  // Counted down, so that 0, the benign answer, is the last to mean yes.
  return 999 - choices.choose(label, 1000) < perMille;
}

/** One of `items`; the first is the benign one. */
export function pick<Item>(choices: Choices, label: string, items: readonly Item[]): Item {
  return items[choices.choose(label, items.length)] as Item;
}

/** A number from `from` to `to`, both in, in 256 equal steps. The benign one is `from`. */
export function between(choices: Choices, label: string, from: number, to: number): number {
  return from + (choices.choose(label, 256) / 255) * (to - from);
}
