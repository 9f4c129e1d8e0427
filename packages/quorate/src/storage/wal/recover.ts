import type { Identity, LogId, Vote } from '../../core/types.ts';
import { DamagedError, UnsupportedError } from '../../errors.ts';
import type { FileSystem } from '../../platform/file-system.ts';
import { WalContents } from './contents.ts';
import { decodeSegmentHead, recordTag, segmentHeadBytes, viewOf } from './format.ts';
import {
  type FoundRecord,
  readJson,
  readLogId,
  readRun,
  recordsIn,
  type WalState,
} from './records.ts';
import { type FoundBatch, findLastByte, findLaterBatch, scanBatches } from './scan.ts';
import { Segment, segmentName, sequenceOf } from './segment.ts';

export interface RecoveredWal {
  readonly contents: WalContents;
  /** The number of the next batch. */
  readonly nextBatch: number;
}

const whatToDo =
  'Nothing was changed. Restore this disk from a copy, or remove the node from its cluster and add a new one with an empty disk';

/**
 * Reads the segments of a directory. A torn end is zeroed, durably, so that nothing of it can come
 * back; everything else that is wrong is refused.
 *
 * @throws {DamagedError} that names file, offset and the entry that is expected there.
 */
export async function recoverWal(
  files: FileSystem,
  directory: string,
  options: { readonly durableWrites: boolean; readonly drawSalt: () => number },
): Promise<RecoveredWal> {
  const contents = new WalContents();
  const names = await files.readDirectory(directory);
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
  sequences.sort((a, b) => a - b);
  let nextBatch = 1;
  for (const [at, sequence] of sequences.entries()) {
    const path = `${directory}/${segmentName(sequence)}`;
    const previous = sequences[at - 1];
    if (previous !== undefined && sequence !== previous + 1) {
      const missing = `${directory}/${segmentName(previous + 1)}`;
      throw damage(contents, { file: missing, offset: 0 }, 'the segment is missing');
    }
    const isLast = at === sequences.length - 1;
    const segment = await openSegment(files, contents, path, {
      ...options,
      sequence,
      isLast,
      nextBatch,
    });
    checkFollows(contents, segment, nextBatch);
    contents.segments.push(segment);
    nextBatch = await readSegment(contents, segment, { isFirst: at === 0, isLast });
  }
  checkStart(contents);
  return { contents, nextBatch };
}

async function openSegment(
  files: FileSystem,
  contents: WalContents,
  path: string,
  known: {
    readonly sequence: number;
    readonly durableWrites: boolean;
    readonly drawSalt: () => number;
    readonly isLast: boolean;
    readonly nextBatch: number;
  },
): Promise<Segment> {
  const { sequence, durableWrites, isLast, nextBatch } = known;
  const file = await files.open(path, { mode: 'write', durableWrites });
  const size = await file.size();
  const bytes = new Uint8Array(segmentHeadBytes);
  await file.read(bytes, 0);
  const head = decodeSegmentHead(bytes);
  if (head !== undefined && head.sequence === sequence) {
    const { salt, firstBatch } = head;
    return new Segment(file, { sequence, path, size, salt, firstBatch, end: segmentHeadBytes });
  }
  const segment = new Segment(file, {
    sequence,
    path,
    size,
    salt: known.drawSalt(),
    firstBatch: nextBatch,
    end: 0,
  });
  // A segment that was never written to, or whose first write was torn, can only be the last.
  const later = await findLaterBatch(segment, segmentHeadBytes, {
    above: nextBatch,
    salt: undefined,
  });
  if (isLast && later === undefined) return segment;
  await file.close();
  throw damage(contents, { file: path, offset: 0 }, 'the head of the segment is damaged');
}

