import type { LogIndex } from '../core/types.ts';

interface Mark {
  readonly index: LogIndex;
  /** Bytes of all entries up to `index`, counted from some moment on. */
  readonly bytes: number;
}

/**
 * How many bytes lie behind which place of the log, known at a mark every so many bytes: enough to
 * say what to keep, without a number for every entry.
 */
export class LogMarks {
  readonly #stepBytes: number;
  #marks: Mark[];
  #last: Mark;

  constructor(first: LogIndex, stepBytes: number) {
    this.#stepBytes = stepBytes;
    this.#last = { index: first, bytes: 0 };
    this.#marks = [this.#last];
  }

  /** Takes note of the entries up to `index`, which take `bytes`. */
  add(index: LogIndex, bytes: number): void {
    this.#last = { index, bytes: this.#last.bytes + bytes };
    const newest = this.#marks.at(-1)?.bytes ?? -Infinity;
    if (this.#last.bytes - newest >= this.#stepBytes) this.#marks.push(this.#last);
  }

  /**
   * Returns the last place so that at least `bytes` lie between it and `end`; `undefined` if there
   * are not as many.
   */
  placeBefore(end: LogIndex, bytes: number): LogIndex | undefined {
    if (bytes === 0) return end;
    // The first mark that is not before `end` may tell of a little more than there is up to it.
    const upTo = this.#marks.findLast(({ index }) => index <= end);
    if (upTo === undefined) return undefined;
    return this.#marks.findLast((mark) => upTo.bytes - mark.bytes >= bytes)?.index;
  }

  /** Forgets the marks before `index`. */
  purged(index: LogIndex): void {
    this.#marks = this.#marks.filter((mark) => mark.index >= index);
  }

  /** Begins anew after `index`: what lay before it is gone or was replaced. */
  reset(index: LogIndex): void {
    this.#last = { index, bytes: this.#last.bytes };
    this.#marks = [this.#last];
  }
}
