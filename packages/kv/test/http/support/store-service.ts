import { nodeRuntime } from 'quorate';
import { encodeBackup } from '../../../src/backup/encode.ts';
import { KvError } from '../../../src/errors.ts';
import { checkCommand, defaultLimits, type KvLimits } from '../../../src/protocol/limits.ts';
import type {
  CallContext,
  KvService,
  KvStatus,
  SessionNumber,
} from '../../../src/server/service.ts';
import { WatchHub } from '../../../src/server/watch/hub.ts';
import { KvStore } from '../../../src/store/store.ts';
import type {
  LeaseId,
  LeaseTimeToLive,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
  RangeRequest,
  RangeResponse,
  WatchBatch,
  WatchRequest,
} from '../../../src/types.ts';

export interface StoreServiceOptions {
  readonly limits?: Partial<KvLimits>;
  readonly progressIntervalMs?: number;
}

/** A member without a cluster: commands go straight into the store. */
export class StoreService implements KvService {
  readonly store = new KvStore();
  readonly hub: WatchHub;
  readonly #limits: KvLimits;
  readonly #sessions = new Map<number, Map<number, Uint8Array>>();
  #lastSession = 0;
  /** Linearizable reads so far. */
  barriers = 0;
  /** Changes what `status` says. */
  statusPatch: Partial<KvStatus> = {};
  /** Rejects every call with it. */
  failure: Error | undefined;
  /** Calls wait for it. */
  hold: Promise<void> = Promise.resolve();
  readonly transfers: (string | undefined)[] = [];
  readonly memberChanges: object[] = [];

  constructor({ limits, progressIntervalMs = 60_000 }: StoreServiceOptions = {}) {
    this.#limits = { ...defaultLimits, ...limits };
    const { store } = this;
    this.hub = new WatchHub({
      store,
      limits: this.#limits,
      runtime: nodeRuntime,
      progressIntervalMs,
    });
  }

  async #enter(): Promise<void> {
    await this.hold;
    if (this.failure !== undefined) throw this.failure;
  }

  async openSession(): Promise<number> {
    await this.#enter();
    this.#lastSession += 1;
    this.#sessions.set(this.#lastSession, new Map());
    return this.#lastSession;
  }

  async closeSession(id: number): Promise<void> {
    await this.#enter();
    this.#sessions.delete(id);
  }

  async write(
    command: Uint8Array,
    { session }: CallContext & { readonly session?: SessionNumber },
  ): Promise<Uint8Array> {
    await this.#enter();
    checkCommand(command, this.#limits);
    const answered = session === undefined ? undefined : this.#sessions.get(session.id);
    if (session !== undefined && answered === undefined) {
      throw new KvError('KV_SESSION_EXPIRED', `There is no session ${session.id}.`);
    }
    const repeated = session === undefined ? undefined : answered?.get(session.sequence);
    const results = repeated ?? this.store.apply(command);
    if (session !== undefined) answered?.set(session.sequence, results);
    this.hub.applied();
    return results;
  }

  async barrier(): Promise<void> {
    await this.#enter();
    this.barriers += 1;
  }

  range(request: RangeRequest, mostBytes?: number): RangeResponse {
    return this.store.range(request, mostBytes);
  }

  watch(request: WatchRequest, context: CallContext): AsyncIterable<WatchBatch> {
    return this.hub.watch(request, context);
  }

  async leaseKeepAlive(id: LeaseId): Promise<{ ttl: number }> {
    await this.#enter();
    return { ttl: this.#lease(id).ttl };
  }

  async leaseTimeToLive(
    id: LeaseId,
    { keys: wantsKeys = false }: { readonly keys?: boolean },
  ): Promise<LeaseTimeToLive> {
    await this.#enter();
    const { ttl, keys } = this.#lease(id);
    const bytes = wantsKeys ? keys.map((key) => Buffer.from(key, 'latin1')) : [];
    return { id, ttl, remaining: ttl - 0.5, keys: bytes };
  }

  #lease(id: LeaseId): { readonly ttl: number; readonly keys: readonly string[] } {
    const lease = this.store.lease(id);
    if (lease !== undefined) return lease;
    throw new KvError('KV_LEASE_NOT_FOUND', `There is no lease ${id}.`);
  }

  async leases(): Promise<readonly LeaseId[]> {
    await this.#enter();
    return [...this.store.leases()].map(({ id }) => id);
  }

  status(): KvStatus {
    const { revision, compactedRevision, keyCount: keys, leaseCount: leases } = this.store;
    return {
      cluster: 'cluster',
      member: 'a',
      version: '0.1.0',
      role: 'leader',
      leader: 'a',
      term: 3,
      revision,
      compactedRevision,
      keys,
      leases,
      watchers: this.hub.count,
      lastLogIndex: 12,
      committed: 12,
      applied: 12,
      members: [{ id: 'a', role: 'voter', peerAddress: 'tcp://127.0.0.1:7001' }],
      isServing: true,
      problems: [],
      alerts: [],
      ...this.statusPatch,
    };
  }

  hash(): { revision: number; hash: string } {
    return { revision: this.store.revision, hash: this.store.hash() };
  }

  memberAdd(request: MemberAddRequest): Promise<MembershipChange> {
    return this.#changeMembers({ memberAdd: request });
  }

  memberPromote(request: MemberPromoteRequest): Promise<MembershipChange> {
    return this.#changeMembers({ memberPromote: request });
  }

  memberRemove(request: MemberRemoveRequest): Promise<MembershipChange> {
    return this.#changeMembers({ memberRemove: request });
  }

  async #changeMembers(change: object): Promise<MembershipChange> {
    await this.#enter();
    this.memberChanges.push(change);
    return { changed: true, members: this.status().members };
  }

  async *snapshot({
    serializable = false,
  }: {
    readonly serializable?: boolean;
  }): AsyncGenerator<Uint8Array> {
    await this.#enter();
    if (!serializable) this.barriers += 1;
    const { store } = this;
    yield* encodeBackup(
      {
        ...{ cluster: 'c', member: 'a', version: '1.0.0', index: 1, term: 1 },
        ...{ revision: store.revision, hash: store.hash(), createdAt: '2026-03-01T12:00:00.000Z' },
      },
      store.snapshot(),
    );
  }

  async transferLeadership(to: string | undefined): Promise<void> {
    await this.#enter();
    this.transfers.push(to);
  }
}
