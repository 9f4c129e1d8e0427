import { EntryFormatError } from '../../contract/entry-codec.ts';
import { assertNever } from '../../core/assert.ts';
import type { LogId, LogIndex, Membership } from '../../core/types.ts';
import type { FileSystem } from '../../platform/file-system.ts';
import type { LogRecord, StorageFault, StorageFinding } from '../findings.ts';
import { WalContents } from './contents.ts';
import { batchHeadBytes, segmentHeadBytes } from './format.ts';
import {
  describeBatchAt,
  logRecordsOf,
  openForInspection,
  strayBytesOf,
} from './inspect-segment.ts';
import type { EntryRun } from './records.ts';
import {
  type BatchAt,
  type FoundBatch,
  findLastByte,
  findLaterBatch,
  scanBatches,
} from './scan.ts';
import { type Segment, segmentName, sequenceOf } from './segment.ts';

/** What every fault of a batch is, but for the entries that are lost by it. */
type Fault = Omit<StorageFault, 'type' | 'lost'>;

/**
 * Reads all segments of a log and tells what is in them. It goes on behind a fault, as far as it
 * can find its way: an inspection wants to know what is left.
 */
export class LogInspection {
  readonly contents: WalContents = new WalContents();
  readonly #files: FileSystem;
  readonly #directory: string;
  /** With the index of the entry that brought each. */
  memberships: readonly { readonly index: LogIndex; readonly membership: Membership }[] = [];
  /** Faults of which it is not known yet how many entries are lost by them. */
  #open: { readonly fault: Fault; readonly from: LogIndex }[] = [];
  /** The number of the next batch, unless a fault lies before it. */
  #next: number | undefined = undefined;
  #isBroken = false;
  #end: { readonly file: string; readonly offset: number } | undefined = undefined;

  constructor(files: FileSystem, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  async *run(sequences: readonly number[]): AsyncGenerator<StorageFinding, void, undefined> {
    for (const [at, sequence] of sequences.entries()) {
      const previous = sequences[at - 1];
      for (let gone = (previous ?? sequence) + 1; gone < sequence; gone += 1) {
        this.#fault({ file: this.#pathOf(gone), offset: 0 }, 'a segment', 'no such file');
        this.#next = undefined;
      }
      const isLast = at === sequences.length - 1;
      const path = this.#pathOf(sequence);
      const opened = await openForInspection(this.#files, path, sequence);
      if (opened.segment === undefined) {
        if (opened.isUnused && isLast) yield { type: 'torn', file: path, offset: 0 };
        else this.#fault({ file: path, offset: 0 }, 'the head of the segment', opened.found);
        this.#next = undefined;
        continue;
      }
      const { segment, strayByte } = opened;
      try {
        yield { type: 'segment', file: path, bytes: segment.size };
        if (strayByte !== undefined) yield stray(segment, strayByte);
        yield* this.#segment(segment, { isLast });
        yield { type: 'progress', bytes: segment.size };
      } finally {
        await segment.drop();
      }
    }
    yield* this.#settle(undefined);
    yield* this.#checkStart();
  }

  async *#segment(
    segment: Segment,
    { isLast }: { readonly isLast: boolean },
  ): AsyncGenerator<StorageFinding, void, undefined> {
    this.contents.segments.push(segment);
    if (this.#next !== undefined && this.#next !== segment.firstBatch && this.#end !== undefined) {
      const found = `the end; the next segment goes on with batch ${segment.firstBatch}`;
      this.#fault(this.#end, `batch ${this.#next}`, found);
    }
    let place: BatchAt = { offset: segmentHeadBytes, number: segment.firstBatch };
    for (;;) {
      const batches: FoundBatch[] = [];
      const { end, next } = await scanBatches(segment, (batch) => void batches.push(batch), place);
      for (const batch of batches) yield* this.#batch(segment, batch);
      for await (const at of strayBytesOf(segment, batches, end)) yield stray(segment, at);
      this.#next = next;
      this.#end = { file: segment.path, offset: end };
      const later = await findLaterBatch(segment, end, next);
      const isTorn = isLast && later === undefined;
      if ((await findLastByte(segment, end)) === undefined) return;
      if (isTorn) {
        yield { type: 'torn', file: segment.path, offset: end };
        return;
      }
      this.#fault(this.#end, `batch ${next}`, await describeBatchAt(segment, end, next));
      this.#next = undefined;
      if (later === undefined) return;
      place = later;
    }
  }

  *#batch(segment: Segment, batch: FoundBatch): Generator<StorageFinding, void, undefined> {
    const { offset, head } = batch;
    const place = { file: segment.path, offset };
    let records: LogRecord[];
    try {
      records = logRecordsOf(batch.records);
    } catch (error) {
      if (!(error instanceof EntryFormatError || error instanceof SyntaxError)) throw error;
      this.#fault(place, 'records that can be read', error.message);
      return;
    }
    for (const record of records) yield* this.#take(segment, batch, record);
    const bytes = batchHeadBytes + head.length;
    yield { type: 'batch', ...place, bytes, number: head.number, records };
  }

