import type { StateMoment } from '@quorate/rocksdb';
import type { RowRange } from './rows.ts';

type Entry = Awaited<ReturnType<StateMoment['page']>>[number];

const firstLimit = 16;
const mostLimit = 1024;
/** A page ends with the row that makes it so large, and the next one is shorter. */
const mostBytes = 256 * 1024;

export interface CursorOptions {
  readonly isDown?: boolean;
  readonly keysOnly?: boolean;
  /** How many are expected, if that is known. */
  readonly expected?: number;
}

/** Goes through a stretch of rows, with one page of them in memory. */
export class Cursor {
  readonly #moment: Pick<StateMoment, 'page'>;
  readonly #options: CursorOptions;
  #range: RowRange;
  #page: readonly Entry[] = [];
  #at = 0;
  #limit: number;
  #isEnded = false;

  constructor(moment: Pick<StateMoment, 'page'>, range: RowRange, options: CursorOptions = {}) {
    this.#moment = moment;
    this.#range = range;
    this.#options = options;
    const { expected = firstLimit } = options;
    this.#limit = Math.max(2, Math.min(expected, mostLimit));
  }

  /** Whether `load` must come before `entry` says anything. */
  get needsLoad(): boolean {
    return this.#at >= this.#page.length && !this.#isEnded;
  }

  /** `undefined` at the end. */
  get entry(): Entry | undefined {
    return this.#page[this.#at];
  }

  next(): void {
    this.#at += 1;
  }

  async load(): Promise<void> {
    const { isDown = false, keysOnly = false } = this.#options;
    const limit = this.#limit;
    this.#page = await this.#moment.page(this.#range, { limit, mostBytes, isDown, keysOnly });
    this.#at = 0;
    const last = this.#page.at(-1)?.[0];
    let bytes = 0;
    for (const [key, value] of this.#page) bytes += key.length + value.length;
    this.#isEnded = last === undefined || (this.#page.length < limit && bytes < mostBytes);
    if (last === undefined) return;
    const { from, to } = this.#range;
    const beyond = Buffer.from(last.buffer, last.byteOffset, last.byteLength);
    if (isDown) this.#range = { from, to: beyond };
    else this.#range = { from: Buffer.concat([beyond, Buffer.of(0)]), to };
    if (bytes < mostBytes / 2) this.#limit = Math.min(limit * 4, mostLimit);
    else if (bytes > mostBytes) this.#limit = Math.max(2, Math.floor(limit / 2));
  }
}
