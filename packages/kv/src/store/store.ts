import { KvError } from '../errors.ts';
import { type CommandVisitor, type PutAt, visitCommand } from '../protocol/commands.ts';
import { putRequestAt } from '../protocol/operations.ts';
import { ResultsWriter } from '../protocol/results.ts';
import type {
  CompactResponse,
  KvEvent,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseId,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
  Revision,
} from '../types.ts';
import { mostResultBytes } from './answer-size.ts';
import { hashBytes } from './digest.ts';
import { changeOf, eventOf } from './events.ts';
import type { FrameWriterOptions } from './frame-writer.ts';
import type { GrantedLease, StoredLease } from './lease-table.ts';
import { readRange } from './ranges.ts';
import { checkRevision, compacted, leaseExists, leaseNotFound } from './refusals.ts';
import { restoreSnapshot, type SnapshotName } from './snapshot-reader.ts';
import { writeSnapshot } from './snapshot-writer.ts';
import { KvState } from './state.ts';
import { deleteRange, putIn, runTxn } from './transactions.ts';
import type { StoredEvent } from './versions.ts';

export type { GrantedLease, StoredLease } from './lease-table.ts';
export type { SnapshotName } from './snapshot-reader.ts';
export type { StoredEvent } from './versions.ts';

/** What commands did beside their results, since it was last asked for. */
export interface StoreNews {
  /** Leases that were granted or revoked, in order. */
  readonly changedLeases: readonly LeaseId[];
  /** The hash at each operation `mark`. */
  readonly marks: readonly { readonly revision: Revision; readonly hash: string }[];
}

const noNews: StoreNews = { changedLeases: [], marks: [] };

const noBuffer: Buffer = Buffer.alloc(0);
const noView: DataView = new DataView(noBuffer.buffer);

/**
 * The key-value store: every change has a revision, and what was can be read until it is compacted.
 * It is a function of the commands that it was given: no clock, no chance, and the same on every
 * member, whether it applied them all or was restored from a snapshot of some.
 */
