import { KvError } from '../errors.ts';
import type {
  DeleteRequest,
  KvStatus,
  LeaseId,
  LeaseTimeToLive,
  MemberStatus,
  RangeRequest,
  RangeResponse,
  Revision,
  TxnRequest,
  TxnResponse,
  WatchBatch,
  WatchRequest,
} from '../types.ts';
import type { Cluster, MemberReport, StatusOptions } from './cluster.ts';
import type { Entry } from './entry.ts';
import type { Lease } from './lease.ts';
import {
  compare,
  type DeleteAnswer,
  type DeleteOptions,
  deleteRequest,
  expect,
  op,
  type Page,
  type PageOptions,
  type PutAnswer,
  type PutOptions,
  pageRequest,
  putRequest,
  readDelete,
  readEntry,
  readPage,
  readPut,
} from './operations.ts';
import { type ClientOptions, ClientParts } from './parts.ts';
import { WithRecipes } from './recipes/with-recipes.ts';
import type { ClientRuntime } from './runtime.ts';
import { readPages, type ScanOptions } from './scan.ts';
import { bytesFrom, type Keys, keyFrom, rangeFrom, type Text } from './text.ts';
import type { Wire } from './transport.ts';
import type { Waiting } from './turn-message.ts';
import { Txn } from './txn.ts';
import { Watch } from './watch.ts';
import { type WatchOptions, watchRequest } from './watch-options.ts';
import type { Accepted } from './writes.ts';

/** How a call waits. */
export interface CallOptions {
  /** Once it aborts, the call rejects with its reason. A write may take effect all the same. */
  readonly signal?: AbortSignal | undefined;
  /** How long it is tried, in milliseconds. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

export interface ReadOptions extends CallOptions {
  /** What the member that is asked has, at once; it may be old. Default: what is newest. */
  readonly serializable?: boolean | undefined;
}

export interface IfRevision {
  /** Only if this revision changed the key last; 0: only if there is no such key. */
  readonly ifRevision: Revision;
}

export interface ConditionalAnswer {
  /** Whether the condition held, so that it was done. */
  readonly succeeded: boolean;
  /** The revision that this made, or the newest one. */
  readonly revision: Revision;
  /** What is there instead, if the condition did not hold and there is something. */
  readonly current?: Entry;
}

/**
 * A client of a cluster, whichever way it reaches it. Keys and values are bytes: a string means its
 * UTF-8. All calls of one turn of the event loop travel together.
 *
 * Writes take effect once, however often they have to be sent: each message has a number of a
 * session. A write that fails with `maybeApplied` may have taken effect or not. Calls that are not
 * awaited one after the other may take effect in any order.
 *
 * Everything rejects with a `KvError`, with the reason of the signal, or for a wrong argument with
 * a `TypeError` or a `RangeError`.
 */
export abstract class BaseClient extends WithRecipes implements AsyncDisposable {
  /** Who the members are and how they do; and changes of them. */
  readonly cluster: Cluster;
  readonly #parts: ClientParts;
  readonly #waiting: Waiting;

  protected constructor(wire: Wire, runtime: ClientRuntime, options: ClientOptions) {
    super();
    this.#parts = new ClientParts(wire, runtime, options);
    this.#waiting = { timeoutMs: this.#parts.timeoutMs };
    this.cluster = this.#parts.cluster((how) => this.#waits(how));
  }

