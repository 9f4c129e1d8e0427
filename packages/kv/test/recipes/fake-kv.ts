import type { CallOptions, RecipeKv, RecipeLease } from '../../src/client/recipes/kv.ts';
import { KvError } from '../../src/errors.ts';
import type {
  LeaseId,
  RangeRequest,
  RangeResponse,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  WatchBatch,
  WatchRequest,
} from '../../src/types.ts';
import { leaseNotFound, PlainStore } from './plain-store.ts';

interface Granted {
  readonly ttl: number;
  readonly client: FakeKv;
  readonly ending: AbortController;
  renewedAt: number;
  isKeptAlive: boolean;
}

/** Who is to have a turn next: awaited before each request arrives and before each answer does. */
export type Turn = (label: string) => Promise<unknown>;

/** A store with clients, in virtual time. */
export class FakeCluster {
  readonly store = new PlainStore();
  readonly leases = new Map<LeaseId, Granted>();
  readonly turn: Turn;
  /** Leases that are over, until their clients hear of it. */
  readonly #over = new Set<Granted>();
  #now = 0;
  #nextLease = 1;
  #changed = Promise.withResolvers<void>();

  constructor(turn: Turn = () => Promise.resolve()) {
    this.turn = turn;
  }

  client(name: string): FakeKv {
    return new FakeKv(this, name);
  }

  /** Lets so many seconds pass, one by one. Whoever is alive renews its leases. */
  async advance(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.#now += 1;
      for (const lease of this.#over) this.#hearOfEnd(lease);
      for (const [id, lease] of this.leases) this.#tick(id, lease);
      this.tell();
      await settled();
    }
  }

  grant(client: FakeKv, ttl: number): { readonly id: LeaseId; readonly lease: Granted } {
    const id = this.#nextLease;
    this.#nextLease += 1;
    const ending = new AbortController();
    const lease = { ttl, client, ending, renewedAt: this.#now, isKeptAlive: true };
    this.leases.set(id, lease);
    this.store.leases.add(id);
    return { id, lease };
  }

  revoke(id: LeaseId): void {
    const lease = this.leases.get(id);
    if (lease === undefined) throw leaseNotFound(id);
    this.leases.delete(id);
    this.#over.add(lease);
    this.store.revoke(id);
    this.tell();
  }

  compact(): void {
    this.store.compacted = this.store.revision;
  }

  /** Wakes all watches. */
  tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** The next time that a client wants to renew it. */
  #hearOfEnd(lease: Granted): void {
    if (lease.client.isFrozen || lease.client.isCutOff) return;
    this.#over.delete(lease);
    if (lease.isKeptAlive) lease.ending.abort();
  }

  #tick(id: LeaseId, lease: Granted): void {
    const { client, ttl } = lease;
    if (lease.isKeptAlive && !client.isFrozen && !client.isCutOff) lease.renewedAt = this.#now;
    const age = this.#now - lease.renewedAt;
    // A client that runs knows before the server does; one that stands still knows nothing.
    if (lease.isKeptAlive && !client.isFrozen && age >= ttl - 1) lease.ending.abort();
    if (age >= ttl) this.revoke(id);
  }
}

/** One client of the cluster, and what can happen to it. */
export class FakeKv implements RecipeKv {
  /** The keys that it has begun to follow, and how many batches came. */
  readonly followed: string[] = [];
  batches = 0;
  /** It runs, and reaches nobody. */
  isCutOff = false;
  /** So many commits take effect from now on, and are not answered. */
  lostAnswers = 0;
  /** So many revokes fail from now on. */
  failingRevokes = 0;
  commits = 0;
  readonly name: string;
  readonly #cluster: FakeCluster;
  #thawed: PromiseWithResolvers<void> | undefined;

  constructor(cluster: FakeCluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
  }

  get isFrozen(): boolean {
    return this.#thawed !== undefined;
  }

  /** The process stands still: it renews nothing, hears nothing and learns of no time. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
  }

  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  read(request: RangeRequest, { signal }: CallOptions = {}): Promise<RangeResponse> {
    return this.#call('read', signal, () => this.#cluster.store.range(request));
  }

  commit(request: TxnRequest, { signal }: CallOptions = {}): Promise<TxnResponse> {
    return this.#call('commit', signal, () => {
      this.commits += 1;
      const response = this.#cluster.store.txn(request);
      this.#cluster.tell();
      if (this.lostAnswers > 0) {
        this.lostAnswers -= 1;
        throw new KvError('KV_TIMEOUT', 'The answer was lost.');
      }
      return response;
    });
  }

  grantLease(ttl: number, { signal }: CallOptions = {}): Promise<RecipeLease> {
    return this.#call('grant', signal, () => {
      const { id, lease } = this.#cluster.grant(this, ttl);
      return { id, signal: lease.ending.signal, revoke: (options) => this.#revoke(id, options) };
    });
  }

  async *follow(
    request: WatchRequest,
    { signal }: CallOptions = {},
  ): AsyncGenerator<WatchBatch, void> {
    const { store } = this.#cluster;
    this.followed.push(Buffer.from(request.key).toString());
    await this.#pass('watch', signal);
    for (let next = request.from ?? store.revision + 1; ; next += 1) {
      let all = store.eventsAt(next);
      while (all === undefined) {
        await Promise.race([this.#cluster.changed, aborted(signal)]);
        await this.#pass('event', signal);
        all = store.eventsAt(next);
      }
      const events = all.filter(
        ({ type, kv }) => type !== request.without && isIn(kv.key, request),
      );
      if (events.length === 0) continue;
      await this.#pass('batch', signal);
      this.batches += 1;
      yield { revision: next, events };
    }
  }

  #revoke(id: LeaseId, { signal }: CallOptions = {}): Promise<void> {
    const lease = this.#cluster.leases.get(id);
    if (lease !== undefined) lease.isKeptAlive = false;
    return this.#call('revoke', signal, () => {
      if (this.failingRevokes > 0) {
        this.failingRevokes -= 1;
        throw new KvError('KV_TIMEOUT', 'Nobody answered.');
      }
      this.#cluster.revoke(id);
    });
  }

  async #call<T>(label: string, signal: AbortSignal | undefined, run: () => T): Promise<T> {
    signal?.throwIfAborted();
    await this.#pass(label, signal);
    const answer = run();
    await this.#pass(`${label} answered`, signal);
    return answer;
  }

  async #pass(label: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#cluster.turn(`${this.name}: ${label}`);
    await this.#thawed?.promise;
    signal?.throwIfAborted();
    if (this.isCutOff) await aborted(signal);
  }
}

/** Rejects once the signal aborts. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    else signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function isIn(key: Uint8Array, { key: from, end }: WatchRequest): boolean {
  if (end === undefined) return Buffer.compare(key, from) === 0;
  return Buffer.compare(key, from) >= 0 && Buffer.compare(key, end) < 0;
}

/** Resolves when everything that could go on by itself has. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What became of a promise so far. */
export async function stateOf(promise: Promise<unknown>): Promise<'waits' | 'done' | 'failed'> {
  let state: 'waits' | 'done' | 'failed' = 'waits';
  promise.then(
    () => (state = 'done'),
    () => (state = 'failed'),
  );
  await settled();
  return state;
}

/** Changes without a condition, as one transaction. */
export function txnOf(...operations: readonly TxnOperation[]): TxnRequest {
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  return { compare: [], then: operations, else: [] };
}
