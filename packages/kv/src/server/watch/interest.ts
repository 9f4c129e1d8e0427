import type { ByteString } from '../../bytes.ts';
import type { EventType, Revision } from '../../types.ts';
import type { KeptBatch } from './kept-batches.ts';
import type { Selection } from './selection.ts';
import type { Watcher } from './watcher.ts';

/** All watchers that want the same: found at once for a change, and told with one batch. */
export class Interest implements Selection {
  readonly key: ByteString;
  readonly end: ByteString | undefined;
  readonly without: EventType | undefined;
  readonly previous: boolean;
  /** Equal for equal selections only. */
  readonly name: string;
  /** Watchers that have been told everything and ask for more. */
  readonly waiting: Set<Watcher> = new Set();
  /** All its watchers. */
  size = 0;
  /** Batches that others of it may want as well, by their first revision. */
  readonly kept: Map<Revision, KeptBatch> = new Map();
  /** Nothing of what happened there is selected; `to` is in. */
  #gap: { from: Revision; to: Revision } = { from: 0, to: -1 };

  constructor({ key, end, without, previous }: Selection, name: string) {
    this.key = key;
    this.end = end;
    this.without = without;
    this.previous = previous;
    this.name = name;
  }

  /** From `position` on, the first revision that may have something for its watchers. */
  skip(position: Revision): Revision {
    const { from, to } = this.#gap;
    return from <= position && position <= to ? to + 1 : position;
  }

  /** Remembers that from `from` up to `to` there is nothing. */
  noteGap(from: Revision, to: Revision): void {
    const gap = this.#gap;
    const isLonger = gap.from <= from && from <= gap.to + 1;
    this.#gap = isLonger ? { from: gap.from, to: Math.max(gap.to, to) } : { from, to };
  }
}
