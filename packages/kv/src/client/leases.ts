import type { Timer } from 'quorate';
import { KvError } from '../errors.ts';
import type { LeaseGrantRequest, LeaseId, LeaseTimeToLive } from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import type { ColdCalls } from './cold-calls.ts';
import { asKvError, closedError } from './failures.ts';
import { Lease, type LeaseCallOptions, type LeaseHost } from './lease.ts';
import { BackOff } from './pauses.ts';
import type { Writes } from './writes.ts';

export interface LeasesOptions {
  readonly writes: Writes;
  readonly cold: ColdCalls;
  readonly timeoutMs: number;
  /** Leases of one client that are kept alive at a time. */
  readonly maxLeases: number;
}

/** A lease is renewed when so much of its time has passed. */
const renewAfterShare = 1 / 3;
/** One call renews those too whose turn comes before so much of their time has passed. */
const renewWithShare = 1 / 6;
/** One try may take so much of the time of the shortest lease, so that another member can do it. */
const tryShare = 1 / 6;
/** The store takes so many in one call. */
const mostInOneCall = 8192;

interface Kept {
  readonly lease: Lease;
  readonly ttlMs: number;
  /** When the last call was sent that kept it alive. */
  renewedAt: number;
}

/** The leases of a client: granted, kept alive together, and given up in time. */
export class Leases implements LeaseHost {
  readonly #host: CallsHost;
  readonly #options: LeasesOptions;
  readonly #kept = new Map<LeaseId, Kept>();
  readonly #backOff: BackOff;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #isRenewing = false;
  /** After a failure, not before then. */
  #retryAt = -Infinity;
  #isClosed = false;

  constructor(host: CallsHost, options: LeasesOptions) {
    this.#host = host;
    this.#options = options;
    this.#backOff = new BackOff(host.runtime);
  }

  /** Leases that are kept alive. */
  get count(): number {
    return this.#kept.size;
  }

  now(): number {
    return this.#host.runtime.now();
  }

  async grant(request: LeaseGrantRequest, options: LeaseCallOptions): Promise<Lease> {
    this.#demandRoom();
    // Its time begins when it is granted, which is no earlier than this.
    const askedAt = this.now();
    const grant = { type: 'leaseGrant', ...request } as const;
    const granted = await this.#options.writes.write(
      grant,
      (result) => (result.type === 'leaseGrant' ? result : wrongResult(result.type)),
      this.#waiting(options),
    );
    const lease = new Lease(this, { id: granted.id, ttlSeconds: granted.ttl, askedAt });
    if (this.#isClosed) lease.end(closedError({ isOpen: false }));
    else this.#keep(lease, askedAt);
    return lease;
  }

