import type { LogState, LogStore } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { EntryNotFoundError, StoppedError } from '../../errors.ts';
import { payloadSize } from '../payload-size.ts';

/**
 * A log in an array. Entries are kept by reference; nobody changes one once it is made. An append
 * is done when it returns. Without the optional `write`: there is no disk to spare, and so the path
 * without it stays in use.
 */
export class MemoryLogStore implements LogStore {
  #identity: Identity | undefined;
  #vote: Vote | undefined;
  #purged: LogId = { term: 0, index: 0 };
  /** The entry at index `i` is at `i - purged.index - 1`. */
  #entries: Entry[] = [];
  #stopped = false;

  async readIdentity(): Promise<Identity | undefined> {
    this.#assertOpen();
    return this.#identity;
  }

  async saveIdentity(identity: Identity): Promise<void> {
    this.#assertOpen();
    this.#identity = identity;
  }

  async readVote(): Promise<Vote | undefined> {
    this.#assertOpen();
    return this.#vote;
  }

  async saveVote(vote: Vote): Promise<void> {
    this.#assertOpen();
    this.#vote = vote;
  }

  async state(): Promise<LogState> {
    this.#assertOpen();
    return { purged: this.#purged, last: this.#last };
  }

  async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }): Promise<Entry[]> {
    this.#assertOpen();
    if (from > to) throw new RangeError(`A range wants from <= to; got ${from} and ${to}.`);
    if (from === to) return [];
    this.#assertPresent(from, to);
    const start = this.#position(from);
    const end = this.#position(to);
    const maxBytes = options?.maxBytes ?? Number.POSITIVE_INFINITY;
    if (maxBytes === Number.POSITIVE_INFINITY) return this.#entries.slice(start, end);
    return this.#entries.slice(start, this.#endWithin(start, end, maxBytes));
  }

  append(entries: readonly Entry[]): Promise<void> | undefined {
    try {
      this.#assertOpen();
      this.#assertContinues(entries);
    } catch (refusal) {
      return Promise.reject(refusal);
    }
    for (const entry of entries) this.#entries.push(entry);
    return undefined;
  }

  async truncate(index: LogIndex): Promise<void> {
    this.#assertOpen();
    if (index < this.#purged.index) {
      throw new RangeError(
        `Cannot truncate to ${index}: the log is purged up to ${this.#purged.index}.`,
      );
    }
    this.#entries.length = Math.min(this.#entries.length, index - this.#purged.index);
  }

  async purge(logId: LogId): Promise<void> {
    this.#assertOpen();
    if (logId.index <= this.#purged.index) return;
    const agrees = this.#entries[this.#position(logId.index)]?.logId.term === logId.term;
    this.#entries = agrees ? this.#entries.slice(this.#position(logId.index) + 1) : [];
    this.#purged = logId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
  }

  get #last(): LogId {
    return this.#entries.at(-1)?.logId ?? this.#purged;
  }

  #position(index: LogIndex): number {
    return index - this.#purged.index - 1;
  }

  /** Where to stop so that no more than `maxBytes` are returned, but at least one entry. */
  #endWithin(start: number, end: number, maxBytes: number): number {
    let bytes = 0;
    for (let position = start; position < end; position += 1) {
      const entry = this.#entries[position];
      if (entry === undefined) break;
      bytes += payloadSize(entry);
      if (bytes > maxBytes) return Math.max(position, start + 1);
    }
    return end;
  }

  #assertPresent(from: LogIndex, to: LogIndex): void {
    if (from <= this.#purged.index) {
      throw new EntryNotFoundError(
        `Entry ${from} is purged; the log starts after ${this.#purged.index}.`,
      );
    }
    if (to - 1 > this.#last.index) {
      throw new EntryNotFoundError(
        `Entry ${to - 1} is past the end; the last entry is ${this.#last.index}.`,
      );
    }
  }

  #assertContinues(entries: readonly Entry[]): void {
    let expected = this.#last.index + 1;
    for (const { logId } of entries) {
      if (logId.index !== expected) {
        throw new RangeError(`The log continues at ${expected}; got entry ${logId.index}.`);
      }
      expected += 1;
    }
  }

  #assertOpen(): void {
    if (this.#stopped) throw new StoppedError('The log store was disposed; open a new one.');
  }
}