/** Reads one segment and returns the number of the batch that must come next. */
async function readSegment(
  contents: WalContents,
  segment: Segment,
  { isFirst, isLast }: { isFirst: boolean; isLast: boolean },
): Promise<number> {
  if (segment.end === 0) {
    await zeroRest(segment, 0);
    return segment.firstBatch;
  }
  const { end, next } = await scanBatches(segment, (batch) => {
    const isStart = isFirst && batch.head.number === segment.firstBatch;
    takeBatch(contents, segment, { batch, isStart });
  });
  const salt = segment.salt;
  const later = await findLaterBatch(segment, end, { above: next, salt });
  if (later !== undefined) {
    const what = `the batch here is damaged, and a later one follows at ${later}`;
    throw damage(contents, { file: segment.path, offset: end }, what);
  }
  const isEmpty = next === segment.firstBatch;
  if (isLast) {
    await zeroRest(segment, isEmpty ? 0 : end);
    segment.end = isEmpty ? 0 : end;
  } else {
    if (isEmpty) throw damage(contents, { file: segment.path, offset: end }, 'it holds no batch');
    segment.end = end;
  }
  return next;
}

/**
 * Batches are numbered through all segments: one that is gone from the end of a segment is missed.
 */
function checkFollows(contents: WalContents, segment: Segment, nextBatch: number): void {
  const previous = contents.segments.at(-1);
  if (previous === undefined || segment.firstBatch === nextBatch) return;
  const what = `batch ${nextBatch} is damaged; the next segment goes on with batch ${segment.firstBatch}`;
  throw damage(contents, { file: previous.path, offset: previous.end }, what);
}

function takeBatch(
  contents: WalContents,
  segment: Segment,
  { batch, isStart }: { batch: FoundBatch; isStart: boolean },
): void {
  const { records, offset, head } = batch;
  const view = viewOf(records);
  for (const record of recordsIn(view)) {
    if (record.tag === recordTag.entries) {
      const run = readRun(view, record);
      const fault = contents.faultOfRun(run);
      if (fault !== undefined) throw damage(contents, { file: segment.path, offset }, fault);
      contents.addRun(segment, { offset, length: head.length }, run);
    } else {
      takeRecord(contents, { record, records, view, isStart });
    }
  }
}

function takeRecord(
  contents: WalContents,
  found: { record: FoundRecord; records: Uint8Array; view: DataView; isStart: boolean },
): void {
  const { record, records, view, isStart } = found;
  switch (record.tag) {
    case recordTag.state:
      if (isStart) contents.begin(stateFrom(readJson(records, record) as WalState));
      return;
    case recordTag.truncate:
      contents.truncate(readLogId(view, record));
      return;
    case recordTag.purge:
      contents.purge(readLogId(view, record));
      return;
    case recordTag.vote:
      contents.vote = voteFrom(readJson(records, record) as Vote);
      return;
    case recordTag.identity:
      contents.identity = identityFrom(readJson(records, record) as Identity);
      return;
    default:
      throw new UnsupportedError(
        `The log holds a record of kind ${record.tag}, which this version cannot read. Use the version that wrote it, or a later one.`,
      );
  }
}

/** JSON leaves out what is `undefined`. */
function stateFrom({ identity, vote, purged, last }: WalState): WalState {
  return {
    identity: identity === undefined ? undefined : identityFrom(identity),
    vote: vote === undefined ? undefined : voteFrom(vote),
    purged,
    last,
  };
}

function voteFrom({ term, votedFor }: Vote): Vote {
  return { term, votedFor };
}

function identityFrom({ cluster, node, incarnation, starts }: Identity): Identity {
  return { cluster, node, incarnation, starts };
}

/** Segments may be missing from the front only if all that was in them is purged. */
function checkStart(contents: WalContents): void {
  const { base, purged, segments } = contents;
  if (base.index <= purged.index) return;
  const file = segments[0]?.path ?? '';
  const what = `the log begins after entry ${base.index}, but only those up to ${purged.index} are purged`;
  throw damage(contents, { file, offset: 0 }, what);
}

async function zeroRest(segment: Segment, from: number): Promise<void> {
  const last = await findLastByte(segment, from);
  if (last === undefined) return;
  await segment.write([new Uint8Array(last + 1 - from)], from);
}

function damage(
  contents: WalContents,
  { file, offset }: { file: string; offset: number },
  what: string,
): DamagedError {
  const expected: LogId['index'] = contents.last.index + 1;
  return new DamagedError(
    `${file} at offset ${offset}, where entry ${expected} may begin: ${what}. ${whatToDo}.`,
    { file, offset },
  );
}
