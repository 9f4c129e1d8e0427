import {
  EntryFormatError,
  entrySource,
  readEntry,
  sizeOfEntryAt,
} from '../../contract/entry-codec.ts';
import type { Entry, Identity, Vote } from '../../core/types.ts';
import { UnsupportedError } from '../../errors.ts';
import type { FileSystem } from '../../platform/file-system.ts';
import type { LogRecord } from '../findings.ts';
import {
  batchHeadBytes,
  decodeBatchHead,
  decodeSegmentHead,
  recordTag,
  segmentHeadBytes,
  versionIn,
  viewOf,
} from './format.ts';
import { readJson, readLogId, recordsIn, type WalState } from './records.ts';
import { type FoundBatch, findLastByte } from './scan.ts';
import { Segment } from './segment.ts';

/* What is found in one segment, told in words. Nothing is written. */

/** A segment; or why it is none, and whether it is one that was made and never written to. */
export type InspectedSegment =
  | { readonly segment: Segment; readonly strayByte: number | undefined }
  | { readonly segment: undefined; readonly found: string; readonly isUnused: boolean };

/**
 * Opens a segment for reading.
 *
 * @throws {UnsupportedError} if another version wrote it.
 */
export async function openForInspection(
  files: FileSystem,
  path: string,
  sequence: number,
): Promise<InspectedSegment> {
  const file = await files.open(path, { mode: 'read' });
  try {
    const size = await file.size();
    const bytes = new Uint8Array(segmentHeadBytes);
    await file.read(bytes, 0);
    const version = versionIn(bytes);
    if (version !== undefined && version !== '1') {
      throw new UnsupportedError(
        `${path} was written in version ${version} of the format, and this is version 1. Use the version of the library that wrote it.`,
      );
    }
    const head = decodeSegmentHead(bytes);
    if (head?.sequence === sequence) {
      const stray = bytes.findIndex((byte, at) => at >= usedHeadBytes && byte !== 0);
      const segment = new Segment(file, { ...head, path, size, end: segmentHeadBytes });
      return { segment, strayByte: stray < 0 ? undefined : stray };
    }
    const empty = new Segment(file, { sequence, path, size, salt: 0, firstBatch: 0, end: 0 });
    const hasContent = (await findLastByte(empty, segmentHeadBytes)) !== undefined;
    await file.close();
    const found =
      head === undefined
        ? `bytes that are no such head: ${hex(bytes.subarray(0, 16))}...`
        : `the head of segment ${head.sequence}`;
    return { segment: undefined, found, isUnused: head === undefined && !hasContent };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const usedHeadBytes = 36;

/** Says what lies where a batch should begin. */
export async function describeBatchAt(
  segment: Segment,
  offset: number,
  number: number,
): Promise<string> {
  const bytes = await segment.read(offset, Math.min(batchHeadBytes, segment.size - offset));
  const head = decodeBatchHead(bytes, viewOf(bytes), 0);
  if (head === undefined) return `no head of a batch, but ${hex(bytes.subarray(0, 16))}...`;
  if (head.salt !== segment.salt) return 'a batch of another file';
  if (head.number !== number) return `batch ${head.number}`;
  const end = offset + batchHeadBytes + head.length;
  if (end > segment.size) return `a batch that ends at ${end}, behind the end of the file`;
  return 'records whose checksum is not the one in their head';
}

/** Bytes of batches, or between them, that belong to nothing and should be zero, and are not. */
export async function* strayBytesOf(
  segment: Segment,
  batches: readonly FoundBatch[],
  end: number,
): AsyncGenerator<number, void, undefined> {
  let start = 0;
  let bytes: Uint8Array = new Uint8Array(0);
  for (const [at, { offset, head }] of batches.entries()) {
    const recordsAt = offset + batchHeadBytes;
    const next = Math.min(batches[at + 1]?.offset ?? end, segment.size);
    for (const [from, to] of [
      [recordsAt - 4, recordsAt],
      [recordsAt + head.length, next],
    ] as const) {
      if (to > start + bytes.length) {
        start = from;
        bytes = await segment.read(from, Math.min(windowBytes, segment.size - from));
      }
      const stray = bytes.subarray(from - start, to - start).findIndex((byte) => byte !== 0);
      if (stray >= 0) yield from + stray;
    }
  }
}

const windowBytes = 1024 * 1024;

/**
 * The records of a batch whose checksum is right.
 *
 * @throws {EntryFormatError} if one is none all the same.
 * @throws {UnsupportedError} if another version wrote it.
 */
export function logRecordsOf(records: Uint8Array): LogRecord[] {
  const view = viewOf(records);
  const found: LogRecord[] = [];
  for (const record of recordsIn(view)) {
    switch (record.tag) {
      case recordTag.entries: {
        const from = record.offset;
        found.push({ type: 'entries', entries: entriesIn(records, from, from + record.length) });
        break;
      }
      case recordTag.truncate:
        found.push({ type: 'truncate', to: readLogId(view, record) });
        break;
      case recordTag.purge:
        found.push({ type: 'purge', to: readLogId(view, record) });
        break;
      case recordTag.vote:
        found.push({ type: 'vote', vote: readJson(records, record) as Vote });
        break;
      case recordTag.identity:
        found.push({ type: 'identity', identity: readJson(records, record) as Identity });
        break;
      case recordTag.state: {
        const { identity, vote, purged, last } = readJson(records, record) as WalState;
        found.push({ type: 'state', identity, vote, purged, last });
        break;
      }
      default:
        throw new UnsupportedError(
          `The log holds a record of kind ${record.tag}, which this version cannot read. Use the version that wrote it, or a later one.`,
        );
    }
  }
  return found;
}

function entriesIn(records: Uint8Array, from: number, to: number): Entry[] {
  const source = entrySource(records);
  const entries: Entry[] = [];
  for (let at = from; at < to; at += sizeOfEntryAt(source.view, at)) {
    entries.push(readEntry(source, at));
  }
  if (entries.length === 0) throw new EntryFormatError('Broken entry: a run has no entries.');
  return entries;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
