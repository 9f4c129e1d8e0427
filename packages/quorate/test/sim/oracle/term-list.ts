import { noLogId } from '../../../src/core/log-shape.ts';
import type { LogId, LogIndex, Term } from '../../../src/core/types.ts';

/**
 * Which term each entry of one log has, kept by what the log was told and by nothing else. With
 * `EntryTree`, which knows that no two entries share a term and an index, this is the whole log.
 */
export class TermList {
  #purged: LogId;
  /** The term of entry `i` is at `i - purged.index - 1`. */
  #terms: Term[];

  constructor(purged: LogId = noLogId, terms: readonly Term[] = []) {
    this.#purged = purged;
    this.#terms = [...terms];
  }

  get purged(): LogId {
    return this.#purged;
  }

  get last(): LogId {
    const term = this.#terms.at(-1);
    if (term === undefined) return this.#purged;
    return { term, index: this.#purged.index + this.#terms.length };
  }

  /** Returns `undefined` below the purged end and past the last entry. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#purged.index) return this.#purged.term;
    return this.#terms[index - this.#purged.index - 1];
  }

  append(term: Term): void {
    this.#terms.push(term);
  }

  /** Removes every entry after `index`. */
  truncate(index: LogIndex): void {
    this.#terms.length = Math.max(0, Math.min(this.#terms.length, index - this.#purged.index));
  }

  /** Removes every entry up to `logId`, and all if that one is not among them. */
  purge(logId: LogId): void {
    if (logId.index <= this.#purged.index) return;
    const isHeld = this.termAt(logId.index) === logId.term;
    this.#terms = isHeld ? this.#terms.slice(logId.index - this.#purged.index) : [];
    this.#purged = logId;
  }

  copy(): TermList {
    return new TermList(this.#purged, this.#terms);
  }
}
