import {
  align,
  type BatchHead,
  batchAlignment,
  batchHeadBytes,
  batchMagic,
  decodeBatchHead,
  recordsMatch,
  segmentHeadBytes,
  viewOf,
} from './format.ts';
import type { Segment } from './segment.ts';

/** A batch whose checksums and number are right. */
export interface FoundBatch {
  readonly offset: number;
  readonly head: BatchHead;
  readonly records: Uint8Array;
}

export interface ScanEnd {
  /** Where the batches end. */
  readonly end: number;
  /** The number that the next batch must have. */
  readonly next: number;
}

/** How much is read at a time; a batch that is larger is read whole. */
const windowBytes = 4 * 1024 * 1024;

/** Where a batch lies, and its number. */
export interface BatchAt {
  readonly offset: number;
  readonly number: number;
}

/**
 * Tells of every batch of a segment, from its head on or from one that was found later, until there
 * is no right one.
 */
export async function scanBatches(
  segment: Segment,
  onBatch: (batch: FoundBatch) => void,
  from: BatchAt = { offset: segmentHeadBytes, number: segment.firstBatch },
): Promise<ScanEnd> {
  const window = new Window(segment);
  let { offset, number: next } = from;
  while (offset + batchHeadBytes <= segment.size) {
    const head = await window.head(offset);
    if (head === undefined || head.salt !== segment.salt || head.number !== next) break;
    const end = offset + batchHeadBytes + head.length;
    if (end > segment.size) break;
    const records = await window.bytes(offset + batchHeadBytes, head.length);
    if (!recordsMatch(head, records)) break;
    onBatch({ offset, head, records });
    offset = align(end);
    next += 1;
  }
  return { end: offset, next };
}

/**
 * Looks for a batch of this segment with a number above `number` anywhere after `from`: proof that
 * what is wrong before it is no torn end. Without the salt, no bytes of a user can be one.
 */
export async function findLaterBatch(
  segment: Segment,
  from: number,
  number: number,
): Promise<BatchAt | undefined> {
  const window = new Window(segment);
  for (let start = align(from); start < segment.size; start += windowBytes) {
    // Windows overlap by a head, so that none is missed between two of them.
    const length = Math.min(windowBytes + batchHeadBytes, segment.size - start);
    const bytes = await window.bytes(start, length);
    const view = viewOf(bytes);
    const last = Math.min(windowBytes, bytes.length - batchHeadBytes + 1);
    for (let at = 0; at < last; at += batchAlignment) {
      if (view.getUint32(at, true) !== batchMagic) continue;
      const head = decodeBatchHead(bytes, view, at);
      if (head?.salt === segment.salt && head.number > number) {
        return { offset: start + at, number: head.number };
      }
    }
  }
  return undefined;
}

/** Returns where the last byte that is not zero lies at or after `from`, or `undefined`. */
export async function findLastByte(segment: Segment, from: number): Promise<number | undefined> {
  let found: number | undefined;
  for (let start = from; start < segment.size; start += windowBytes) {
    const bytes = await segment.read(start, Math.min(windowBytes, segment.size - start));
    let at = bytes.length - 1;
    while (at >= 0 && bytes[at] === 0) at -= 1;
    if (at >= 0) found = start + at;
  }
  return found;
}

/** A piece of the file in memory that moves on as it is asked for what lies further. */
class Window {
  readonly #segment: Segment;
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#bytes);

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  async head(offset: number): Promise<BatchHead | undefined> {
    await this.#cover(offset, batchHeadBytes);
    return decodeBatchHead(this.#bytes, this.#view, offset - this.#start);
  }

  async bytes(offset: number, length: number): Promise<Uint8Array> {
    await this.#cover(offset, length);
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }

  async #cover(offset: number, length: number): Promise<void> {
    const end = this.#start + this.#bytes.length;
    if (offset >= this.#start && offset + length <= end) return;
    const wanted = Math.min(Math.max(windowBytes, length), this.#segment.size - offset);
    this.#bytes = await this.#segment.read(offset, wanted);
    this.#view = viewOf(this.#bytes);
    this.#start = offset;
  }
}
