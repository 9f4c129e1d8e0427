import { bytesOf } from '../../bytes.ts';
import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import type { LeaseId, LeaseTimeToLive } from '../../types.ts';
import type { LeaseClock } from '../leases/lease-clock.ts';
import type { Leadership } from './leadership.ts';
import { type MemberCalls, maxIdsPerCall } from './member-calls.ts';
import type { KvRaft } from './node.ts';
import type { ServedStore } from './served-store.ts';

export interface LeaseCallsOptions {
  readonly raft: KvRaft;
  readonly store: ServedStore;
  readonly clock: LeaseClock;
  readonly calls: MemberCalls;
  readonly leadership: Pick<Leadership, 'look' | 'picture'>;
}

/** As it goes over the wire: bytes of keys as base64. */
export interface TimeToLiveAnswer {
  readonly id: LeaseId;
  readonly remaining: number;
  readonly ttl: number;
  readonly keys: readonly string[];
}

interface Waiting {
  readonly id: LeaseId;
  readonly resolve: (answer: { readonly ttl: number }) => void;
  readonly reject: (reason: unknown) => void;
}

/** Keep-alives of this member that may wait at a time. */
const maxWaiting = 100_000;

/**
 * Calls about the time of leases, which only the leader's clock knows. All keep-alives of one turn
 * are one read barrier here, or one message to the leader.
 *
 * A barrier comes before each answer: it shows that this member led after it was asked. Whoever led
 * before has no say any more, and whoever leads later gives each lease its whole time again.
 */
export class LeaseCalls {
  readonly #options: LeaseCallsOptions;
  #batch: Waiting[] = [];
  #waitingCount = 0;

  constructor(options: LeaseCallsOptions) {
    this.#options = options;
  }

  async keepAlive(id: LeaseId): Promise<{ readonly ttl: number }> {
    if (this.#waitingCount >= maxWaiting) {
      const message = `${maxWaiting} keep-alives are waiting on this member already.`;
      throw new KvError('KV_OVERLOADED', message);
    }
    this.#waitingCount += 1;
    try {
      return await new Promise((resolve, reject) => {
        if (this.#batch.length === 0) queueMicrotask(() => this.#flush());
        this.#batch.push({ id, resolve, reject });
      });
    } finally {
      this.#waitingCount -= 1;
    }
  }

  async timeToLive(
    id: LeaseId,
    { keys, signal }: { readonly keys: boolean; readonly signal: AbortSignal },
  ): Promise<LeaseTimeToLive> {
    const answer = this.#options.leadership.look()
      ? await this.timeToLiveHere(id, { keys })
      : ((await this.#askLeader('timeToLive', { id, keys }, signal)) as TimeToLiveAnswer);
    return { ...answer, keys: answer.keys.map((key) => Buffer.from(key, 'base64')) };
  }

  /**
   * Of the leader: the time that each lease was given, in seconds; 0 for those that are not there.
   *
   * @throws {KvError} `KV_NO_LEADER` if this member does not lead.
   */
  async keepAliveHere(ids: readonly LeaseId[]): Promise<readonly number[]> {
    await this.#demandLeading();
    return ids.map((id) => this.#keepOneAlive(id));
  }

  /** @throws {KvError} `KV_NO_LEADER` if this member does not lead, `KV_LEASE_NOT_FOUND`. */
  async timeToLiveHere(id: LeaseId, { keys }: { keys: boolean }): Promise<TimeToLiveAnswer> {
    await this.#demandLeading();
    const { store, clock } = this.#options;
    const lease = store.lease(id);
    if (lease === undefined) throw notFound(id);
    const attached = keys ? await lease.keys : [];
    return {
      id,
      remaining: clock.remaining(id) ?? 0,
      ttl: lease.ttl,
      keys: attached.map((key) => Buffer.from(bytesOf(key)).toString('base64')),
    };
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    for (let from = 0; from < batch.length; from += maxIdsPerCall) {
      void this.#answer(batch.slice(from, from + maxIdsPerCall));
    }
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const ids = batch.map(({ id }) => id);
      const ttls = this.#options.leadership.look()
        ? await this.keepAliveHere(ids)
        : await this.#keepAliveThere(ids);
      for (const [at, { id, resolve, reject }] of batch.entries()) {
        const ttl = ttls[at] ?? 0;
        if (ttl > 0) resolve({ ttl });
        else reject(notFound(id));
      }
    } catch (error) {
      const reason = errorOf(error);
      for (const { reject } of batch) reject(reason);
    }
  }

  async #keepAliveThere(ids: readonly LeaseId[]): Promise<readonly number[]> {
    const { ttls } = (await this.#askLeader('keepAlive', { ids })) as { ttls: readonly number[] };
    return ttls;
  }

  #keepOneAlive(id: LeaseId): number {
    try {
      return this.#options.clock.keepAlive(id).ttl;
    } catch (error) {
      const { code } = errorOf(error);
      if (code === 'KV_LEASE_NOT_FOUND') return 0;
      throw error;
    }
  }

  /**
   * This member leads, and the barrier was one of this very office. One that the leader before it
   * has answered says nothing of the revocations that came into the log after that.
   */
  async #demandLeading(): Promise<void> {
    const { raft } = this.#options;
    const term = this.#ledTerm();
    try {
      if (term !== undefined) await raft.readBarrier();
    } catch (error) {
      throw errorOf(error);
    }
    if (term !== undefined && this.#ledTerm() === term) return;
    throw new KvError('KV_NO_LEADER', 'This member does not lead, and leases are the leader’s.');
  }

  #ledTerm(): number | undefined {
    const { leadership } = this.#options;
    return leadership.look() ? leadership.picture.term : undefined;
  }

  #askLeader(
    method: 'keepAlive' | 'timeToLive',
    params: object,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { calls, raft, leadership } = this.#options;
    const { leader } = leadership.picture;
    if (leader === undefined || leader === raft.id) {
      throw new KvError(
        'KV_NO_LEADER',
        'No leader is known just now, and leases are the leader’s.',
      );
    }
    return calls.ask(leader, method, params, signal);
  }
}

function notFound(id: LeaseId): KvError {
  return new KvError('KV_LEASE_NOT_FOUND', `There is no lease ${id}.`, { details: { lease: id } });
}