  /** Puts the pair; with `ifRevision`, only if nobody has changed the key since. */
  put(
    key: Text,
    value: Text,
    options: PutOptions & CallOptions & IfRevision,
  ): Promise<ConditionalAnswer>;
  put(key: Text, value: Text, options?: PutOptions & CallOptions): Promise<PutAnswer>;
  put(
    key: Text,
    value: Text,
    options?: PutOptions & CallOptions & Partial<IfRevision>,
  ): Promise<PutAnswer | ConditionalAnswer> {
    try {
      const { writes } = this.#parts;
      if (options === undefined) {
        const operation = {
          type: 'put',
          key: keyFrom(key),
          value: bytesFrom(value, 'value'),
        } as const;
        return writes.write(operation, readPutResult, this.#waiting);
      }
      const { ifRevision } = options;
      if (ifRevision !== undefined) {
        const { compare: holds, get } = this.#condition(key, ifRevision);
        const put = op.put(key, value, options);
        return conditional(this.txn().if(holds).then(put).else(get).commit(options));
      }
      const request = putRequest(key, value, options);
      return writes.write({ type: 'put', ...request }, readPutResult, this.#waits(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The entry, or `undefined` if there is none. */
  get(
    key: Text,
    options?: ReadOptions & { readonly revision?: Revision | undefined },
  ): Promise<Entry | undefined> {
    try {
      const { reads } = this.#parts;
      if (options === undefined)
        return reads.range({ key: keyFrom(key) }, readEntry, this.#waiting);
      const { revision, serializable } = options;
      const request = { key: keyFrom(key), ...(revision === undefined ? {} : { revision }) };
      return reads.range(request, readEntry, { ...this.#waits(options), serializable });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Deletes all of the keys, at one revision; with `ifRevision`, one that nobody has changed. */
  delete(key: Text, options: CallOptions & IfRevision): Promise<ConditionalAnswer>;
  delete(keys: Keys, options?: DeleteOptions & CallOptions): Promise<DeleteAnswer>;
  async delete(
    keys: Keys,
    options: DeleteOptions & CallOptions & Partial<IfRevision> = {},
  ): Promise<DeleteAnswer | ConditionalAnswer> {
    const { ifRevision } = options;
    if (ifRevision !== undefined) {
      const { compare: holds, get, key } = this.#condition(keys, ifRevision);
      return conditional(this.txn().if(holds).then(op.delete(key)).else(get).commit(options));
    }
    const request: DeleteRequest = deleteRequest(keys, options);
    const waiting = this.#waits(options);
    return this.#parts.writes.write({ type: 'delete', ...request }, readDeleteResult, waiting);
  }

  /**
   * The entries in the order of their keys, in pages. All pages are read as of one revision, that
   * of the first page.
   *
   * @throws {KvError} `KV_COMPACTED` if that revision is compacted before the last page is read.
   */
  range(keys: Keys, options: ScanOptions = {}): AsyncGenerator<Entry, undefined, undefined> {
    return readPages((request, waiting) => this.read(request, waiting), keys, options);
  }

  /** One page, also in another order than that of the keys. */
  async page(keys: Keys, options: PageOptions & ReadOptions = {}): Promise<Page> {
    return readPage(await this.read(pageRequest(keys, options), options));
  }

  /** How many keys there are. */
  async count(
    keys: Keys,
    options: ReadOptions & { readonly revision?: Revision | undefined } = {},
  ): Promise<number> {
    const { revision } = options;
    const request = { ...rangeFrom(keys), ...(revision === undefined ? {} : { revision }) };
    return (await this.read({ ...request, countOnly: true }, options)).count;
  }

  /** Begins a transaction: `kv.txn().if(...).then(...).else(...).commit()`. */
  txn(): Txn {
    const send = (request: TxnRequest, options: CallOptions): Promise<TxnResponse> =>
      this.commit(request, options);
    return new Txn(send, { compare: [], then: [], else: [] });
  }

  /**
   * Tells every change of these keys, whole revisions in order. It goes on at another member when
   * one fails, without a gap or a repetition.
   *
   * Reading rejects with `KV_COMPACTED` if what comes next is gone; `details.from` is a revision
   * that is still there. A slow reader holds a megabyte or so; the rest waits at the member.
   */
  watch(options: WatchOptions): Watch {
    const { watches } = this.#parts;
    const { batches, ready, position } = watches.open(watchRequest(options), options.signal);
    return new Watch(batches, ready, position);
  }

  /**
   * A lease of so many whole seconds, which is kept alive from now on. `signal` and `timeoutMs` are
   * for the grant.
   */
  override async grantLease(
    ttlSeconds: number,
    options: CallOptions & { readonly id?: LeaseId | undefined } = {},
  ): Promise<Lease> {
    const { id } = options;
    const request = { ttl: ttlSeconds, ...(id === undefined ? {} : { id }) };
    return this.#parts.leases.grant(request, this.#waits(options));
  }

  /** Keeps a lease alive from now on that somebody else has granted. */
  lease(id: LeaseId, options: CallOptions = {}): Promise<Lease> {
    return this.#parts.leases.adopt(id, this.#waits(options));
  }

  /** How long a lease lives yet, and the keys that are attached to it. */
  leaseTimeToLive(
    id: LeaseId,
    { keys = false, ...options }: CallOptions & { readonly keys?: boolean } = {},
  ): Promise<LeaseTimeToLive> {
    return this.#parts.leases.timeToLive(id, { keys, ...this.#waits(options) });
  }

  /** Ends a lease, and deletes its keys. Resolves as well if there is no such lease. */
  revokeLease(id: LeaseId, options: CallOptions = {}): Promise<void> {
    return this.#parts.leases.revokeById(id, this.#waits(options));
  }

  /** All leases of the store. */
  leases(options: CallOptions = {}): Promise<readonly LeaseId[]> {
    return this.#parts.cold.run(
      ({ transport }, timeoutMs) => transport.cold('leases', {}, { timeoutMs }),
      this.#waits(options),
    );
  }

  /** Forgets what happened before a revision; the store as of it can still be read. */
  async compact(revision: Revision, options: CallOptions = {}): Promise<Revision> {
    const operation = { type: 'compact', revision } as const;
    const read = (result: Accepted): Revision => expect(result, 'compact').revision;
    return this.#parts.writes.write(operation, read, this.#waits(options));
  }

  /** How the leader, or somebody else if none is known, sees the cluster. */
  status(options: StatusOptions = {}): Promise<KvStatus> {
    return this.cluster.status(options);
  }

  /** How each member sees itself; those that do not answer are there with an error. */
  statusOfAll(options: CallOptions = {}): Promise<readonly MemberReport[]> {
    return this.cluster.statusOfAll(options);
  }

  async members(options: CallOptions = {}): Promise<readonly MemberStatus[]> {
    return (await this.status(options)).members;
  }

  /** The whole store as a backup file (docs/backup.md); `timeoutMs` is for its beginning. */
  snapshot(options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#parts.snapshot(options, this.#waits(options));
  }

  /** A read as the store takes it. */
  override async read(request: RangeRequest, options: ReadOptions = {}): Promise<RangeResponse> {
    const waiting = { ...this.#waits(options), serializable: options.serializable };
    return this.#parts.reads.range(request, (response) => response, waiting);
  }

  /** A transaction as the store takes it. */
  override async commit(request: TxnRequest, options: CallOptions = {}): Promise<TxnResponse> {
    const read = (result: Accepted): TxnResponse => expect(result, 'txn');
    return this.#parts.writes.write({ type: 'txn', ...request }, read, this.#waits(options));
  }

  /** A watch as the store tells it. */
  override follow(
    request: WatchRequest,
    { signal }: CallOptions = {},
  ): AsyncIterableIterator<WatchBatch> {
    return this.#parts.watches.open(request, signal).batches;
  }

  /**
   * Ends all calls, watches and leases; leases are not revoked. Resolves when no socket and no
   * timer is left. A second call waits for the first.
   */
  close(): Promise<void> {
    return this.#parts.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #waits({ timeoutMs, signal }: CallOptions): Waiting {
    if (timeoutMs === undefined) return { ...this.#waiting, signal };
    if (timeoutMs > 0) return { timeoutMs, signal };
    throw new RangeError(`timeoutMs must be a positive number; got ${timeoutMs}.`);
  }

  #condition(keys: Keys, ifRevision: Revision) {
    if (typeof keys !== 'string' && !(keys instanceof Uint8Array)) {
      const message = 'ifRevision is about one key; for several, use a transaction.';
      throw new KvError('KV_INVALID', message);
    }
    return { key: keys, compare: compare.modified(keys, '=', ifRevision), get: op.get(keys) };
  }
}

function readPutResult(result: Accepted): PutAnswer {
  return readPut(expect(result, 'put'));
}

function readDeleteResult(result: Accepted): DeleteAnswer {
  return readDelete(expect(result, 'delete'));
}

async function conditional(
  committing: Promise<
    | { readonly succeeded: true; readonly revision: Revision }
    | {
        readonly succeeded: false;
        readonly revision: Revision;
        readonly results: readonly [Entry | undefined];
      }
  >,
): Promise<ConditionalAnswer> {
  const answer = await committing;
  const { succeeded, revision } = answer;
  if (answer.succeeded) return { succeeded, revision };
  const [current] = answer.results;
  return current === undefined ? { succeeded, revision } : { succeeded, revision, current };
}
