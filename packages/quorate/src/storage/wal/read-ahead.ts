import { type EntrySource, entrySource } from '../../contract/entry-codec.ts';
import type { LogIndex } from '../../core/types.ts';
import { buggify } from '../../platform/sites.ts';
import type { BatchPlace } from './batch-index.ts';
import { batchHeadBytes, decodeBatchHead, recordsMatch } from './format.ts';
import type { Segment } from './segment.ts';

/** Read at once by who reads on and on, unless one batch is larger. */
const stretchBytes = 512 * 1024;

/** As many stretches are on their way while one is looked at: the disk must never wait for us. */
const maxAhead = 2;

/** Read at once by who reads one range, unless one batch is larger. */
const rangeBytes = 1024 * 1024;

/** As many readers are followed at once; another one takes the place of the oldest. */
const maxReaders = 4;

/** What a reader wants from here on. */
export interface Wanted {
  readonly next: LogIndex;
  readonly to: LogIndex;
  readonly bytesLeft: number;
}

/** One batch with entries: the one at `position` in the segment's index. */
export interface Spot {
  readonly segment: Segment;
  readonly position: number;
}

/** Whole batches, neighbours in one segment, as the file holds them. */
export class Stretch {
  readonly segment: Segment;
  readonly source: EntrySource;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  /** The batch that was found right last; where two ranges share one, both ask for it. */
  #checked = -1;

  constructor(segment: Segment, bytes: Uint8Array, range: { start: number; end: number }) {
    this.segment = segment;
    this.source = entrySource(bytes);
    this.#bytes = bytes;
    this.#start = range.start;
    this.#end = range.end;
  }

  has({ offset, length }: BatchPlace): boolean {
    return offset >= this.#start && offset + batchHeadBytes + length <= this.#end;
  }

  /**
   * Returns where the batch's records begin, or `undefined` if they are not what was written: a
   * disk may also bring another batch, which is as right as this one.
   */
  recordsOf({ offset, length, number }: BatchPlace): number | undefined {
    const at = offset - this.#start;
    const records = at + batchHeadBytes;
    if (offset === this.#checked) return records;
    const head = decodeBatchHead(this.#bytes, this.source.view, at);
    if (head === undefined || head.salt !== this.segment.salt) return undefined;
    if (head.number !== number || head.length !== length) return undefined;
    if (!recordsMatch(head, this.#bytes.subarray(records, records + length))) return undefined;
    this.#checked = offset;
    return records;
  }
}

/** A stretch on its way. */
interface Reading {
  readonly stretch: Promise<Stretch>;
  /** Where the next one begins, if the segment goes on by then. */
  readonly end: Spot;
}

/**
 * One who reads ranges, one after the other. Once a range goes on where the one before ended, the
 * file is read in larger stretches, and the next ones while this one is looked at, also those of
 * the next segment. What a file holds before its end never changes, so that bytes read ahead stay
 * right whatever is written; only which of them are still in the log is for the index to say.
 */
export class Reader {
  /** Where the next range is expected to begin. */
  next: LogIndex;
  #goesOn = false;
  #stretch: Stretch | undefined = undefined;
  /** In the order in which they are expected to be asked for; at most `maxAhead`. */
  #ahead: Reading[] = [];

  constructor(next: LogIndex) {
    this.next = next;
  }

  /** Takes note that the range ended before `next`, and that others may follow. */
  ended(next: LogIndex): void {
    this.next = next;
    // A single range must not keep its bytes in memory.
    if (!this.#goesOn) this.#stretch = undefined;
    this.#goesOn = true;
  }

  /** Returns a stretch that begins with, or has, the batch at `spot`. */
  stretchAt(spot: Spot, wanted: Wanted, segments: readonly Segment[]): Stretch | Promise<Stretch> {
    const stretch = this.#stretch;
    if (stretch !== undefined && holds(stretch, spot)) return stretch;
    return this.#read(spot, wanted, segments);
  }

  async #read(spot: Spot, wanted: Wanted, segments: readonly Segment[]): Promise<Stretch> {
    const early = this.#ahead.shift();
    // A read ahead that failed is tried again, so that it is this reader who learns of it.
    const found = await early?.stretch.catch(() => undefined);
    if (early !== undefined && found !== undefined && holds(found, spot)) {
      return this.#goOn(found, early.end, segments);
    }
    this.#ahead = [];
    const most = this.#goesOn ? stretchBytes : Math.min(rangeBytes, wanted.bytesLeft);
    const limit = buggify('wal.readShort') ? 1 : most;
    const reading = readStretch(spot, { to: this.#goesOn ? Infinity : wanted.to, limit });
    return this.#goOn(await reading.stretch, reading.end, segments);
  }

  #goOn(stretch: Stretch, end: Spot, segments: readonly Segment[]): Stretch {
    this.#stretch = stretch;
    if (this.#goesOn && !buggify('wal.noReadAhead')) this.#readAhead(end, segments);
    return stretch;
  }

  #readAhead(end: Spot, segments: readonly Segment[]): void {
    while (this.#ahead.length < maxAhead) {
      const next = spotAt(this.#ahead.at(-1)?.end ?? end, segments);
      if (next === undefined) return;
      const reading = readStretch(next, { to: Infinity, limit: stretchBytes });
      reading.stretch.catch(() => undefined);
      this.#ahead.push(reading);
    }
  }
}

/** The readers that may go on, the newest first. Each has at most `1 + maxAhead` stretches. */
export class Readers {
  readonly #waiting: Reader[] = [];

  /** Takes out the reader that ended before `from`, or a new one. */
  take(from: LogIndex): Reader {
    const at = this.#waiting.findIndex(({ next }) => next === from);
    return (at < 0 ? undefined : this.#waiting.splice(at, 1)[0]) ?? new Reader(from);
  }

  give(reader: Reader): void {
    this.#waiting.unshift(reader);
    if (this.#waiting.length > maxReaders) this.#waiting.pop();
  }
}

function holds(stretch: Stretch, { segment, position }: Spot): boolean {
  return stretch.segment === segment && stretch.has(segment.index.at(position) as BatchPlace);
}

/** Returns `spot` if there is a batch by now, else the first one of the segments behind it. */
function spotAt(spot: Spot, segments: readonly Segment[]): Spot | undefined {
  if (spot.position < spot.segment.index.size) return spot;
  const at = segments.indexOf(spot.segment);
  if (at < 0) return undefined;
  const segment = segments.find(({ index }, other) => other > at && index.size > 0);
  return segment && { segment, position: 0 };
}

/** Reads batches from `spot` on: as many as begin before `to` and fit `limit`, at least one. */
function readStretch(
  { segment, position }: Spot,
  { to, limit }: { to: LogIndex; limit: number },
): Reading {
  const first = segment.index.at(position) as BatchPlace;
  const start = first.offset;
  let end = start + batchHeadBytes + first.length;
  let at = position + 1;
  for (; ; at += 1) {
    const place = segment.index.at(at);
    if (place === undefined || place.first >= to || place.offset + place.length - start > limit) {
      break;
    }
    end = place.offset + batchHeadBytes + place.length;
  }
  const bytes = segment.read(start, end - start);
  const stretch = bytes.then((found) => new Stretch(segment, found, { start, end }));
  return { stretch, end: { segment, position: at } };
}
