import type { Revision } from '../types.ts';
import type { StoredVersion } from './versions.ts';

/** What one revision changed: mostly one key, and in order if several. */
export type Slot = StoredVersion | readonly StoredVersion[];

export const chunkSlots = 1024;

/** The first revision that can have changed anything. */
export const firstChange: Revision = 2;

const none: readonly StoredVersion[] = [];

/** The changes of each revision, from the oldest one that is kept on, without a gap. */
export class History {
  /** Each but the last one holds `chunkSlots` slots; those that were let go of are `none`. */
  readonly #chunks: Slot[][];
  /** The revision of the first slot of the first chunk. */
  #base: Revision;
  /** The oldest revision that is kept. */
  #first: Revision;
  #next: Revision;

  constructor(first: Revision = firstChange, chunks: Slot[][] = []) {
    this.#chunks = chunks;
    this.#base = first;
    this.#first = first;
    const full = Math.max(chunks.length - 1, 0) * chunkSlots;
    this.#next = first + full + (chunks.at(-1)?.length ?? 0);
  }

  /** The oldest revision whose changes are kept, or the next one. */
  get first(): Revision {
    return this.#first;
  }

  /** The revision that the next changes will have. */
  get next(): Revision {
    return this.#next;
  }

  /** Adds what the revision `next` changed. */
  push(slot: Slot): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length === chunkSlots) this.#chunks.push([slot]);
    else last.push(slot);
    this.#next += 1;
  }

  /** What a revision changed, in order; nothing if it is not kept. */
  at(revision: Revision): readonly StoredVersion[] {
    const slot = this.#slotAt(revision);
    if (slot === undefined) return none;
    return isSeveral(slot) ? slot : [slot];
  }

  /** The same for a revision that changed more than one key; `undefined` for others. */
  severalAt(revision: Revision): readonly StoredVersion[] | undefined {
    const slot = this.#slotAt(revision);
    return slot !== undefined && isSeveral(slot) ? slot : undefined;
  }

  /** Lets go of the oldest revision that is kept. */
  dropFirst(): void {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return;
    chunk[this.#first - this.#base] = none;
    this.#first += 1;
    if (this.#first - this.#base < chunkSlots) return;
    this.#chunks.shift();
    this.#base += chunkSlots;
  }

  #slotAt(revision: Revision): Slot | undefined {
    if (revision < this.#first || revision >= this.#next) return undefined;
    const place = revision - this.#base;
    return this.#chunks[Math.floor(place / chunkSlots)]?.[place % chunkSlots];
  }
}

export function isSeveral(slot: Slot): slot is readonly StoredVersion[] {
  return Array.isArray(slot);
}
