import {
  entrySize,
  getUint53,
  setUint53,
  sizeOfEntryAt,
  writeEntry,
} from '../../contract/entry-codec.ts';
import type { Entry, Identity, LogId, LogIndex, Term, Vote } from '../../core/types.ts';
import { type RecordTag, recordHeadBytes, recordTag } from './format.ts';

/** What a segment's first batch repeats of all that was before it. */
export interface WalState {
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  readonly purged: LogId;
  readonly last: LogId;
}

/** One thing to be written, measured. */
export interface WalRecord {
  readonly tag: RecordTag;
  /** Bytes of its content. */
  readonly size: number;
  readonly write: (bytes: Uint8Array, view: DataView, offset: number) => void;
}

/** The entries of one record: a run of indexes, and where each of its terms begins. */
export interface EntryRun {
  readonly first: LogIndex;
  readonly count: number;
  readonly termStarts: readonly LogId[];
  readonly last: LogId;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A run of entries, from `from` (in) to `to` (out) of a list. */
export interface EntrySlice {
  readonly entries: readonly Entry[];
  readonly from: number;
  readonly to: number;
  /** Bytes that they take. */
  readonly size: number;
}

export function entriesRecord({ entries, from, to, size }: EntrySlice): WalRecord {
  return {
    tag: recordTag.entries,
    size,
    write(bytes, view, offset) {
      let end = offset;
      for (let at = from; at < to; at += 1) {
        end = writeEntry(entries[at] as Entry, bytes, view, end);
      }
    },
  };
}

export function logIdRecord(tag: RecordTag, { term, index }: LogId): WalRecord {
  return {
    tag,
    size: 16,
    write(_, view, offset) {
      setUint53(view, offset, term);
      setUint53(view, offset + 8, index);
    },
  };
}

export function jsonRecord(tag: RecordTag, value: Identity | Vote | WalState): WalRecord {
  const text = encoder.encode(JSON.stringify(value));
  return { tag, size: text.length, write: (bytes, _, offset) => bytes.set(text, offset) };
}

/** Measures entries and splits them into slices of at most `maxBytes`, or of one entry. */
export function sliceEntries(entries: readonly Entry[], maxBytes: number): EntrySlice[] {
  const slices: EntrySlice[] = [];
  let from = 0;
  let size = 0;
  for (let at = 0; at < entries.length; at += 1) {
    const bytes = entrySize(entries[at] as Entry);
    if (at > from && size + bytes > maxBytes) {
      slices.push({ entries, from, to: at, size });
      from = at;
      size = 0;
    }
    size += bytes;
  }
  if (from < entries.length) slices.push({ entries, from, to: entries.length, size });
  return slices;
}

/** The run that a slice forms. */
export function runOf({ entries, from, to }: EntrySlice): EntryRun {
  const first = entries[from] as Entry;
  const last = entries[to - 1] as Entry;
  const termStarts = [first.logId];
  if (first.logId.term !== last.logId.term) {
    let { term } = first.logId;
    for (let at = from; at < to; at += 1) {
      const { logId } = entries[at] as Entry;
      if (logId.term !== term) termStarts.push(logId);
      term = logId.term;
    }
  }
  return { first: first.logId.index, count: to - from, termStarts, last: last.logId };
}

/** Says where entries do not follow one another, or `undefined` if they all do. */
export function faultInside(entries: readonly Entry[]): string | undefined {
  for (let at = 1; at < entries.length; at += 1) {
    const { term, index } = (entries[at] as Entry).logId;
    const before = (entries[at - 1] as Entry).logId;
    if (index !== before.index + 1) return `entry ${index} comes after entry ${before.index}`;
    if (term < before.term) return `entry ${index} has term ${term} after ${before.term}`;
  }
  return undefined;
}

/** A record as it was found, to be told what is in it. */
export interface FoundRecord {
  readonly tag: number;
  readonly offset: number;
  readonly length: number;
}

/** Goes through the records of a batch whose checksum was right, `start` (in) to `end` (out). */
export function* recordsIn(
  view: DataView,
  start: number = 0,
  end: number = view.byteLength,
): Generator<FoundRecord, void, undefined> {
  let offset = start;
  while (offset < end) {
    const length = view.getUint32(offset, true);
    const tag = view.getUint8(offset + 4);
    offset += recordHeadBytes;
    yield { tag, offset, length };
    offset += length;
  }
}

export function readLogId(view: DataView, { offset }: FoundRecord): LogId {
  return { term: getUint53(view, offset), index: getUint53(view, offset + 8) };
}

export function readJson(bytes: Uint8Array, { offset, length }: FoundRecord): unknown {
  return JSON.parse(decoder.decode(bytes.subarray(offset, offset + length)));
}

/** Looks at the heads of a run of entries, and at nothing else of them. */
export function readRun(view: DataView, { offset, length }: FoundRecord): EntryRun {
  const end = offset + length;
  const termStarts: LogId[] = [];
  let first: LogIndex = 0;
  let count = 0;
  let term: Term = -1;
  for (let at = offset; at < end; at += sizeOfEntryAt(view, at)) {
    if (count === 0) first = getUint53(view, at + 16);
    const entryTerm = getUint53(view, at + 8);
    if (entryTerm !== term) termStarts.push({ term: entryTerm, index: first + count });
    term = entryTerm;
    count += 1;
  }
  return { first, count, termStarts, last: { term, index: first + count - 1 } };
}
