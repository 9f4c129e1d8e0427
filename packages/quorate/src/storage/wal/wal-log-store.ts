import type { LogState, LogStore } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { EntryNotFoundError, FatalError, LockedError, StoppedError } from '../../errors.ts';
import type { FileLock, FileSystem } from '../../platform/file-system.ts';
import type { Runtime } from '../../platform/runtime.ts';
import { BatchWriter } from './batch-writer.ts';
import type { WalContents } from './contents.ts';
import { makeDurableDirectory, removeLeftovers } from './directory.ts';
import { align, encodeSegmentHead, recordTag, segmentHeadBytes } from './format.ts';
import { readEntries } from './read.ts';
import {
  entriesRecord,
  faultInside,
  jsonRecord,
  logIdRecord,
  runOf,
  sliceEntries,
  type WalRecord,
} from './records.ts';
import { recoverWal } from './recover.ts';
import { Room } from './room.ts';
import { drawSalt, Segment, segmentName } from './segment.ts';
import { fill, Spare } from './spare.ts';

export interface WalLogStoreOptions {
  readonly directory: string;
  readonly files: FileSystem;
  readonly runtime: Runtime;
  readonly segmentBytes: number;
  readonly minFreeBytes: number;
  readonly preallocate: boolean;
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
  readonly #room: Room;
  #nextBatch: number;
  #failure: FatalError | undefined = undefined;
  /** The write under way; the lock is held until it has ended. */
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined = undefined;
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
    let store: WalLogStore | undefined;
    try {
      await removeLeftovers(files, directory);
      const { contents, nextBatch } = await recoverWal(files, directory, { durableWrites });
      store = new WalLogStore(options, { lock, contents, nextBatch });
      if (contents.segments.length === 0) await store.#addSegment(options.segmentBytes, 1);
      if (options.preallocate) store.#spare.prepare();
      await store.#room.look();
      return store;
    } catch (error) {
      await (store === undefined ? lock.release() : store[Symbol.asyncDispose]());
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
    this.#room = new Room(options);
    this.#spare = new Spare({
      files,
      directory,
      runtime,
      bytes: segmentBytes,
      durableWrites: !unsafeNoSync,
      onRoom: (hasRoom) => this.#room.spareTried(hasRoom),
    });
  }

  /** `true` while the disk has less room than `minFreeBytes`, or none for the next segment. */
  get isLow(): boolean {
    return this.#room.isLow;
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
    for (;;) {
      this.#demandOpen();
      if (from > to) {
        throw new RangeError(`A range must not end (${to}) before it begins (${from}).`);
      }
      if (from === to) return [];
      this.#demandEntries(from, to);
      const entries = await this.#tryRead({ from, to, maxBytes });
      if (entries !== undefined) return entries;
    }
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
    const records = [logIdRecord(recordTag.purge, logId)];
    // An emptied log is said in words that need nothing from segments that will be gone.
    if (!this.#contents.holds(logId)) records.unshift(logIdRecord(recordTag.truncate, logId));
    await this.#write(records);
    this.#contents.purge(logId);
    await this.#orFail(() => this.#dropPurgedSegments());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** What is under way ends first: until then nobody else may have the directory. */
  async #close(): Promise<void> {
    this.#room.close();
    try {
      await this.#busy;
      await this.#spare.close();
      for (const segment of this.#contents.segments) await segment.drop();
    } finally {
      await this.#lock.release();
    }
  }

  /** @throws {EntryNotFoundError} if not all of the range is there. */
  #demandEntries(from: LogIndex, to: LogIndex): void {
    const { purged, last } = this.#contents.state;
    if (from <= purged.index) {
      throw new EntryNotFoundError(
        `Entry ${from} is purged; the log starts after ${purged.index}.`,
      );
    }
    if (to > last.index + 1) {
      throw new EntryNotFoundError(`Entry ${to - 1} is not there; the log ends at ${last.index}.`);
    }
  }

  /**
   * Returns `undefined` if entries went while they were read: then the range has to be looked at
   * anew.
   */
  async #tryRead(range: {
    from: LogIndex;
    to: LogIndex;
    maxBytes: number;
  }): Promise<Entry[] | undefined> {
    const contents = this.#contents;
    const { generation } = contents;
    try {
      return await readEntries(contents.segments, range, () => contents.generation === generation);
    } catch (error) {
      this.#demandOpen();
      throw error;
    }
  }

  async #write(
    records: readonly WalRecord[],
  ): Promise<{ segment: Segment; offset: number; length: number }> {
    this.#demandWritable();
    return this.#orFail(() => this.#writeBatch(records));
  }

  /** Once a write has failed, what is on the disk is unknown, and stays so. */
  async #orFail<Result>(write: () => Promise<Result>): Promise<Result> {
    const writing = write();
    this.#busy = writing.catch(() => undefined);
    try {
      return await writing;
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
    const isFirst = segment.end === segmentHeadBytes;
    const all = isFirst ? [this.#stateRecord, ...records] : records;
    const number = this.#nextBatch;
    const batch = this.#writer.encode({ salt: segment.salt, number, records: all });
    const offset = segment.end;
    await segment.write([batch], offset);
    this.#nextBatch = number + 1;
    segment.end = offset + batch.length;
    // What is purged needs to be kept no longer, now that this segment repeats the state.
    if (isFirst) await this.#dropPurgedSegments();
    this.#room.written();
    return { segment, offset, length: lengthOf(batch) };
  }

  get #stateRecord(): WalRecord {
    return jsonRecord(recordTag.state, this.#contents.walState);
  }

  /** Returns the segment that has room for these records, a new one if need be. */
  async #segmentFor(records: readonly WalRecord[]): Promise<Segment> {
    const active = this.#contents.segments.at(-1);
    const isUnused = active?.end === segmentHeadBytes;
    const needed = isUnused ? this.#firstSizeOf(records) : BatchWriter.sizeOf(records);
    if (active !== undefined && active.end + needed <= active.size) return active;
    const first = this.#firstSizeOf(records);
    const size = Math.max(this.#options.segmentBytes, align(segmentHeadBytes + first));
    return this.#addSegment(size, (active?.sequence ?? 0) + 1);
  }

  #firstSizeOf(records: readonly WalRecord[]): number {
    return BatchWriter.sizeOf([this.#stateRecord, ...records]);
  }

  /** Makes a segment; its name and its head are durable before anything is written to it. */
  async #addSegment(size: number, sequence: number): Promise<Segment> {
    const { files, directory, runtime, segmentBytes, unsafeNoSync } = this.#options;
    const durableWrites = !unsafeNoSync;
    const prepared =
      size === segmentBytes
        ? await this.#spare.take()
        : await fill({ files, durableWrites }, `${directory}/large.tmp`, size);
    try {
      const path = `${directory}/${segmentName(sequence)}`;
      await files.rename(prepared.path, path);
      if (durableWrites) await files.syncDirectory(directory);
      const head = { salt: drawSalt(runtime), sequence, firstBatch: this.#nextBatch };
      await prepared.file.write([encodeSegmentHead(head)], 0);
      const segment = new Segment(prepared.file, { ...head, path, size, end: segmentHeadBytes });
      this.#contents.segments.push(segment);
      if (size === segmentBytes && this.#options.preallocate) this.#spare.prepare();
      return segment;
    } catch (error) {
      await prepared.file.close();
      throw error;
    }
  }

  /**
   * Whole segments only; the next one repeats identity, vote and purged end, and is durable. One
   * after the other, oldest first: a power cut must not leave a gap.
   */
  async #dropPurgedSegments(): Promise<void> {
    const dropped = this.#contents.takePurgedSegments();
    const { files, directory, unsafeNoSync } = this.#options;
    for (const segment of dropped) await segment.drop();
    for (const segment of dropped) {
      await files.unlink(segment.path);
      if (!unsafeNoSync) await files.syncDirectory(directory);
    }
  }

  #demandWritable(): void {
    this.#demandOpen();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #demandOpen(): void {
    if (this.#closed !== undefined) {
      throw new StoppedError(`The log in ${this.#options.directory} was closed.`);
    }
  }
}

function lengthOf(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset).getUint32(16, true);
}