  *#take(
    segment: Segment,
    { offset, head }: FoundBatch,
    record: LogRecord,
  ): Generator<StorageFinding, void, undefined> {
    const { contents } = this;
    switch (record.type) {
      case 'entries': {
        const run = runOf(record.entries.map(({ logId }) => logId));
        yield* this.#settle(run.first - 1);
        const fault = contents.faultOfRun(run);
        if (fault !== undefined) {
          yield { type: 'fault', ...faultAt(segment.path, offset, 'entries in order', fault) };
          this.#goOnAfter({ term: run.termStarts[0]?.term ?? 0, index: run.first - 1 });
        }
        contents.addRun(segment, { offset, length: head.length, number: head.number }, run);
        for (const { logId, payload } of record.entries) {
          if (payload.type !== 'membership') continue;
          const { membership } = payload;
          this.memberships = [...this.memberships, { index: logId.index, membership }];
        }
        return;
      }
      case 'truncate':
        this.memberships = this.memberships.filter(({ index }) => index <= record.to.index);
        return contents.truncate(record.to);
      case 'purge':
        return contents.purge(record.to);
      case 'vote':
        contents.vote = record.vote;
        return;
      case 'identity':
        contents.identity = record.identity;
        return;
      case 'state':
        yield* this.#settle(record.last.index);
        if (!contents.hasBegun || record.last.index !== contents.last.index) contents.begin(record);
        return;
      default:
        assertNever(record);
    }
  }

  /** What was lost lies before here: the entries up to `to`, or all that may have been there. */
  *#settle(to: LogIndex | undefined): Generator<StorageFault, void, undefined> {
    if (this.#open.length === 0) return;
    for (const { fault, from } of this.#open) {
      if (to !== undefined && to < from) yield { type: 'fault', ...fault };
      else yield { type: 'fault', ...fault, lost: to === undefined ? { from } : { from, to } };
    }
    this.#open = [];
    if (to !== undefined) this.#goOnAfter({ term: this.contents.last.term, index: to });
  }

  #goOnAfter(last: LogId): void {
    if (last.index === this.contents.last.index && this.contents.hasBegun) return;
    const { identity, vote, purged } = this.contents;
    this.contents.begin({ identity, vote, purged, last });
  }

  #fault(place: { file: string; offset: number }, wanted: string, found: string): void {
    const fault = faultAt(place.file, place.offset, wanted, found);
    this.#isBroken = true;
    this.#open.push({ fault, from: this.contents.last.index + 1 });
  }

  /** Segments may be gone from the front only if all that was in them is purged. */
  *#checkStart(): Generator<StorageFault, void, undefined> {
    const { base, purged, segments } = this.contents;
    const [first] = segments;
    // Behind a fault it begins anew, and that was told.
    if (first === undefined || this.#isBroken || base.index <= purged.index) return;
    const wanted = `entry ${purged.index + 1}, the first that is not purged`;
    const found = `a log that begins after entry ${base.index}`;
    const lost = { from: purged.index + 1, to: base.index };
    yield { type: 'fault', ...faultAt(first.path, segmentHeadBytes, wanted, found), lost };
  }

  #pathOf(sequence: number): string {
    return `${this.#directory}/${segmentName(sequence)}`;
  }
}

/** The segments that are there, in order. */
export async function segmentsIn(files: FileSystem, directory: string): Promise<number[]> {
  const names = await files.readDirectory(directory);
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
  return sequences.sort((a, b) => a - b);
}

export function pathOfSegment(directory: string, sequence: number): string {
  return `${directory}/${segmentName(sequence)}`;
}

function faultAt(file: string, offset: number, wanted: string, found: string): Fault {
  return { file, offset, wanted, found, isFatal: true };
}

function stray({ path }: Segment, offset: number): StorageFault {
  return {
    type: 'fault',
    file: path,
    offset,
    wanted: 'a zero, which nobody reads',
    found: 'another byte',
    isFatal: false,
  };
}

function runOf(logIds: readonly LogId[]): EntryRun {
  const first = logIds[0] as LogId;
  const last = logIds.at(-1) as LogId;
  const termStarts = logIds.filter(({ term }, at) => term !== logIds[at - 1]?.term);
  return { first: first.index, count: logIds.length, termStarts, last };
}
