import { readEntry, sizeOfEntryAt } from '../../contract/entry-codec.ts';
import type { Entry, LogIndex } from '../../core/types.ts';
import { DamagedError } from '../../errors.ts';
import { payloadSize } from '../payload-size.ts';
import type { BatchPlace } from './batch-index.ts';
import { batchHeadBytes, decodeBatchHead, recordsMatch, recordTag, viewOf } from './format.ts';
import { recordsIn } from './records.ts';
import type { Segment } from './segment.ts';

/** Read at once at the most, unless one batch is larger. */
const stretchBytes = 1024 * 1024;

/**
 * Reads entries from `from` (in) to `to` (out), all of them known to be in `segments`, at least one
 * and no more than `maxBytes` of payload. Whole batches are read, so that their checksums vouch for
 * what comes back. Once `isCurrent` says that entries went meanwhile, it returns the start that it
 * has, or `undefined` if it has none.
 */
export async function readEntries(
  segments: readonly Segment[],
  { from, to, maxBytes }: { from: LogIndex; to: LogIndex; maxBytes: number },
  isCurrent: () => boolean,
): Promise<Entry[] | undefined> {
  const wanted: Wanted = { entries: [], next: from, to, bytesLeft: maxBytes };
  while (wanted.next < to && !isFull(wanted)) {
    const segment = segmentOf(segments, wanted.next);
    const places = placesFrom(segment, wanted);
    const bytes = await readStretch(segment, places);
    // What was read so far was there, and in this order; what these bytes hold may be gone.
    if (!isCurrent()) return wanted.entries.length > 0 ? wanted.entries : undefined;
    collectAll(segment, places, { bytes, wanted });
  }
  return wanted.entries;
}

/** What a read has so far and still wants. */
interface Wanted {
  readonly entries: Entry[];
  next: LogIndex;
  readonly to: LogIndex;
  /** Below 0 once an entry did not fit any more. */
  bytesLeft: number;
}

function isFull({ entries, bytesLeft }: Wanted): boolean {
  return bytesLeft < 0 && entries.length > 0;
}

function segmentOf(segments: readonly Segment[], index: LogIndex): Segment {
  const segment = segments.findLast(
    ({ index: { first } }) => first !== undefined && first <= index,
  );
  if (segment === undefined) throw new Error(`Broken invariant: no segment holds entry ${index}.`);
  return segment;
}

/** The batches that one read takes: neighbours in the file, as many as are wanted. */
function placesFrom(segment: Segment, { next, to, bytesLeft }: Wanted): BatchPlace[] {
  const limit = Math.min(stretchBytes, bytesLeft);
  const places: BatchPlace[] = [];
  for (let position = segment.index.find(next); ; position += 1) {
    const place = segment.index.at(position);
    const start = places[0]?.offset;
    if (place === undefined || place.first >= to) break;
    if (start !== undefined && place.offset + place.length - start > limit) break;
    places.push(place);
  }
  if (places.length === 0) throw new Error(`Broken invariant: entry ${next} is in no batch.`);
  return places;
}

function readStretch(segment: Segment, places: readonly BatchPlace[]): Promise<Uint8Array> {
  const start = places[0]?.offset ?? 0;
  const last = places.at(-1);
  const end = (last?.offset ?? 0) + batchHeadBytes + (last?.length ?? 0);
  return segment.read(start, end - start);
}

function collectAll(
  segment: Segment,
  places: readonly BatchPlace[],
  { bytes, wanted }: { bytes: Uint8Array; wanted: Wanted },
): void {
  const view = viewOf(bytes);
  const start = places[0]?.offset ?? 0;
  for (const place of places) {
    const at = place.offset - start;
    const head = decodeBatchHead(bytes, view, at);
    const records = bytes.subarray(at + batchHeadBytes, at + batchHeadBytes + place.length);
    if (head === undefined || !recordsMatch(head, records)) throw damaged(segment, place);
    // A few entries must not keep a large buffer in memory; many may share it.
    const isSmallPart = wanted.to - wanted.next < place.count / 2;
    const copies = isSmallPart || wanted.bytesLeft < place.length / 2;
    collect(records, place, wanted, { copies });
  }
}

/** A batch may hold entries that were truncated later; they lie behind those that count. */
function collect(
  records: Uint8Array,
  { first, count }: BatchPlace,
  wanted: Wanted,
  options: { readonly copies: boolean },
): void {
  const view = viewOf(records);
  for (const { tag, offset, length } of recordsIn(view)) {
    if (tag !== recordTag.entries) continue;
    let at = offset;
    for (let index = first; index < first + count && at < offset + length; index += 1) {
      if (index >= wanted.to || isFull(wanted)) return;
      if (index >= wanted.next) take(readEntry(records, view, at, options), wanted);
      at += sizeOfEntryAt(view, at);
    }
  }
}

function take(entry: Entry, wanted: Wanted): void {
  wanted.bytesLeft -= payloadSize(entry);
  if (isFull(wanted)) return;
  wanted.entries.push(entry);
  wanted.next = entry.logId.index + 1;
}

function damaged({ path }: Segment, { offset, first }: BatchPlace): DamagedError {
  return new DamagedError(
    `${path} at offset ${offset}: the batch that begins with entry ${first} was right when the log was opened and is not any more. Replace the disk, and restore the node from a copy or as a new one.`,
    { file: path, offset, index: first },
  );
}
