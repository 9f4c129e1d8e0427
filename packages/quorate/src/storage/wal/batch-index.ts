import type { LogIndex } from '../../core/types.ts';

/**
 * Where one batch with entries lies in its segment, and which entries of it are still in the log.
 */
export interface BatchPlace {
  readonly offset: number;
  /** Bytes of its records. */
  readonly length: number;
  /** Its number, which no other batch of the log has. */
  readonly number: number;
  readonly first: LogIndex;
  readonly count: number;
}

/**
 * The batches of one segment that hold entries, in order. Arrays of numbers, since a log may well
 * have a batch for every entry.
 */
export class BatchIndex {
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  readonly #numbers: number[] = [];
  readonly #firsts: number[] = [];
  readonly #counts: number[] = [];

  get size(): number {
    return this.#firsts.length;
  }

  /** The first entry that is in the segment, or `undefined` if there is none. */
  get first(): LogIndex | undefined {
    return this.#firsts[0];
  }

  /** The last entry that is in the segment, or `undefined` if there is none. */
  get last(): LogIndex | undefined {
    const at = this.size - 1;
    return at < 0 ? undefined : this.#first(at) + this.#count(at) - 1;
  }

  add({ offset, length, number, first, count }: BatchPlace): void {
    this.#offsets.push(offset);
    this.#lengths.push(length);
    this.#numbers.push(number);
    this.#firsts.push(first);
    this.#counts.push(count);
  }

  at(position: number): BatchPlace | undefined {
    if (position < 0 || position >= this.size) return undefined;
    return {
      offset: this.#offsets[position] as number,
      length: this.#lengths[position] as number,
      number: this.#numbers[position] as number,
      first: this.#first(position),
      count: this.#count(position),
    };
  }

  /** The position of the batch that holds `index`; -1 if none does. */
  find(index: LogIndex): number {
    let low = -1;
    let high = this.size - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#first(middle) <= index) low = middle;
      else high = middle - 1;
    }
    return low >= 0 && index < this.#first(low) + this.#count(low) ? low : -1;
  }

  /** Forgets the entries after `index`. */
  truncate(index: LogIndex): void {
    const lists = [this.#offsets, this.#lengths, this.#numbers, this.#firsts, this.#counts];
    while (this.size > 0 && this.#first(this.size - 1) > index) {
      for (const list of lists) list.pop();
    }
    const last = this.size - 1;
    if (last < 0) return;
    this.#counts[last] = Math.min(this.#count(last), index - this.#first(last) + 1);
  }

  #first(position: number): LogIndex {
    return this.#firsts[position] as number;
  }

  #count(position: number): number {
    return this.#counts[position] as number;
  }
}
