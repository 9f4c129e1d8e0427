import type { Entry, Membership } from '../../src/core/types.ts';
import { demand } from '../walker/violation.ts';
import { Orbits } from './orbits.ts';
import { digest, nodeIds, renamed, renamedBits, textOf } from './permutations.ts';

/** Entries one after the other; in a whole log, the first of them has index 1. */
export type Run = readonly Entry[];

/** Every run of entries that was ever seen, by number, and how far two logs agree. */
export class Logs {
  readonly runs: Orbits<Run> = new Orbits<Run>(renamed);
  readonly #entries: Map<string, Entry> = new Map();
  readonly #numbers: Map<Entry, number> = new Map();
  readonly #ids: Map<string, number> = new Map();
  readonly #common: Map<number, number> = new Map();

  /** One object for all equal entries, so that comparing two is comparing references. */
  entry(entry: Entry): Entry {
    const sorted = renamed(entry, 0);
    const key = digest(textOf(sorted));
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    this.#entries.set(key, sorted);
    this.#numbers.set(sorted, this.#numbers.size);
    return sorted;
  }

  /** Of entries that came from `entry`; asked for far more often than there are runs. */
  idOf(run: Run): number {
    const key = run.map((entry) => this.#numbers.get(entry)).join();
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.runs.idOf(run);
    this.#ids.set(key, id);
    return id;
  }

  run(id: number): Run {
    return this.runs.data(id);
  }

  /**
   * How many entries two logs have in common at their start. After the first difference, no index
   * may have the same term in both: an index and a term name one entry (S7), and all that comes
   * before it (S6).
   */
  common(one: number, other: number): number {
    const [low, high] = one < other ? [one, other] : [other, one];
    const key = high * 2 ** 24 + low;
    const known = this.#common.get(key);
    if (known !== undefined) return known;
    const count = compare(this.run(low), this.run(high));
    this.#common.set(key, count);
    return count;
  }

  /** The voter sets, as bits, that are in force after a log. */
  voters(id: number): readonly number[] {
    return votersOf(membershipOf(this.run(id)));
  }
}

function compare(one: Run, other: Run): number {
  const length = Math.min(one.length, other.length);
  let count = 0;
  while (count < length && textOf(one[count]) === textOf(other[count])) count += 1;
  for (let at = count; at < length; at += 1) {
    const { term, index } = (one[at] as Entry).logId;
    if (term !== other[at]?.logId.term) continue;
    const name = `entry ${index} of term ${term}`;
    const code = at === count ? 'S7' : 'S6';
    demand(false, code, () => `two nodes have ${name}, and differ at ${count + 1}`);
  }
  return count;
}

export function membershipOf(run: Run): Membership | undefined {
  const entry = run.findLast(({ payload }) => payload.type === 'membership');
  return entry?.payload.type === 'membership' ? entry.payload.membership : undefined;
}

export function votersOf(membership: Membership | undefined): readonly number[] {
  return (membership?.voters ?? []).map((set) =>
    nodeIds.reduce((bits, id, at) => (set.includes(id) ? bits | (1 << at) : bits), 0),
  );
}

/** More than half of every set. In an empty one nobody decides anything. */
export function isQuorum(sets: readonly number[], bits: number): boolean {
  if (sets.length === 0) return false;
  return sets.every((set) => countBits(set & bits) * 2 > countBits(set));
}

export function renamedSets(sets: readonly number[], permutation: number): readonly number[] {
  return sets.map((set) => renamedBits(set, permutation));
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
