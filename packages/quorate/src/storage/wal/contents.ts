import type { LogState } from '../../contract/log-store.ts';
import { LogShape, noLogId } from '../../core/log-shape.ts';
import type { Identity, LogId, LogIndex, Term, Vote } from '../../core/types.ts';
import type { BatchPlace } from './batch-index.ts';
import type { EntryRun, WalState } from './records.ts';
import type { Segment } from './segment.ts';

/** What the log holds, as its records have told so far. Reading a log and writing one share it. */
export class WalContents {
  /** Oldest first; the last one is written to. */
  readonly segments: Segment[] = [];
  identity: Identity | undefined = undefined;
  vote: Vote | undefined = undefined;
  purged: LogId = noLogId;
  /** `false` until a first batch told of the state. */
  hasBegun = false;
  /** Grows when entries go, so that whoever reads them can see it. */
  generation = 0;
  /** The entries that are in files; it may begin before the purged end. */
  #shape: LogShape = new LogShape([], noLogId, noLogId);

  get state(): LogState {
    const { last } = this.#shape;
    return { purged: this.purged, last: last.index < this.purged.index ? this.purged : last };
  }

  /** What the first batch of the next segment repeats. */
  get walState(): WalState {
    const { identity, vote, purged } = this;
    return { identity, vote, purged, last: this.#shape.last };
  }

  /** The entry before the first one that is in a file. */
  get base(): LogId {
    return this.#shape.purged;
  }

  get last(): LogId {
    return this.#shape.last;
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#shape.termAt(index);
  }

  /** Begins with what the oldest segment repeats of those that are gone. */
  begin({ identity, vote, purged, last }: WalState): void {
    this.identity = identity;
    this.vote = vote;
    this.purged = purged;
    this.#shape = new LogShape([], last, last);
    this.hasBegun = true;
  }

  addRun(
    segment: Segment,
    place: Pick<BatchPlace, 'offset' | 'length' | 'number'>,
    run: EntryRun,
  ): void {
    const { first, count, termStarts, last } = run;
    termStarts.forEach(({ term, index }, at) => {
      const end = termStarts[at + 1]?.index ?? last.index + 1;
      this.#shape.appendRun(term, end - index);
    });
    const { offset, length, number } = place;
    segment.index.add({ offset, length, number, first, count });
  }

  /** Removes every entry after `logId`, or all if the log does not hold that one. */
  truncate(logId: LogId): void {
    this.generation += 1;
    if (this.holds(logId)) this.#shape.truncate(logId.index);
    else this.#shape = new LogShape([], logId, logId);
    for (const segment of this.segments) segment.index.truncate(logId.index);
  }

  /** Removes every entry up to `logId`, or all if the log does not hold that one. */
  purge(logId: LogId): void {
    if (logId.index <= this.purged.index) return;
    this.generation += 1;
    this.purged = logId;
    if (logId.index < this.#shape.purged.index || this.holds(logId)) return;
    this.#shape = new LogShape([], logId, logId);
    for (const segment of this.segments) segment.index.truncate(0);
  }

  holds({ term, index }: LogId): boolean {
    return this.#shape.termAt(index) === term;
  }

  /** Says why `run` cannot come next, or `undefined` if it can. */
  faultOfRun(run: EntryRun): string | undefined {
    return faultOfRun(run, this.#shape.last);
  }

  /** Takes the segments off the front of which every entry is purged, but never the last. */
  takePurgedSegments(): Segment[] {
    let count = 0;
    while (count < this.segments.length - 1) {
      const last = this.segments[count]?.index.last ?? 0;
      if (last > this.purged.index) break;
      count += 1;
    }
    if (count > 0) this.generation += 1;
    return this.segments.splice(0, count);
  }
}

/** Says why `run` cannot come after `last`, or `undefined` if it can. */
export function faultOfRun(
  { first, count, termStarts }: EntryRun,
  last: LogId,
): string | undefined {
  if (count === 0) return undefined;
  if (first !== last.index + 1) return `entry ${first} comes after entry ${last.index}`;
  let { term } = last;
  for (const start of termStarts) {
    if (start.term < term) return `entry ${start.index} has term ${start.term} after ${term}`;
    term = start.term;
  }
  return undefined;
}
