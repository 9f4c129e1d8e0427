import {
  type EntrySource,
  entrySource,
  payloadSizeAt,
  readEntry,
  sizeOfEntryAt,
} from '../../contract/entry-codec.ts';
import type { Entry, LogIndex } from '../../core/types.ts';
import { DamagedError } from '../../errors.ts';
import { mark } from '../../platform/sites.ts';
import type { BatchPlace } from './batch-index.ts';
import { recordTag } from './format.ts';
import { type Reader, Stretch } from './read-ahead.ts';
import { type FoundRecord, recordsIn } from './records.ts';
import type { Segment } from './segment.ts';

/**
 * Reads entries from `from` (in) to `to` (out), all of them known to be in `segments`, at least one
 * and no more than `maxBytes` of payload. Whole batches are read, so that their checksums vouch for
 * what comes back. Once `isCurrent` says that entries went meanwhile, it returns the start that it
 * has, or `undefined` if it has none.
 */
export async function readEntries(
  segments: readonly Segment[],
  { from, to, maxBytes }: { from: LogIndex; to: LogIndex; maxBytes: number },
  { reader, isCurrent }: { reader: Reader; isCurrent: () => boolean },
): Promise<Entry[] | undefined> {
  const found: Found = { entries: [], next: from, to, bytesLeft: maxBytes };
  while (found.next < to && !isFull(found)) {
    const segment = segmentOf(segments, found.next);
    const position = segment.index.find(found.next);
    if (position < 0) throw new Error(`Broken invariant: entry ${found.next} is in no batch.`);
    const stretch = reader.stretchAt({ segment, position }, found, segments);
    if (stretch instanceof Stretch) collectAll(stretch, position, found);
    else {
      const read = await stretch;
      // What was read so far was there, and in this order; what these bytes hold may be gone.
      if (!isCurrent()) {
        mark('wal.readOvertaken');
        return found.entries.length > 0 ? found.entries : undefined;
      }
      collectAll(read, position, found);
    }
  }
  reader.ended(found.next);
  return found.entries;
}

/** What a read has so far and still wants. */
interface Found {
  readonly entries: Entry[];
  next: LogIndex;
  readonly to: LogIndex;
  /** Below 0 once an entry did not fit any more. */
  bytesLeft: number;
}

function isFull({ entries, bytesLeft }: Found): boolean {
  return bytesLeft < 0 && entries.length > 0;
}

function segmentOf(segments: readonly Segment[], index: LogIndex): Segment {
  const segment = segments.findLast(
    ({ index: { first } }) => first !== undefined && first <= index,
  );
  if (segment === undefined) throw new Error(`Broken invariant: no segment holds entry ${index}.`);
  return segment;
}

function collectAll(stretch: Stretch, from: number, found: Found): void {
  const { segment } = stretch;
  for (let position = from; found.next < found.to && !isFull(found); position += 1) {
    const place = segment.index.at(position);
    if (place === undefined || !stretch.has(place)) return;
    const records = stretch.recordsOf(place);
    if (records === undefined) throw damaged(segment, place);
    collect(stretch, { place, records }, found);
  }
}

/** Where a batch lies, and where its records begin in the stretch. */
interface Batch {
  readonly place: BatchPlace;
  readonly records: number;
}

function collect({ source }: Stretch, { place, records }: Batch, found: Found): void {
  // A few entries must not keep a large buffer in memory; many may share it.
  const isSmallPart = found.to - found.next < place.count / 2;
  const copies = isSmallPart || found.bytesLeft < place.length / 2;
  for (const record of recordsIn(source.view, records, records + place.length)) {
    if (record.tag !== recordTag.entries) continue;
    const { start, end } = takeRun(source.view, { record, place }, found);
    // One copy for all of them: one for each would take longer than all else.
    const part = copies ? entrySource(copyOf(source, start, end)) : source;
    const shift = copies ? start : 0;
    for (let at = start; at < end; at += sizeOfEntryAt(part.view, at - shift)) {
      found.entries.push(readEntry(part, at - shift));
    }
  }
}

/**
 * Takes note of the entries of this batch that come next and fit, and returns where they lie. A
 * batch may hold entries that were truncated later; they lie behind those that count.
 */
function takeRun(
  view: DataView,
  { record, place: { first, count } }: { record: FoundRecord; place: BatchPlace },
  found: Found,
): { start: number; end: number } {
  const end = record.offset + record.length;
  const to = Math.min(first + count, found.to);
  let at = record.offset;
  for (let index = first; index < found.next && at < end; index += 1) at += sizeOfEntryAt(view, at);
  const start = at;
  while (found.next < to && at < end) {
    found.bytesLeft -= payloadSizeAt(view, at);
    // The first one of all comes in any case.
    if (found.bytesLeft < 0 && (at > start || found.entries.length > 0)) break;
    found.next += 1;
    at += sizeOfEntryAt(view, at);
  }
  return { start, end: at };
}

function copyOf({ buffer, start: base }: EntrySource, start: number, end: number): Uint8Array {
  return new Uint8Array(buffer, base + start, end - start).slice();
}

function damaged({ path }: Segment, { offset, first }: BatchPlace): DamagedError {
  return new DamagedError(
    `${path} at offset ${offset}: the batch that begins with entry ${first} was right when the log was opened and is not any more. Replace the disk, and restore the node from a copy or as a new one.`,
    { file: path, offset, index: first },
  );
}
