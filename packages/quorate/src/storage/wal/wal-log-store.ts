import type { LogState, LogStore } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { EntryNotFoundError, FatalError, LockedError, StoppedError } from '../../errors.ts';
import type { FileLock, FileSystem } from '../../platform/file-system.ts';
import type { Runtime } from '../../platform/runtime.ts';
import { BatchWriter } from './batch-writer.ts';
import type { WalContents } from './contents.ts';
import { makeDurableDirectory } from './directory.ts';
import { align, encodeSegmentHead, recordTag, segmentHeadBytes } from './format.ts';
import { readEntries } from './read.ts';
import {
  entriesRecord,
  jsonRecord,
  logIdRecord,
  runOf,
  sliceEntries,
  type WalRecord,
} from './records.ts';
import { recoverWal } from './recover.ts';
import { Segment, segmentName } from './segment.ts';
import { fill, Spare } from './spare.ts';

export interface WalLogStoreOptions {
  readonly directory: string;
  readonly files: FileSystem;
  readonly runtime: Runtime;
  readonly segmentBytes: number;
  readonly minFreeBytes: number;
  readonly unsafeNoSync: boolean;
}

/** The most that one write takes; larger appends are several batches. */
const maxBatchBytes = 1024 * 1024;

/**
 * The durable log: segments of batches, each batch one write that is on the disk when it resolves.
 */
export class WalLogStore implements LogStore {
  readonly #options: WalLogStoreOptions;
  readonly #lock: FileLock;
  readonly #contents: WalContents;
  readonly #writer: BatchWriter = new BatchWriter();
  readonly #spare: Spare;
  #nextBatch: number;
  #failure: FatalError | undefined = undefined;
  #isClosed = false;
  #isLow = false;

  /**
   * @throws {LockedError} if another store has the directory.
   * @throws {DamagedError} if what is there is not what was written.
   */
  static async open(options: WalLogStoreOptions): Promise<WalLogStore> {
    const { files, directory } = options;
    const durableWrites = !options.unsafeNoSync;
    if (durableWrites) await makeDurableDirectory(files, directory);
    else await files.makeDirectory(directory);
    const lock = await files.lock(`${directory}/lock`);
    if (lock === undefined) {
      throw new LockedError(
        `The log in ${directory} is in use by another process, or by another store of this one. Stop that one first, or use another directory.`,
      );
    }
    try {
      const drawSalt = (): number => drawFrom(options.runtime);
      await removeLeftovers(files, directory);
      const { contents, nextBatch } = await recoverWal(files, directory, {
        durableWrites,
        drawSalt,
      });
      const store = new WalLogStore(options, { lock, contents, nextBatch });
      if (contents.segments.length === 0) await store.#addSegment(options.segmentBytes, 1);
      store.#spare.prepare();
      return store;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private constructor(
    options: WalLogStoreOptions,
    opened: { lock: FileLock; contents: WalContents; nextBatch: number },
  ) {
    this.#options = options;
    this.#lock = opened.lock;
    this.#contents = opened.contents;
    this.#nextBatch = opened.nextBatch;
    const { files, directory, runtime, segmentBytes, unsafeNoSync } = options;
    this.#spare = new Spare({
      files,
      directory,
      runtime,
      bytes: segmentBytes,
      durableWrites: !unsafeNoSync,
      onRoom: (hasRoom) => void this.#lookAtRoom(hasRoom),
    });
  }

  /** `true` while the disk has less room than `minFreeBytes`, or none for the next segment. */
  get isLow(): boolean {
    return this.#isLow;
  }

  async readIdentity(): Promise<Identity | undefined> {
    this.#demandOpen();
    return this.#contents.identity;
  }

  async saveIdentity(identity: Identity): Promise<void> {
    await this.#write([jsonRecord(recordTag.identity, identity)]);
    this.#contents.identity = { ...identity };
  }

