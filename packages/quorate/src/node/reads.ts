import type { ReadIndexRequest } from '../core/message.ts';
import type { LogIndex } from '../core/types.ts';
import { OverloadedError } from '../errors.ts';

export type ReadMode = ReadIndexRequest['mode'];

export interface Reader {
  /** Default `quorum`. */
  readonly mode?: ReadMode;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads that wait: first for an index that is known to be current, all of a turn together, then for
 * the state machine to get there.
 */
export class Reads {
  readonly #maxReaders: number;
  #waiting: Reader[] = [];
  /** Readers that know their index, which the state machine has not reached. */
  #applying: { readonly index: LogIndex; readonly readers: readonly Reader[] }[] = [];
  #count = 0;
  /** How far the state machine is; the core hears of it a moment later. */
  #applied: LogIndex = 0;

  constructor(maxReaders: number) {
    this.#maxReaders = maxReaders;
  }

  /** Readers that have no answer yet. */
  get count(): number {
    return this.#count;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** @throws {OverloadedError} if the bound is reached. */
  add(reader: Reader): void {
    if (this.#count >= this.#maxReaders) {
      throw new OverloadedError(
        `${this.#count} reads are waiting already, and maxWaitingCalls is ${this.#maxReaders}. Try again later.`,
      );
    }
    this.#count += 1;
    this.#waiting.push(reader);
  }

  /** Takes all that wait, of each mode together. */
  takeWaiting(): ReadonlyMap<ReadMode, readonly Reader[]> {
    const byMode = Map.groupBy(this.#waiting, ({ mode }) => mode ?? 'quorum');
    this.#waiting = [];
    return byMode;
  }

  /** `readers` may read once everything up to `index` is applied. */
  readable(readers: readonly Reader[], index: LogIndex, applied: LogIndex): void {
    if (index <= Math.max(applied, this.#applied)) this.#resolve(readers, index);
    else this.#applying.push({ index, readers });
  }

  applied(index: LogIndex): void {
    this.#applied = index;
    if (this.#applying.length === 0) return;
    const ready = this.#applying.filter((one) => one.index <= index);
    if (ready.length === 0) return;
    this.#applying = this.#applying.filter((one) => one.index > index);
    for (const one of ready) this.#resolve(one.readers, one.index);
  }

  reject(readers: readonly Reader[], reason: unknown): void {
    this.#count -= readers.length;
    for (const { reject } of readers) reject(reason);
  }

  rejectAll(reason: unknown): void {
    const readers = [...this.#waiting, ...this.#applying.flatMap((one) => one.readers)];
    this.#waiting = [];
    this.#applying = [];
    this.reject(readers, reason);
  }

  #resolve(readers: readonly Reader[], index: LogIndex): void {
    this.#count -= readers.length;
    for (const { resolve } of readers) resolve(index);
  }
}
