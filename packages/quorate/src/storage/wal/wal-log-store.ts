import type { LogState, LogStore, LogWrite } from '../../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../core/types.ts';
import { EntryNotFoundError, FatalError, LockedError, StoppedError } from '../../errors.ts';
import type { FileLock, FileSystem } from '../../platform/file-system.ts';
import type { Runtime } from '../../platform/runtime.ts';
import { BatchWriter } from './batch-writer.ts';
import { faultOfRun, type WalContents } from './contents.ts';
import { makeDurableDirectory, removeLeftovers } from './directory.ts';
import { recordTag, segmentHeadBytes } from './format.ts';
import { Pauses } from './pauses.ts';
import { readEntries } from './read.ts';
import { Readers } from './read-ahead.ts';
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
import type { Segment } from './segment.ts';
import { Segments } from './segments.ts';

export interface WalLogStoreOptions {
  readonly directory: string;
  readonly files: FileSystem;
  readonly runtime: Runtime;
  readonly segmentBytes: number;
  readonly minFreeBytes: number;
  readonly preallocate: boolean;
  readonly unsafeNoSync: boolean;
  readonly blockingWrites: boolean;
}

/** The most entries that one batch takes, in bytes; larger appends are several batches. */
const maxBatchBytes = 1024 * 1024;

/** What a group holds beside its entries. */
interface BesideEntries {
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  /** The last entry that a truncation leaves. */
  readonly newEnd: LogId | undefined;
}

interface WrittenBatch {
  readonly segment: Segment;
  readonly offset: number;
  readonly length: number;
  readonly number: number;
}

/**
 * The durable log: segments of batches, each batch one write that is on the disk when it resolves.
 */