  async readVote(): Promise<Vote | undefined> {
    this.#demandOpen();
    return this.#contents.vote;
  }

  async saveVote({ term, votedFor }: Vote): Promise<void> {
    const vote = { term, votedFor };
    await this.#write([jsonRecord(recordTag.vote, vote)]);
    this.#contents.vote = vote;
  }

  async state(): Promise<LogState> {
    this.#demandOpen();
    return this.#contents.state;
  }

  async read(
    from: LogIndex,
    to: LogIndex,
    { maxBytes = Infinity }: { maxBytes?: number } = {},
  ): Promise<Entry[]> {
    this.#demandOpen();
    if (from > to) throw new RangeError(`A range must not end (${to}) before it begins (${from}).`);
    if (from === to) return [];
    const { purged, last } = this.#contents.state;
    if (from <= purged.index) {
      throw new EntryNotFoundError(
        `Entry ${from} is purged; the log starts after ${purged.index}.`,
      );
    }
    if (to > last.index + 1) {
      throw new EntryNotFoundError(`Entry ${to - 1} is not there; the log ends at ${last.index}.`);
    }
    return readEntries(this.#contents.segments, { from, to, maxBytes });
  }

  async append(entries: readonly Entry[]): Promise<void> {
    this.#demandWritable();
    if (entries.length === 0) return;
    const whole = runOf({ entries, from: 0, to: entries.length, size: 0 });
    const fault = this.#contents.faultOfRun(whole) ?? faultInside(entries);
    if (fault !== undefined) throw new RangeError(`These entries cannot be appended: ${fault}.`);
    for (const slice of sliceEntries(entries, maxBatchBytes)) {
      const place = await this.#write([entriesRecord(slice)]);
      this.#contents.addRun(place.segment, place, runOf(slice));
    }
  }

  async truncate(index: LogIndex): Promise<void> {
    this.#demandWritable();
    const { purged, last } = this.#contents.state;
    if (index >= last.index) return;
    if (index < purged.index) {
      throw new RangeError(
        `Cannot truncate to ${index}: entries up to ${purged.index} are purged.`,
      );
    }
    const term = index === purged.index ? purged.term : this.#contents.termAt(index);
    const logId: LogId = { term: term ?? 0, index };
    await this.#write([logIdRecord(recordTag.truncate, logId)]);
    this.#contents.truncate(logId);
  }

  async purge(logId: LogId): Promise<void> {
    this.#demandWritable();
    if (logId.index <= this.#contents.purged.index) return;
    await this.#write([logIdRecord(recordTag.purge, logId)]);
    this.#contents.purge(logId);
    await this.#orFail(() => this.#dropPurgedSegments());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#spare.close();
    for (const segment of this.#contents.segments) await segment.drop();
    await this.#lock.release();
  }

  async #write(
    records: readonly WalRecord[],
  ): Promise<{ segment: Segment; offset: number; length: number }> {
    this.#demandWritable();
    return this.#orFail(() => this.#writeBatch(records));
  }

  /** Once a write has failed, what is on the disk is unknown, and stays so. */
  async #orFail<Result>(write: () => Promise<Result>): Promise<Result> {
    try {
      return await write();
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      this.#failure = new FatalError(
        `A write to the log in ${this.#options.directory} failed, and no other will be tried: ${what}`,
        { cause },
      );
      throw this.#failure;
    }
  }

