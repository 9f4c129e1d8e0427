import type { Identity, LogId, Vote } from '../../core/types.ts';
import { DamagedError, UnsupportedError } from '../../errors.ts';
import type { FileSystem, OpenOptions } from '../../platform/file-system.ts';
import { mark } from '../../platform/sites.ts';
import { WalContents } from './contents.ts';
import { decodeSegmentHead, recordTag, segmentHeadBytes, versionIn, viewOf } from './format.ts';
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

/** How segments are written from now on. */
type WritingOptions = Readonly<Required<Pick<OpenOptions, 'durableWrites' | 'mayBlock'>>>;

/**
 * Reads the segments of a directory. A torn end is zeroed, durably, so that nothing of it can come
 * back; everything else that is wrong is refused, and then nothing is changed.
 *
 * @throws {DamagedError} that names file, offset and the entry that is expected there.
 * @throws {UnsupportedError} if another version wrote it.
 */
export async function recoverWal(
  files: FileSystem,
  directory: string,
  options: WritingOptions,
): Promise<RecoveredWal> {
  const contents = new WalContents();
  try {
    const sequences = sequencesOf(await files.readDirectory(directory));
    let nextBatch = 1;
    let headless: string | undefined;
    for (const [at, sequence] of sequences.entries()) {
      const path = `${directory}/${segmentName(sequence)}`;
      checkSequence(contents, { path, sequence, previous: sequences[at - 1] });
      const isLast = at === sequences.length - 1;
      const known = { ...options, path, sequence, isLast };
      const segment = await openSegment(files, contents, known);
      if (segment === undefined) headless = path;
      else nextBatch = await readSegment(contents, segment, { nextBatch, isLast });
    }
    checkStart(contents);
    await cleanEnd(files, directory, { contents, headless });
    return { contents, nextBatch };
  } catch (error) {
    for (const segment of contents.segments) await segment.drop();
    throw error;
  }
}

function sequencesOf(names: readonly string[]): number[] {
  const sequences = names.map(sequenceOf).filter((sequence) => sequence !== undefined);
  return sequences.sort((a, b) => a - b);
}

function checkSequence(
  contents: WalContents,
  { path, sequence, previous }: { path: string; sequence: number; previous: number | undefined },
): void {
  if (previous === undefined || sequence === previous + 1) return;
  const what = `the segment before it is missing (number ${sequence - 1})`;
  throw damage(contents, { file: path, offset: 0 }, what);
}

/** Opens a segment, or returns `undefined` for one that was made and got no head: the last. */
async function openSegment(
  files: FileSystem,
  contents: WalContents,
  known: WritingOptions & { path: string; sequence: number; isLast: boolean },
): Promise<Segment | undefined> {
  const { path, sequence, durableWrites, mayBlock, isLast } = known;
  const file = await files.open(path, { mode: 'write', durableWrites, mayBlock });
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
    const end = segmentHeadBytes;
    if (head?.sequence === sequence) {
      return new Segment(file, { ...head, path, size, end });
    }
    const empty = new Segment(file, { sequence, path, size, salt: 0, firstBatch: 0, end: 0 });
    // The head is durable before anything follows it: with something there, it was right once.
    const isUnused = isLast && (await findLastByte(empty, end)) === undefined;
    if (head !== undefined || !isUnused) {
      throw damage(contents, { file: path, offset: 0 }, 'the head of the segment is damaged');
    }
    await file.close();
    return undefined;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads one segment and returns the number of the batch that must come next. */
async function readSegment(
  contents: WalContents,
  segment: Segment,
  { nextBatch, isLast }: { nextBatch: number; isLast: boolean },
): Promise<number> {
  const previous = contents.segments.at(-1);
  contents.segments.push(segment);
  if (previous !== undefined) checkFollows(contents, { previous, segment, nextBatch });
  const { end, next } = await scanBatches(segment, (batch) => takeBatch(contents, segment, batch));
  segment.end = end;
  // Only the last write of all can be torn; in other segments nothing follows the last batch.
  const more = isLast
    ? (await findLaterBatch(segment, end, next))?.offset
    : await findLastByte(segment, end);
  if (more !== undefined) {
    const what = `the batch here is damaged, and more follows up to ${more}`;
    throw damage(contents, { file: segment.path, offset: end }, what);
  }
  return next;
}

/** Removes what a power cut left of a write: the rest of a batch, or a segment without a head. */
async function cleanEnd(
  files: FileSystem,
  directory: string,
  { contents, headless }: { contents: WalContents; headless: string | undefined },
): Promise<void> {
  if (headless !== undefined) {
    mark('wal.segmentWithoutHead');
    await files.unlink(headless);
    await files.syncDirectory(directory);
    return;
  }
  const segment = contents.segments.at(-1);
  const last = segment && (await findLastByte(segment, segment.end));
  if (segment === undefined || last === undefined) return;
  mark('wal.tornEnd');
  await segment.write([new Uint8Array(last + 1 - segment.end)], segment.end);
}

/**
 * Batches are numbered through all segments: one that is gone from the end of a segment is missed.
 */
function checkFollows(
  contents: WalContents,
  found: { previous: Segment; segment: Segment; nextBatch: number },
): void {
  const { previous, segment, nextBatch } = found;
  if (segment.firstBatch === nextBatch) return;
  const what = `batch ${nextBatch} is damaged; the next segment goes on with batch ${segment.firstBatch}`;
  throw damage(contents, { file: previous.path, offset: previous.end }, what);
}

function takeBatch(contents: WalContents, segment: Segment, batch: FoundBatch): void {
  const { records, offset, head } = batch;
  const view = viewOf(records);
  for (const record of recordsIn(view)) {
    if (record.tag === recordTag.entries) {
      const run = readRun(view, record);
      const fault = contents.faultOfRun(run);
      if (fault !== undefined) throw damage(contents, { file: segment.path, offset }, fault);
      const { length, number } = head;
      contents.addRun(segment, { offset, length, number }, run);
    } else {
      takeRecord(contents, { record, records, view });
    }
  }
}

function takeRecord(
  contents: WalContents,
  found: { record: FoundRecord; records: Uint8Array; view: DataView },
): void {
  const { record, records, view } = found;
  switch (record.tag) {
    case recordTag.state:
      // Each segment repeats the state; only the first one that is there tells something new.
      if (!contents.hasBegun) contents.begin(stateFrom(readJson(records, record) as WalState));
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

function identityFrom({ cluster, node, incarnation, starts, formerly }: Identity): Identity {
  const identity = { cluster, node, incarnation, starts };
  return formerly === undefined ? identity : { ...identity, formerly };
}

/** Segments may be missing from the front only if all that was in them is purged. */
function checkStart(contents: WalContents): void {
  const { base, purged, segments, hasBegun } = contents;
  const [first] = segments;
  if (first === undefined) return;
  const place = { file: first.path, offset: first.end };
  if (!hasBegun && first.firstBatch > 1) {
    throw damage(contents, place, 'the first batch that is left is damaged');
  }
  if (base.index <= purged.index) return;
  const what = `the log begins after entry ${base.index}, but only those up to ${purged.index} are purged`;
  throw damage(contents, place, what);
}

function damage(
  contents: WalContents,
  { file, offset }: { file: string; offset: number },
  what: string,
): DamagedError {
  const expected: LogId['index'] = contents.last.index + 1;
  return new DamagedError(
    `${file} at offset ${offset}, where entry ${expected} may begin: ${what}. ${whatToDo}.`,
    { file, offset, index: expected },
  );
}
