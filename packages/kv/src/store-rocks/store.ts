import type { RocksState } from '@quorate/rocksdb';
import type { LibraryRecord } from 'quorate';
import type { ByteString } from '../bytes.ts';
import type { FrameWriterOptions } from '../store/frame-writer.ts';
import type { GrantedLease } from '../store/lease-table.ts';
import { compacted } from '../store/refusals.ts';
import type { SnapshotName } from '../store/snapshot-reader.ts';
import type { KvEvent, LeaseId, RangeRequest, RangeResponse, Revision } from '../types.ts';
import { Cursor } from './cursor.ts';
import { type Change, Draft } from './draft.ts';
import { liveness, rowsOf } from './draft-rows.ts';
import { eventOf } from './events.ts';
import { hashOfParts, isOver, openParts, type Parts } from './opening.ts';
import { PastReader } from './past-reader.ts';
import { checkRequest, readRange } from './reading.ts';
import { fillFromSnapshot } from './restoring.ts';
import { attachedRows, keyOfAttachedRow } from './rows.ts';
import { writeSnapshot } from './snapshot-writer.ts';
import { Tail } from './tail.ts';
import { View } from './view.ts';

export interface RocksStoreOptions {
  /** Told before a compaction takes effect. */
  readonly onCompacting?: (() => void) | undefined;
  /** The newest changes are kept in memory up to so many bytes, for watchers. Default 16 MiB. */
  readonly tailBytes?: number | undefined;
}

/** A lease; the keys that are attached to it are read from the disk. */
export interface LeaseOnDisk extends GrantedLease {
  readonly keys: Promise<readonly ByteString[]>;
}

const defaultTailBytes = 16 * 1024 * 1024;

/**
 * The key-value store with everything on the disk but leases and the newest changes. What it
 * answers is that of `KvStore`, byte for byte; what must be read is a promise. Reads see the state
 * as it was after the newest batch when they were asked, however long they take.
 */
export class RocksKvStore {
  readonly #state: RocksState;
  readonly #options: RocksStoreOptions;
  #parts: Parts;
  #view: View;
  #tail: Tail;
  /** The same as that of the view but for the moment in which `onCompacting` is told. */
  #compactedRevision: Revision;
  /** Keys that came or went with the last batch. */
  #moved: readonly ByteString[] = [];
  #restoring: Promise<unknown> | undefined;
  #failure: Error | undefined;

  private constructor(state: RocksState, parts: Parts, options: RocksStoreOptions) {
    this.#state = state;
    this.#options = options;
    this.#parts = parts;
    this.#view = this.#newView(parts);
    this.#tail = this.#newTail();
    this.#compactedRevision = parts.compactedRevision;
  }

  /** @throws {DamagedError} if what is there cannot be read. */
  static async open(state: RocksState, options: RocksStoreOptions = {}): Promise<RocksKvStore> {
    const failed: { with: (error: unknown) => void } = { with: () => undefined };
    const parts = await openParts(state, (error) => failed.with(error));
    const store = new RocksKvStore(state, parts, options);
    failed.with = (error) => store.#fail(error);
    parts.trimmer.trimTo(parts.compactedRevision);
    return store;
  }

  get revision(): Revision {
    return this.#view.revision;
  }

  get compactedRevision(): Revision {
    return this.#compactedRevision;
  }

  get keyCount(): number {
    return this.#parts.counts.total;
  }

  get leaseCount(): number {
    return this.#parts.book.leases.size;
  }

  /** The changes of this revision and of later ones are in memory. */
  get heldFrom(): Revision {
    return this.#tail.from;
  }

  hash(): string {
    return this.#view.hash;
  }