  async #writeBatch(
    records: readonly WalRecord[],
  ): Promise<{ segment: Segment; offset: number; length: number }> {
    const segment = await this.#segmentFor(records);
    const isFirst = segment.end === 0;
    const all = isFirst ? [this.#stateRecord, ...records] : records;
    const number = this.#nextBatch;
    const batch = this.#writer.encode({ salt: segment.salt, number, records: all });
    const offset = isFirst ? segmentHeadBytes : segment.end;
    if (isFirst) await segment.write([encodeSegmentHead(segment), batch], 0);
    else await segment.write([batch], offset);
    this.#nextBatch = number + 1;
    segment.end = offset + batch.length;
    return { segment, offset, length: lengthOf(batch) };
  }

  get #stateRecord(): WalRecord {
    return jsonRecord(recordTag.state, this.#contents.walState);
  }

  /** Returns the segment that has room for these records, a new one if need be. */
  async #segmentFor(records: readonly WalRecord[]): Promise<Segment> {
    const active = this.#contents.segments.at(-1) as Segment;
    if (active.end > 0 && active.end + BatchWriter.sizeOf(records) <= active.size) return active;
    const first = segmentHeadBytes + BatchWriter.sizeOf([this.#stateRecord, ...records]);
    if (active.end === 0 && first <= active.size) return active;
    const size = Math.max(this.#options.segmentBytes, align(first));
    if (active.end > 0) return this.#addSegment(size, active.sequence + 1);
    // It was never written to and is too small: a larger one takes its name.
    this.#contents.segments.pop();
    await active.drop();
    return this.#addSegment(size, active.sequence);
  }

  async #addSegment(size: number, sequence: number): Promise<Segment> {
    const { files, directory, runtime, segmentBytes, unsafeNoSync } = this.#options;
    const durableWrites = !unsafeNoSync;
    const prepared =
      size === segmentBytes
        ? await this.#spare.take()
        : await fill({ files, durableWrites }, `${directory}/large.tmp`, size);
    const path = `${directory}/${segmentName(sequence)}`;
    await files.rename(prepared.path, path);
    if (durableWrites) await files.syncDirectory(directory);
    const salt = drawFrom(runtime);
    const firstBatch = this.#nextBatch;
    const segment = new Segment(prepared.file, { sequence, path, size, salt, firstBatch, end: 0 });
    this.#contents.segments.push(segment);
    if (size === segmentBytes) this.#spare.prepare();
    return segment;
  }

  /**
   * Whole segments only; the next one repeats identity, vote and purged end, and is durable. One
   * after the other, oldest first: a power cut must not leave a gap.
   */
  async #dropPurgedSegments(): Promise<void> {
    const dropped = this.#contents.takePurgedSegments();
    const { files, directory, unsafeNoSync } = this.#options;
    for (const segment of dropped) {
      await segment.drop();
      await files.unlink(segment.path);
      if (!unsafeNoSync) await files.syncDirectory(directory);
    }
  }

  async #lookAtRoom(hasRoom: boolean): Promise<void> {
    const { files, directory, minFreeBytes } = this.#options;
    try {
      this.#isLow = !hasRoom || (await files.freeBytes(directory)) < minFreeBytes;
    } catch {
      this.#isLow = true; // A disk that cannot say how much room it has is not to be relied on.
    }
  }

  #demandWritable(): void {
    this.#demandOpen();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #demandOpen(): void {
    if (this.#isClosed) {
      throw new StoppedError(`The log in ${this.#options.directory} was closed.`);
    }
  }
}

/** A salt that a file full of something else is unlikely to hold. */
function drawFrom(runtime: Runtime): number {
  return 1 + Math.floor(runtime.random() * (2 ** 32 - 1));
}

/** What was being prepared when the last process ended. */
async function removeLeftovers(files: FileSystem, directory: string): Promise<void> {
  for (const name of await files.readDirectory(directory)) {
    if (name.endsWith('.tmp')) await files.unlink(`${directory}/${name}`);
  }
}

/** Says where entries do not follow one another, or `undefined` if they all do. */
function faultInside(entries: readonly Entry[]): string | undefined {
  for (let at = 1; at < entries.length; at += 1) {
    const { index } = (entries[at] as Entry).logId;
    const before = (entries[at - 1] as Entry).logId.index;
    if (index !== before + 1) return `entry ${index} comes after entry ${before}`;
  }
  return undefined;
}

function lengthOf(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset).getUint32(16, true);
}