  /** Keeps a lease alive that somebody else has granted. */
  async adopt(id: LeaseId, options: LeaseCallOptions): Promise<Lease> {
    const known = this.#kept.get(id);
    if (known !== undefined) return known.lease;
    this.#demandRoom();
    const { cold } = this.#options;
    let askedAt = 0;
    const [ttlSeconds = 0] = await cold.run((member, timeoutMs) => {
      askedAt = this.now();
      return member.transport.keepAlive([id], { timeoutMs });
    }, this.#waiting(options));
    if (ttlSeconds === 0) throw unknownLease(id);
    // Somebody else may have asked for the same meanwhile: what is kept alive has one object.
    const other = this.#kept.get(id);
    if (other !== undefined) return other.lease;
    const lease = new Lease(this, { id, ttlSeconds, askedAt });
    if (this.#isClosed) lease.end(closedError({ isOpen: false }));
    else this.#keep(lease, askedAt);
    return lease;
  }

  async revoke(lease: Lease, options: LeaseCallOptions): Promise<void> {
    const { id } = lease;
    if (this.#kept.get(id)?.lease === lease) this.#kept.delete(id);
    lease.letGo();
    try {
      await this.revokeById(id, options);
    } finally {
      lease.end(new KvError('KV_LEASE_NOT_FOUND', `Lease ${id} was revoked by this client.`));
    }
  }

  /** A lease that is gone already has ended, as was wanted. */
  async revokeById(id: LeaseId, options: LeaseCallOptions): Promise<void> {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      await this.revoke(kept.lease, options);
      return;
    }
    try {
      const waiting = this.#waiting(options);
      await this.#options.writes.write({ type: 'leaseRevoke', id }, () => undefined, waiting);
    } catch (error) {
      if (error instanceof KvError && error.code === 'KV_LEASE_NOT_FOUND') return;
      throw error;
    }
  }

  timeToLive(
    id: LeaseId,
    { keys, ...options }: LeaseCallOptions & { readonly keys: boolean },
  ): Promise<LeaseTimeToLive> {
    return this.#options.cold.run(
      (member, timeoutMs) => member.transport.cold('leaseTimeToLive', { id, keys }, { timeoutMs }),
      this.#waiting(options),
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#disarm();
    for (const { lease } of this.#kept.values()) lease.end(closedError({ isOpen: false }));
    this.#kept.clear();
  }

  #waiting({ timeoutMs = this.#options.timeoutMs, signal }: LeaseCallOptions): {
    timeoutMs: number;
    signal: AbortSignal | undefined;
  } {
    return { timeoutMs, signal };
  }

  #demandRoom(): void {
    const { maxLeases } = this.#options;
    if (this.#kept.size < maxLeases) return;
    const message = `This client keeps ${maxLeases} leases alive already, as maxLeases allows.`;
    throw new KvError('KV_LIMIT', message, { details: { limit: 'maxLeases', most: maxLeases } });
  }

  #keep(lease: Lease, renewedAt: number): void {
    // One that was granted anew under its id is over, and nobody has said so yet.
    const former = this.#kept.get(lease.id)?.lease;
    if (former !== undefined) this.#lose(former, unknownLease(lease.id));
    const ttlMs = lease.ttlSeconds * 1000;
    this.#kept.set(lease.id, { lease, ttlMs, renewedAt });
    const at = Math.max(renewedAt + ttlMs * renewAfterShare, this.#retryAt);
    if (at < this.#timerAt) this.#arm(at);
  }

  /** One timer for all leases: for the next renewal, or for the next one that must be given up. */
  #schedule(): void {
    let at = Infinity;
    for (const kept of this.#kept.values()) {
      if (!this.#isRenewing) {
        at = Math.min(at, Math.max(kept.renewedAt + kept.ttlMs * renewAfterShare, this.#retryAt));
      }
      at = Math.min(at, kept.lease.sureUntil);
    }
    if (at === this.#timerAt) return;
    if (at === Infinity) this.#disarm();
    else this.#arm(at);
  }

  #arm(at: number): void {
    this.#disarm();
    if (this.#isClosed) return;
    this.#timerAt = at;
    // Not rounded up: what must be given up in time is rather given up early.
    this.#timer = this.#host.runtime.setTimer(this.#ring, Math.max(0, Math.floor(at - this.now())));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.now();
    // A timer may ring within the millisecond before.
    const soon = now + 1;
    for (const { lease } of [...this.#kept.values()]) {
      if (lease.sureUntil <= soon) this.#lose(lease, noAnswer(lease));
    }
    if (!this.#isRenewing && soon >= this.#retryAt) {
      const due = this.#due(soon);
      if (due.length > 0) void this.#renew(due);
    }
    this.#schedule();
  };

  /** Those whose turn it is, and, if there is one, those whose turn comes soon. */
  #due(now: number): readonly Kept[] {
    const all = [...this.#kept.values()];
    const isDue = (share: number) => (kept: Kept) => now >= kept.renewedAt + kept.ttlMs * share;
    if (!all.some(isDue(renewAfterShare))) return [];
    const due = all.filter(isDue(renewWithShare));
    due.sort((one, other) => one.lease.sureUntil - other.lease.sureUntil);
    return due.slice(0, mostInOneCall);
  }

  async #renew(due: readonly Kept[]): Promise<void> {
    this.#isRenewing = true;
    const { members } = this.#host;
    const shortestMs = Math.min(...due.map(({ ttlMs }) => ttlMs));
    const timeoutMs = Math.max(50, Math.min(this.#options.timeoutMs, shortestMs * tryShare));
    const ids = due.map(({ lease }) => lease.id);
    const member = members.leader();
    const askedAt = this.now();
    try {
      const seconds = await member.transport.keepAlive(ids, { timeoutMs });
      members.worked(member);
      this.#backOff.reset();
      this.#retryAt = -Infinity;
      for (const [at, kept] of due.entries()) this.#onRenewed(kept, { askedAt, ttl: seconds[at] });
    } catch (error) {
      members.failed(member, asKvError(error));
      this.#retryAt = this.now() + this.#backOff.next();
    }
    this.#isRenewing = false;
    this.#schedule();
  }

  #onRenewed(kept: Kept, { askedAt, ttl }: { askedAt: number; ttl: number | undefined }): void {
    if (!kept.lease.isKept || ttl === undefined) return;
    if (ttl === 0) {
      this.#lose(kept.lease, unknownLease(kept.lease.id));
      return;
    }
    kept.renewedAt = askedAt;
    kept.lease.renewed(askedAt);
  }

  #lose(lease: Lease, reason: KvError): void {
    if (this.#kept.get(lease.id)?.lease === lease) this.#kept.delete(lease.id);
    lease.end(reason);
  }
}

function noAnswer({ id, ttlSeconds }: Lease): KvError {
  const message = `Lease ${id} of ${ttlSeconds} s was not renewed in time, so it may have expired.`;
  return new KvError('KV_TIMEOUT', message);
}

function unknownLease(id: LeaseId): KvError {
  return new KvError('KV_LEASE_NOT_FOUND', `The store knows no lease ${id}: it is over.`);
}

function wrongResult(type: string): never {
  throw new KvError('KV_INTERNAL', `A grant was answered with the result of a ${type}.`);
}