  /** @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION`, `KV_INVALID`, `KV_TOO_LARGE` */
  range(request: RangeRequest, mostBytes: number = Infinity): Promise<RangeResponse> {
    checkRequest(this.#view, request);
    return this.#reading((view) => readRange(view, request, mostBytes));
  }

  lease(id: LeaseId): LeaseOnDisk | undefined {
    const lease = this.#parts.book.leases.get(id);
    if (lease === undefined) return undefined;
    const { ttl, grantedAt } = lease;
    const keys = (): Promise<readonly ByteString[]> => this.#attachedTo(id);
    return {
      id,
      ttl,
      grantedAt,
      // Most who ask want the time alone.
      get keys() {
        return keys();
      },
    };
  }

  /** In the order in which they were granted. */
  *leases(): Generator<GrantedLease> {
    for (const { id, ttl, grantedAt } of this.#parts.book.leases.values()) {
      yield { id, ttl, grantedAt };
    }
  }

  /**
   * What a revision changed, in order, if that is still in memory.
   *
   * @throws {KvError} `KV_COMPACTED`
   */
  changesAt(revision: Revision): readonly Change[] | undefined {
    const { compactedRevision } = this;
    if (revision <= compactedRevision) throw compacted(revision, compactedRevision);
    return this.#tail.at(revision);
  }

  eventOf(change: Change, { previous }: { readonly previous: boolean }): KvEvent {
    return eventOf(change, { previous, compactedRevision: this.compactedRevision });
  }

  /** What reads older changes from the disk; its `done` must be called. */
  readPast(): PastReader {
    return new PastReader(this.#view);
  }

  /** Freezes the state and returns it as chunks, which are made while they are read. */
  snapshot(options?: FrameWriterOptions): AsyncIterableIterator<Uint8Array> {
    const { nextId: nextLeaseId } = this.#parts.book;
    const leases = [...this.leases()];
    return writeSnapshot({ view: this.#view, leases, nextLeaseId }, options);
  }

  /** What a batch of commands is applied to. One at a time, and `take` ends it. */
  async draft(): Promise<Draft> {
    if (this.#failure !== undefined) throw this.#failure;
    const view = this.#view;
    await this.#parts.counts.balance(this.#moved, view.moment);
    return new Draft({ view, digests: this.#parts.digests, book: this.#parts.book });
  }

  /** Writes what a draft has come to, together with the records, and makes it the state. */
  async take(draft: Draft, records: readonly LibraryRecord[]): Promise<void> {
    const { counts, trimmer } = this.#parts;
    await this.#state.write(rowsOf(draft, counts), records);
    counts.written();
    const moved: ByteString[] = [];
    for (const [key, by] of liveness(draft)) {
      counts.change(key, by);
      moved.push(key);
    }
    this.#moved = moved;
    const { revision, compactedRevision, digests } = draft;
    const book = draft.leases.finish();
    this.#parts = { counts, trimmer, book, digests, revision, compactedRevision };
    const old = this.#view;
    this.#view = this.#newView(this.#parts);
    for (const changed of draft.history) this.#tail.push(changed);
    if (compactedRevision > this.#compactedRevision) {
      this.#options.onCompacting?.();
      this.#compactedRevision = compactedRevision;
      trimmer.trimTo(compactedRevision);
    }
    await old.replaced();
  }

  /** Lets go of changes in memory that are more than there is room for, once they were told. */
  trimTail(): void {
    this.#tail.trim();
  }

  /**
   * Replaces the whole state by a snapshot's content, and all records.
   *
   * @throws {DamagedError} if that is not whole; the state is as it was.
   */
  async restore(
    chunks: AsyncIterable<Uint8Array>,
    name: SnapshotName,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const restoring = this.#restore(chunks, name, records);
    this.#restoring = restoring.catch(() => undefined);
    try {
      await restoring;
    } finally {
      this.#restoring = undefined;
    }
  }

  /** Resolves once what was compacted is removed from the disk. */
  async trimmed(): Promise<void> {
    await this.#parts.trimmer.idle();
  }

  /** Ends what runs beside; the state is the caller's to close. */
  async close(): Promise<void> {
    await this.#restoring;
    await this.#parts.trimmer.close();
  }

  async #restore(
    chunks: AsyncIterable<Uint8Array>,
    name: SnapshotName,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    await this.#parts.trimmer.close();
    try {
      await this.#state.replace((next) => fillFromSnapshot(next, chunks, name), records);
    } finally {
      // Also the old one has to be trimmed on.
      const old = this.#view;
      this.#parts = await openParts(this.#state, (error) => this.#fail(error));
      this.#view = this.#newView(this.#parts);
      this.#tail = this.#newTail();
      this.#moved = [];
      this.#compactedRevision = this.#parts.compactedRevision;
      this.#parts.trimmer.trimTo(this.#compactedRevision);
      await old.replaced();
    }
  }

  /** The disk fails: nothing more is applied. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  #newView({ revision, compactedRevision, digests, book, counts }: Parts): View {
    const hash = hashOfParts({ revision, compactedRevision, digests, book });
    const numbers = { revision, compactedRevision, hash };
    return new View(this.#state.freeze(), numbers, counts);
  }

  #newTail(): Tail {
    return new Tail(this.#view.revision + 1, this.#options.tailBytes ?? defaultTailBytes);
  }

  /** Reads one view; if a snapshot has replaced that meanwhile, the new one. */
  async #reading<Result>(read: (view: View) => Promise<Result>): Promise<Result> {
    for (;;) {
      const view = this.#view;
      view.use();
      try {
        return await read(view);
      } catch (error) {
        const wasReplaced = this.#restoring !== undefined || view !== this.#view;
        if (!wasReplaced || !isOver(error)) throw error;
      } finally {
        await view.done();
      }
      await this.#restoring;
    }
  }

  #attachedTo(lease: LeaseId): Promise<readonly ByteString[]> {
    return this.#reading(async ({ moment }) => {
      const keys: ByteString[] = [];
      const rows = new Cursor(moment, attachedRows(lease));
      for (;;) {
        if (rows.needsLoad) await rows.load();
        if (rows.entry === undefined) return keys;
        keys.push(keyOfAttachedRow(rows.entry[0]));
        rows.next();
      }
    });
  }
}