export class WalLogStore implements LogStore {
  readonly #options: WalLogStoreOptions;
  readonly #lock: FileLock;
  readonly #contents: WalContents;
  readonly #writer: BatchWriter = new BatchWriter();
  readonly #segments: Segments;
  readonly #room: Room;
  readonly #readers: Readers = new Readers();
  readonly #pauses: Pauses = new Pauses();
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
      const { contents, nextBatch } = await recoverWal(files, directory, {
        durableWrites,
        mayBlock: options.blockingWrites,
      });
      store = new WalLogStore(options, { lock, contents, nextBatch });
      await store.#segments.begin(nextBatch);
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
    this.#room = new Room(options);
    const onRoom = (hasRoom: boolean): void => this.#room.spareTried(hasRoom);
    this.#segments = new Segments({ ...options, onRoom, pauses: this.#pauses }, opened.contents);
  }

  /** `true` while the disk has less room than `minFreeBytes`, or none for the next segment. */
  get isLow(): boolean {
    return this.#room.isLow;
  }

  async readIdentity(): Promise<Identity | undefined> {
    this.#demandOpen();
    return this.#contents.identity;
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.write({ identity });
  }

  async readVote(): Promise<Vote | undefined> {
    this.#demandOpen();
    return this.#contents.vote;
  }

  saveVote(vote: Vote): Promise<void> {
    return this.write({ vote });
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

  append(entries: readonly Entry[]): Promise<void> {
    return this.write({ append: entries });
  }

  truncate(index: LogIndex): Promise<void> {
    return this.write({ truncate: index });
  }

  /**
   * One batch, as far as one may hold that many entries. What cannot be written is refused before
   * anything is.
   *
   * @throws {RangeError} if the truncation reaches purged entries, or the entries leave a gap.
   */
  async write({ identity, vote, truncate, append = [] }: LogWrite): Promise<void> {
    this.#demandWritable();
    const newEnd = this.#endAfter(truncate);
    this.#demandContinues(append, newEnd ?? this.#contents.last);
    const beside: BesideEntries = {
      identity: identity && { ...identity },
      vote: vote && { term: vote.term, votedFor: vote.votedFor },
      newEnd,
    };
    let records = recordsOf(beside);
    const [first, ...more] = sliceEntries(append, maxBatchBytes);
    if (first !== undefined) records = [...records, entriesRecord(first)];
    if (records.length === 0) return;
    const place = await this.#writeRecords(records);
    this.#take(beside);
    if (first !== undefined) this.#contents.addRun(place.segment, place, runOf(first));
    for (const slice of more) {
      const next = await this.#writeRecords([entriesRecord(slice)]);
      this.#contents.addRun(next.segment, next, runOf(slice));
    }
  }

  async purge(logId: LogId): Promise<void> {
    this.#demandWritable();
    if (logId.index <= this.#contents.purged.index) return;
    const records = [logIdRecord(recordTag.purge, logId)];
    // An emptied log is said in words that need nothing from segments that will be gone.
    if (!this.#contents.holds(logId)) records.unshift(logIdRecord(recordTag.truncate, logId));
    await this.#writeRecords(records);
    this.#contents.purge(logId);
    await this.#orFail(() => this.#segments.dropPurged());
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
      await this.#segments.close();
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
      const reader = this.#readers.take(range.from);
      const isCurrent = (): boolean => contents.generation === generation;
      const entries = await readEntries(contents.segments, range, { reader, isCurrent });
      if (entries !== undefined) this.#readers.give(reader);
      return entries;
    } catch (error) {
      this.#demandOpen();
      throw error;
    }
  }

  /** Where the log ends once it is truncated, or `undefined` if it goes no further now. */
  #endAfter(truncate: LogIndex | undefined): LogId | undefined {
    if (truncate === undefined) return undefined;
    const { purged, last } = this.#contents.state;
    if (truncate >= last.index) return undefined;
    if (truncate === purged.index) return purged;
    const term = this.#contents.termAt(truncate);
    if (truncate > purged.index && term !== undefined) return { term, index: truncate };
    throw new RangeError(
      `Cannot truncate to ${truncate}: entries up to ${purged.index} are purged.`,
    );
  }

  #demandContinues(entries: readonly Entry[], end: LogId): void {
    if (entries.length === 0) return;
    const whole = runOf({ entries, from: 0, to: entries.length, size: 0 });
    const fault = faultOfRun(whole, end) ?? faultInside(entries);
    if (fault !== undefined) throw new RangeError(`These entries cannot be appended: ${fault}.`);
  }

  #take({ identity, vote, newEnd }: BesideEntries): void {
    if (identity !== undefined) this.#contents.identity = identity;
    if (vote !== undefined) this.#contents.vote = vote;
    if (newEnd !== undefined) this.#contents.truncate(newEnd);
  }

  async #writeRecords(records: readonly WalRecord[]): Promise<WrittenBatch> {
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

  async #writeBatch(records: readonly WalRecord[]): Promise<WrittenBatch> {
    const number = this.#nextBatch;
    const segment = await this.#segments.withRoomFor(records, number);
    const all = this.#segments.recordsFor(segment, records);
    const batch = this.#writer.encode({ salt: segment.salt, number, records: all });
    const offset = segment.end;
    await this.#pauses.during(batch.length, () => segment.write([batch], offset));
    this.#nextBatch = number + 1;
    segment.end = offset + batch.length;
    // What is purged needs to be kept no longer, now that this segment repeats the state.
    if (offset === segmentHeadBytes) await this.#segments.dropPurged();
    this.#room.written();
    return { segment, offset, length: lengthOf(batch), number };
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

/** In the order in which they take effect. */
function recordsOf({ identity, vote, newEnd }: BesideEntries): readonly WalRecord[] {
  const records: WalRecord[] = [];
  if (identity !== undefined) records.push(jsonRecord(recordTag.identity, identity));
  if (vote !== undefined) records.push(jsonRecord(recordTag.vote, vote));
  if (newEnd !== undefined) records.push(logIdRecord(recordTag.truncate, newEnd));
  return records;
}

function lengthOf(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset).getUint32(16, true);
}
