import type { Budget } from './budget.ts';

/** What the search needs to know of a known operation: its place in time. */
export interface Interval {
  readonly calledAt: number;
  readonly returnedAt: number;
}

/** Which known operations have been placed, and so which may come next. */
export interface Frontier {
  /** Counts up from 0; equal sets have one frontier. */
  readonly id: number;
  /** How many known operations have been placed. */
  readonly placed: number;
  /** All known operations before this one have been placed, and of the others `extra`. */
  readonly low: number;
  readonly extra: readonly number[];
  /** The known operations that no other one that is not placed precedes, first to return first. */
  readonly candidates: readonly number[];
  /** How many unknown operations, by the time of their call, may have taken effect. */
  readonly calledUnknown: number;
  readonly next: Map<number, Frontier>;
}

/** The sets of known operations that the search meets, each once. */
export class Frontiers {
  readonly #known: readonly Interval[];
  readonly #unknownCalls: readonly number[];
  readonly #budget: Budget;
  readonly #byKey = new Map<string, Frontier>();

  /** Both lists are in the order of the calls. */
  constructor(known: readonly Interval[], unknownCalls: readonly number[], budget: Budget) {
    this.#known = known;
    this.#unknownCalls = unknownCalls;
    this.#budget = budget;
  }

  first(): Frontier {
    return this.#intern(0, []);
  }

  /** With one of the candidates placed. */
  after(frontier: Frontier, operation: number): Frontier {
    const seen = frontier.next.get(operation);
    if (seen !== undefined) return seen;
    const extra = [...frontier.extra, operation].sort((left, right) => left - right);
    let { low } = frontier;
    while (extra[0] === low) {
      extra.shift();
      low += 1;
    }
    const next = this.#intern(low, extra);
    frontier.next.set(operation, next);
    return next;
  }

  #intern(low: number, extra: readonly number[]): Frontier {
    const key = `${low}:${extra.join()}`;
    const seen = this.#byKey.get(key);
    if (seen !== undefined) return seen;
    const { candidates, firstReturn } = this.#candidates(low, new Set(extra));
    const frontier: Frontier = {
      id: this.#byKey.size,
      placed: low + extra.length,
      low,
      extra,
      candidates,
      calledUnknown: countUpTo(this.#unknownCalls, firstReturn),
      next: new Map(),
    };
    this.#byKey.set(key, frontier);
    this.#budget.hold(300 + 16 * extra.length + 24 * candidates.length);
    return frontier;
  }

  /** An operation precedes another one if it returned before that one was called. */
  #candidates(
    low: number,
    placed: ReadonlySet<number>,
  ): { readonly candidates: readonly number[]; readonly firstReturn: number } {
    const known = this.#known;
    const candidates: number[] = [];
    let firstReturn = Number.POSITIVE_INFINITY;
    for (let at = low; at < known.length; at += 1) {
      const { calledAt, returnedAt } = known[at] as Interval;
      // By the order of the calls, whatever comes later is called later still.
      if (calledAt > firstReturn) break;
      if (placed.has(at)) continue;
      candidates.push(at);
      firstReturn = Math.min(firstReturn, returnedAt);
    }
    const returnOf = (at: number): number => (known[at] as Interval).returnedAt;
    candidates.sort((left, right) => returnOf(left) - returnOf(right) || left - right);
    return { candidates, firstReturn };
  }
}

/** How many of the sorted numbers are at most `bound`. */
function countUpTo(sorted: readonly number[], bound: number): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] as number) <= bound) from = middle + 1;
    else to = middle;
  }
  return from;
}
