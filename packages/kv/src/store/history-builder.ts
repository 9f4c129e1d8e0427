import type { Revision } from '../types.ts';
import { SnapshotFault } from './frame-reader.ts';
import { chunkSlots, History, isSeveral, type Slot } from './history.ts';
import type { StoredVersion } from './versions.ts';

/** Makes a history of versions that come key by key, not in the order of their revisions. */
export class HistoryBuilder {
  readonly #first: Revision;
  readonly #last: Revision;
  /** By number; memory grows with the versions, not with what the revisions claim. */
  readonly #chunks = new Map<number, (Slot | undefined)[]>();
  #revisions = 0;

  /** Of the revisions from `first` to `last`. */
  constructor(first: Revision, last: Revision) {
    this.#first = first;
    this.#last = last;
  }

  /** Adds a version within these revisions; its key is above that of all others so far. */
  add(version: StoredVersion): void {
    const place = version.modRevision - this.#first;
    const number = Math.floor(place / chunkSlots);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      const size = Math.min(chunkSlots, this.#last + 1 - this.#first - number * chunkSlots);
      chunk = new Array<Slot | undefined>(size).fill(undefined);
      this.#chunks.set(number, chunk);
    }
    const slot = chunk[place % chunkSlots];
    if (slot === undefined) {
      chunk[place % chunkSlots] = version;
      this.#revisions += 1;
    } else if (isSeveral(slot)) (slot as StoredVersion[]).push(version);
    else chunk[place % chunkSlots] = [slot, version];
  }

  /** Puts the changes of a revision into the order that the runs of places tell. */
  order(
    revision: Revision,
    runs: readonly { readonly first: number; readonly count: number }[],
  ): void {
    const place = revision - this.#first;
    const chunk = this.#chunks.get(Math.floor(place / chunkSlots));
    const slot = chunk?.[place % chunkSlots];
    if (chunk === undefined || slot === undefined || !isSeveral(slot)) {
      throw new SnapshotFault(
        `It orders the changes of revision ${revision}, which has not several.`,
      );
    }
    const ordered: StoredVersion[] = [];
    for (const { first, count } of runs) {
      for (const version of slot.slice(first, first + count)) ordered.push(version);
    }
    if (ordered.length !== slot.length || new Set(ordered).size !== slot.length) {
      throw new SnapshotFault(`The order of the changes of revision ${revision} is none.`);
    }
    chunk[place % chunkSlots] = ordered;
  }

  finish(): History {
    const wanted = this.#last + 1 - this.#first;
    if (this.#revisions !== wanted) {
      const found = `${this.#revisions} revisions have changes`;
      throw new SnapshotFault(`It should have the changes of ${wanted} revisions; ${found}.`);
    }
    const chunks: Slot[][] = [];
    for (let number = 0; number * chunkSlots < wanted; number += 1) {
      chunks.push(this.#chunks.get(number) as Slot[]);
    }
    return new History(this.#first, chunks);
  }
}
