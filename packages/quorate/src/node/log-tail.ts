import { assert } from '../core/assert.ts';
import type { Entry, LogIndex } from '../core/types.ts';

/** What an entry is counted as, in bytes: its payload and a little for its frame. */
export const frameBytes = 64;

export function entryBytes({ payload }: Entry): number {
  if (payload.type === 'command') return payload.data.bytes.length + frameBytes;
  if (payload.type === 'session') return payload.data.length + frameBytes;
  return frameBytes;
}

/**
 * The end of the log in memory: every entry that is not yet written, and of the written ones as
 * many as the bound allows. Dropped entries are read from the store again.
 */
export class LogTail {
  /**
   * From `#head` on; what lies before is dropped, and the empty places are cut off now and then.
   */
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #first: LogIndex;
  #bytes = 0;
  /** What was appended last, and its bytes: nearly every read wants just that. */
  #newest: readonly Entry[] = [];
  #newestBytes = 0;

  constructor(first: LogIndex) {
    this.#first = first;
  }

  /** The index of the first entry in memory; one past the log's last if there is none. */
  get first(): LogIndex {
    return this.#first;
  }

  append(entries: readonly Entry[]): void {
    const next = this.#first + this.#entries.length - this.#head;
    if (this.#entries.length === this.#head) this.#first = entries[0]?.logId.index ?? this.#first;
    else assert(entries[0]?.logId.index === next, () => `the tail goes on with entry ${next}`);
    let bytes = 0;
    for (const entry of entries) {
      this.#entries.push(entry);
      bytes += entryBytes(entry);
    }
    this.#bytes += bytes;
    this.#newest = entries;
    this.#newestBytes = bytes;
  }

  /** Removes every entry after `index`. */
  truncate(index: LogIndex): void {
    this.#newest = [];
    while (this.#entries.length > this.#head) {
      const last = this.#entries.at(-1) as Entry;
      if (last.logId.index <= index) return;
      this.#entries.pop();
      this.#bytes -= entryBytes(last);
    }
    this.#first = Math.min(this.#first, index + 1);
  }

  read(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const start = this.#head + from - this.#first;
    const end = Math.min(this.#head + to - this.#first, this.#entries.length);
    assert(
      start >= this.#head && start < end,
      () => `entries ${from} to ${to} must be in the tail`,
    );
    const newest = this.#newest;
    const isNewest = newest[0]?.logId.index === from && newest.length === to - from;
    if (isNewest && this.#newestBytes <= maxBytes) return newest;
    // Nearly always all of the tail fits; then nothing is added up.
    if (this.#bytes <= maxBytes) return this.#entries.slice(start, end) as Entry[];
    let stop = start;
    for (let bytes = 0; stop < end; stop += 1) {
      bytes += entryBytes(this.#entries[stop] as Entry);
      if (bytes > maxBytes && stop > start) break;
    }
    return this.#entries.slice(start, stop) as Entry[];
  }

  /** Removes every entry up to `index`; with `all` those behind it too, and goes on after it. */
  purge(index: LogIndex, { all }: { all: boolean }): void {
    if (all) {
      this.#entries = [];
      this.#newest = [];
      this.#head = 0;
      this.#bytes = 0;
      this.#first = index + 1;
      return;
    }
    while (this.#head < this.#entries.length && this.#first <= index) this.#dropFirst();
    this.#first = Math.max(this.#first, index + 1);
    this.#cutOff();
  }

  /** Takes note that everything up to `index` is in the store; drops what is over `maxBytes`. */
  written(index: LogIndex, maxBytes: number): void {
    while (this.#bytes > maxBytes && this.#head < this.#entries.length && this.#first <= index) {
      this.#dropFirst();
    }
    this.#cutOff();
  }

  #dropFirst(): void {
    this.#bytes -= entryBytes(this.#entries[this.#head] as Entry);
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
  }

  /** Cuts off the empty places once they are the larger part. */
  #cutOff(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
