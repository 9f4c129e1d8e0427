import { assert } from './assert.ts';
import type { LogId, LogIndex, Term } from './types.ts';

/** "No entry": what stands before the first one. */
export const noLogId: LogId = { term: 0, index: 0 };

/** Compares by term first, then by index: which log is more up to date (section 5.4.1). */
export function compareLogIds(a: LogId, b: LogId): number {
  return a.term - b.term || a.index - b.index;
}

/**
 * Which term each position of the log has, without its content: one log id for each term, the
 * first entry of that term. Memory grows with the number of terms, not of entries.
 */
export class LogShape {
  /** Ascending in term and index; all above `purged`. */
  #termStarts: LogId[];
  #purged: LogId;
  #last: LogId;

  constructor(termStarts: readonly LogId[], purged: LogId, last: LogId) {
    assert(
      purged.index <= last.index,
      () => `purged ${purged.index} must not lie past last ${last.index}`,
    );
    this.#termStarts = [...termStarts];
    this.#purged = purged;
    this.#last = last;
    assert(
      this.termAt(last.index) === last.term,
      () => `the term starts must give the last entry ${last.index} its term ${last.term}`,
    );
  }

  get purged(): LogId {
    return this.#purged;
  }

  get last(): LogId {
    return this.#last;
  }

  get termStarts(): readonly LogId[] {
    return this.#termStarts;
  }

  /** Returns the term at `index`, or `undefined` below the purged end and past the last entry. */
  termAt(index: LogIndex): Term | undefined {
    if (index > this.#last.index || index < this.#purged.index) return undefined;
    if (index === this.#purged.index) return this.#purged.term;
    return this.#termStarts[this.#startPosition(index)]?.term;
  }

  idAt(index: LogIndex): LogId {
    if (index === this.#last.index) return this.#last;
    const term = this.termAt(index);
    assert(
      term !== undefined,
      () => `entry ${index} must lie in the log up to ${this.#last.index}`,
    );
    return { term, index };
  }

  /** Adds one entry; only the position after the last is right, and terms never fall. */
  append(logId: LogId): void {
    assert(
      logId.index === this.#last.index + 1,
      () => `entry ${logId.index} must follow the last entry ${this.#last.index}`,
    );
    assert(
      logId.term >= this.#last.term,
      () => `term ${logId.term} must not be below the last term ${this.#last.term}`,
    );
    if (logId.term !== this.#last.term || this.#termStarts.length === 0) {
      this.#termStarts.push(logId);
    }
    this.#last = logId;
  }

  /** Adds a run of `count` entries of one term. Returns the id of its first. */
  appendRun(term: Term, count: number): LogId {
    assert(count > 0, 'a run must not be empty');
    const first = { term, index: this.#last.index + 1 };
    this.append(first);
    this.#last = { term, index: first.index + count - 1 };
    return first;
  }

  /** Removes every entry after `index`; `index` itself stays. */
  truncate(index: LogIndex): void {
    assert(
      index >= this.#purged.index,
      () => `cannot truncate to ${index}, below the purged end ${this.#purged.index}`,
    );
    const term = this.termAt(index);
    assert(
      term !== undefined,
      () => `cannot truncate to ${index}, past the last entry ${this.#last.index}`,
    );
    this.#last = { term, index };
    while ((this.#termStarts.at(-1)?.index ?? 0) > index) this.#termStarts.pop();
  }

  /**
   * Removes every entry up to and including `logId`, which a snapshot covers. Returns `true` if the
   * log held that entry: then what follows it stays, else the log begins anew after it.
   */
  purge(logId: LogId): boolean {
    const { term, index } = logId;
    assert(
      index > this.#purged.index,
      () =>
        `cannot purge to ${index}, which does not lie after the purged end ${this.#purged.index}`,
    );
    const isHeld = this.termAt(index) === term;
    if (!isHeld) this.#last = logId;
    const rest = this.#termStarts.filter((start) => start.index > index);
    const isCut = this.#last.index > index && rest[0]?.index !== index + 1;
    if (isCut) rest.unshift({ term, index: index + 1 });
    this.#termStarts = isHeld ? rest : [];
    this.#purged = logId;
    return isHeld;
  }

  /**
   * Returns the last position at or before `index` whose term is at most `term`: the last place
   * where this log can still agree with one that has `term` at `index`. It leaps over whole terms,
   * so that a divergence of any length costs one round trip a term.
   *
   *     here    1 1 1 4 4 4 4      asked about (index 6, term 3): index 3 is the answer,
   *     there   1 1 1 2 2 3        since nothing of term 4 can be in a log that ends in term 3
   */
  lastAtOrBefore(index: LogIndex, term: Term): LogId {
    let at = Math.min(index, this.#last.index);
    while (at > this.#purged.index) {
      const start = this.#termStarts[this.#startPosition(at)];
      assert(start !== undefined, () => `entry ${at} must have a term`);
      if (start.term <= term) return { term: start.term, index: at };
      at = start.index - 1;
    }
    return this.#purged;
  }

  /** The position in `termStarts` of the term that holds `index`; -1 if it lies before all. */
  #startPosition(index: LogIndex): number {
    let high = this.#termStarts.length - 1;
    if ((this.#termStarts[high]?.index ?? Infinity) <= index) return high;
    let low = -1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#termStarts[middle]?.index ?? Infinity) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
