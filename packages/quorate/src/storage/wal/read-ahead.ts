import type { LogIndex } from '../../core/types.ts';
import type { BatchPlace } from './batch-index.ts';
import { batchHeadBytes, decodeBatchHead, recordsMatch, viewOf } from './format.ts';
import type { Segment } from './segment.ts';

/** Read at once by who reads on and on, unless one batch is larger. */
const stretchBytes = 256 * 1024;

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

/** Whole batches, neighbours in one segment, as the file holds them. */
export class Stretch {
  readonly segment: Segment;
  readonly view: DataView;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  /** The batch that was found right last; where two ranges share one, both ask for it. */
  #checked = -1;

  constructor(segment: Segment, bytes: Uint8Array, range: { start: number; end: number }) {
    this.segment = segment;
    this.view = viewOf(bytes);
    this.#bytes = bytes;
    this.#start = range.start;
    this.#end = range.end;
  }

  has({ offset, length }: BatchPlace): boolean {
    return offset >= this.#start && offset + batchHeadBytes + length <= this.#end;
  }

  /** Returns the records of the batch, or `undefined` if they are not what was written. */
  recordsOf({ offset, length }: BatchPlace): Uint8Array | undefined {
    const at = offset - this.#start;
    const records = this.#bytes.subarray(at + batchHeadBytes, at + batchHeadBytes + length);
    if (offset === this.#checked) return records;
    const head = decodeBatchHead(this.#bytes, this.view, at);
    if (head === undefined || !recordsMatch(head, records)) return undefined;
    this.#checked = offset;
    return records;
  }
}

/**
 * One who reads ranges, one after the other. Once a range goes on where the one before ended, the
 * file is read in larger stretches, and the next stretch while this one is looked at. What a file
 * holds before its end never changes, so that bytes read ahead stay right whatever is written; only
 * which of them are still in the log is for the index to say.
 */
export class Reader {
  /** Where the next range is expected to begin. */
  next: LogIndex;
  #goesOn = false;
  #stretch: Stretch | undefined = undefined;
  #ahead: { readonly place: BatchPlace; readonly stretch: Promise<Stretch> } | undefined =
    undefined;

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

  /** Returns a stretch that begins with, or has, the batch at `position` of the segment. */
  stretchAt(segment: Segment, position: number, wanted: Wanted): Stretch | Promise<Stretch> {
    const place = segment.index.at(position) as BatchPlace;
    const stretch = this.#stretch;
    if (stretch?.segment === segment && stretch.has(place)) return stretch;
    return this.#read(segment, position, wanted);
  }

  async #read(segment: Segment, position: number, wanted: Wanted): Promise<Stretch> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const place = segment.index.at(position) as BatchPlace;
    // A read ahead that failed is tried again, so that it is this reader who learns of it.
    const early = ahead === undefined ? undefined : await ahead.stretch.catch(() => undefined);
    const isEarly = early?.segment === segment && early.has(place);
    const limit = this.#goesOn ? stretchBytes : Math.min(rangeBytes, wanted.bytesLeft);
    const to = this.#goesOn ? Infinity : wanted.to;
    const stretch = isEarly ? early : await readStretch(segment, { position, to, limit });
    this.#stretch = stretch;
    if (this.#goesOn) this.#readAhead(segment, stretch, position);
    return stretch;
  }

  #readAhead(segment: Segment, stretch: Stretch, from: number): void {
    let position = from;
    let place = segment.index.at(position);
    while (place !== undefined && stretch.has(place)) {
      position += 1;
      place = segment.index.at(position);
    }
    if (place === undefined) return;
    const reading = readStretch(segment, { position, to: Infinity, limit: stretchBytes });
    reading.catch(() => undefined);
    this.#ahead = { place, stretch: reading };
  }
}

/** The readers that may go on, the newest first. Each keeps at most two stretches in memory. */
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

/** Reads batches from `position` on: as many as begin before `to` and fit `limit`, at least one. */
async function readStretch(
  segment: Segment,
  { position, to, limit }: { position: number; to: LogIndex; limit: number },
): Promise<Stretch> {
  const first = segment.index.at(position) as BatchPlace;
  const start = first.offset;
  let end = start + batchHeadBytes + first.length;
  for (let at = position + 1; ; at += 1) {
    const place = segment.index.at(at);
    if (place === undefined || place.first >= to || place.offset + place.length - start > limit) {
      break;
    }
    end = place.offset + batchHeadBytes + place.length;
  }
  return new Stretch(segment, await segment.read(start, end - start), { start, end });
}