export class KvStore {
  #state: KvState = new KvState();
  #news: { changedLeases: LeaseId[]; marks: { revision: Revision; hash: string }[] } | undefined;
  readonly #results = new ResultsWriter();
  readonly #visitor: CommandVisitor = {
    put: (bytes, at) => this.#putAt(bytes, at),
    other: (operation) => this.#results.add(this.#resultOf(operation)),
  };
  /** A view of the bytes of the command that is being applied. */
  #bytes = noBuffer;
  #view = noView;
  /** Where in it the value of a put is; the same object for each. */
  readonly #value = { bytes: noBuffer, from: 0, to: 0, hash: 0 };
  /** The place in the log of the command that is being applied. */
  #index = 0;
  readonly #onCompacting: (() => void) | undefined;

  /** @param options `onCompacting` is told before a compaction takes effect. */
  constructor({ onCompacting }: { readonly onCompacting?: () => void } = {}) {
    this.#onCompacting = onCompacting;
  }

  /** The newest revision: 1 while nothing was ever put. */
  get revision(): Revision {
    return this.#state.revision;
  }

  /** The store can be read as of this revision and later ones, and tells what came after it. */
  get compactedRevision(): Revision {
    return this.#state.compactedRevision;
  }

  get keyCount(): number {
    return this.#state.tree.liveCount;
  }

  get leaseCount(): number {
    return this.#state.leases.count;
  }

  /**
   * Applies the operations of a command, each by itself, and returns their results. One that fails
   * changes nothing, and the others go on. If the command breaks off in the middle, which
   * `checkCommand` finds before it is logged, what came before is applied, and the last result says
   * what is wrong.
   *
   * @param index its place in the log; 0 if there is none.
   */
  apply(command: Uint8Array, index: number = 0): Uint8Array {
    this.#index = index;
    try {
      visitCommand(command, this.#visitor);
    } catch (error) {
      this.#results.add(failureOf(error));
    }
    this.#bytes = noBuffer;
    this.#view = noView;
    this.#value.bytes = noBuffer;
    this.#state.trim();
    return this.#results.finish();
  }

  /**
   * @param mostBytes of all pairs in the answer, with 40 for each beside its key and its value.
   * @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION`, `KV_INVALID`, `KV_TOO_LARGE`
   */
  range(request: RangeRequest, mostBytes: number = Infinity): RangeResponse {
    return readRange(this.#state, request, mostBytes);
  }

  lease(id: LeaseId): StoredLease | undefined {
    return this.#state.leases.get(id);
  }

  /** In the order in which they were granted. */
  leases(): Iterable<GrantedLease> {
    return this.#state.leases.all();
  }

  /**
   * What a revision changed, in order; `undefined` if it is still to come, or nothing ever changed.
   *
   * @throws {KvError} `KV_COMPACTED` if it is not above `compactedRevision`.
   */
  changesAt(revision: Revision): readonly StoredEvent[] | undefined {
    const { history, compactedRevision } = this.#state;
    if (revision <= compactedRevision) throw compacted(revision, compactedRevision);
    const versions = history.at(revision);
    return versions.length === 0 ? undefined : versions.map(changeOf);
  }

  /** The change as watchers are told it. */
  eventOf(stored: StoredEvent, options: { readonly previous: boolean }): KvEvent {
    return eventOf(stored, { ...options, compactedRevision: this.#state.compactedRevision });
  }

  /**
   * A hash of all that the store has now: live pairs, leases and revisions, in 16 hex digits. It is
   * kept up to date by every change, so asking for it costs nothing. Members at the same place of
   * the log have the same one.
   */
  hash(): string {
    return this.#state.hash();
  }

  /**
   * Freezes the state and returns it as chunks, which are made while they are read. With `reuses`
   * each is in the memory of the one before.
   */
  snapshot(options?: FrameWriterOptions): Iterable<Uint8Array> {
    return writeSnapshot(this.#state, options);
  }

  /**
   * Replaces the whole state by a snapshot's content.
   *
   * @throws {DamagedError} if that is not whole; the state is as it was.
   */
  async restore(chunks: AsyncIterable<Uint8Array>, name?: SnapshotName): Promise<void> {
    this.#state = await restoreSnapshot(chunks, name);
    this.#news = undefined;
  }

  /** What the commands did beside their results since this was called before. */
  takeNews(): StoreNews {
    const news = this.#news;
    if (news === undefined) return noNews;
    this.#news = undefined;
    return news;
  }

  /** Nearly everything is a plain put, so no object is made for it but the version itself. */
  #putAt(bytes: Buffer, at: PutAt): void {
    if (at.flags !== 0) {
      this.#results.add(this.#resultOf({ type: 'put', ...putRequestAt(bytes, at) }));
      return;
    }
    const { keyAt, keyEnd, valueEnd } = at;
    const view = this.#viewOf(bytes);
    const state = this.#state;
    const stored = state.keyFor(hashBytes(view, keyAt, keyEnd), bytes, keyAt, keyEnd);
    const value = this.#value;
    value.bytes = bytes;
    value.from = keyEnd;
    value.to = valueEnd;
    value.hash = hashBytes(view, keyEnd, valueEnd);
    this.#results.put(state.putAlone(stored, value, 0));
  }

  #viewOf(bytes: Buffer): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }

  #resultOf(operation: Operation): Result {
    try {
      return this.#run(operation);
    } catch (error) {
      return failureOf(error);
    }
  }

  #run(operation: Operation): Result {
    const state = this.#state;
    const room = mostResultBytes - this.#results.byteLength;
    switch (operation.type) {
      case 'put':
        return { type: 'put', ...this.#committed(putIn(state, operation, room)) };
      case 'delete':
        return { type: 'delete', ...this.#committed(deleteRange(state, operation, room)) };
      case 'txn':
        return { type: 'txn', ...this.#committed(runTxn(state, operation, room)) };
      case 'compact':
        return { type: 'compact', ...this.#compact(operation.revision) };
      case 'leaseGrant':
        return { type: 'leaseGrant', ...this.#grant(operation) };
      case 'leaseRevoke':
        return { type: 'leaseRevoke', ...this.#revoke(operation) };
      case 'mark':
        this.#newsNow().marks.push({ revision: state.revision, hash: state.hash() });
        return { type: 'mark', revision: state.revision };
    }
  }

  #committed<Response>(response: Response): Response {
    this.#state.commit();
    return response;
  }

  #compact(revision: Revision): CompactResponse {
    const state = this.#state;
    checkRevision(state, revision);
    const { compactedRevision } = state;
    if (revision <= compactedRevision) throw compacted(revision, compactedRevision);
    this.#onCompacting?.();
    state.compact(revision);
    return { revision: state.revision };
  }

  #grant({ id = 0, ttl }: LeaseGrantRequest): LeaseGrantResponse {
    const { leases, revision } = this.#state;
    if (leases.has(id)) throw leaseExists(id);
    const chosen = id === 0 ? leases.chooseId() : id;
    leases.add({ id: chosen, ttl, grantedAt: this.#index });
    this.#newsNow().changedLeases.push(chosen);
    return { revision, id: chosen, ttl };
  }

  /** One that was granted anew under the id is another lease than was meant. */
  #revoke({ id, grantedAt = 0 }: LeaseRevokeRequest & { grantedAt?: number }): LeaseRevokeResponse {
    const state = this.#state;
    const lease = state.leases.get(id);
    const isAnother = grantedAt !== 0 && lease?.grantedAt !== 0 && lease?.grantedAt !== grantedAt;
    if (lease === undefined || isAnother) throw leaseNotFound(id);
    const attached = state.leases.attachedTo(id);
    for (const stored of attached) state.delete(stored);
    state.leases.remove(id);
    this.#newsNow().changedLeases.push(id);
    return { revision: state.commit(), deleted: attached.length };
  }

  #newsNow(): { changedLeases: LeaseId[]; marks: { revision: Revision; hash: string }[] } {
    this.#news ??= { changedLeases: [], marks: [] };
    return this.#news;
  }
}

/** What an operation cannot do is a result; anything else that is thrown is our bug. */
function failureOf(error: unknown): Result {
  if (!(error instanceof KvError)) throw error;
  return { type: 'error', code: error.code, message: error.message };
}
