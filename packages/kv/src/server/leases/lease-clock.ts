import type { Runtime, Timer } from 'quorate';
import { KvError } from '../../errors.ts';
import type { LeaseId } from '../../types.ts';
import { type Deadline, DeadlineHeap } from './deadline-heap.ts';

/** A lease as the store has it. */
export interface Granted {
  readonly id: LeaseId;
  /** In seconds. */
  readonly ttl: number;
  /** The entry of the log that granted it: what tells it from others of its id. */
  readonly grantedAt: number;
}

/** What the clock needs of the store: which leases there are. */
export interface LeaseStore {
  lease(id: LeaseId): Granted | undefined;
  leases(): Iterable<Granted>;
}

/** What a batch of commands did to leases. */
export interface AppliedLeases {
  /** Those that were granted or revoked, or both. */
  readonly leases: Iterable<LeaseId>;
  /** The whole state was replaced by a snapshot. */
  readonly restored?: boolean;
}

export interface LeaseClockOptions {
  readonly store: LeaseStore;
  readonly runtime: Pick<Runtime, 'now' | 'setTimer'>;
  /**
   * Replicates the revocation of these leases as one command, and resolves once it is applied here.
   * It must reach no other leader, which has given the leases their time again: `signal` is aborted
   * when this member leads no more. A lease that was granted under the same id since then must
   * stay: the log may hold it already. After a rejection it is called again.
   */
  readonly revoke: (
    leases: readonly Granted[],
    options: { readonly signal: AbortSignal },
  ) => Promise<void>;
  /** So many leases at most are revoked by one command. Default 100. */
  readonly maxRevokes?: number;
  /** After a revocation that failed, in milliseconds. Default 500. */
  readonly retryPauseMs?: number;
}

/** The timer rings at least that often, so that it is noticed when the process stood still. */
const longestWaitMs = 250;

/** A timer that is later than that says that the process stood still for as long as it is late. */
const toleratedDelayMs = 100;

/**
 * After a delay like that the process was stopped, perhaps right after it was last seen to run, so
 * all the time since then is left out. After less it must not be: a process that is always late
 * would never end a lease.
 */
const stoppedMs = 1000;

/** So many leases at most are looked at in one turn of the event loop. */
const maxLooks = 10_000;

interface Lease extends Deadline, Granted {
  readonly id: LeaseId;
  /** When it ends. Never before `dueAt`: a life that goes on moves this, and the heap follows. */
  endsAt: number;
  /** Its revocation was proposed and may be in the log, so nothing can save it any more. */
  isDoomed: boolean;
}

/** One time of leading; ends with it. */
type Office = AbortController;

/**
 * Ends leases that nobody keeps alive. It runs on the leader only; what it decides goes through the
 * log, so the members' clocks need not agree. A lease may end later than its time says, never
 * sooner: a new leader gives every lease its whole time, since it does not know what the last one
 * has promised, and time in which this process stood still does not count, since nobody could keep
 * a lease alive then: what was sent meanwhile is still to be read.
 *
 * Its owner calls `keepAlive` after a read barrier: by then every revocation is applied that an
 * earlier leader has left in the log.
 */
export class LeaseClock {
  readonly #options: LeaseClockOptions;
  readonly #maxRevokes: number;
  readonly #retryPauseMs: number;
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #heap = new DeadlineHeap<Lease>();
  #office: Office | undefined = undefined;
  #isClosed = false;
  /** What is being revoked, or is to be once more; none of it is in the heap. */
  #batch: readonly Lease[] = [];
  #isRevoking = false;
  #retryAt = -Infinity;
  /** Milliseconds in which the process stood still. Deadlines are in a time without them. */
  #lostMs = 0;
  #timer: Timer | undefined = undefined;
  #ringsAt = Infinity;
  /** When the process was last seen to run. */
  #seenAt = -Infinity;

  constructor(options: LeaseClockOptions) {
    this.#options = options;
    this.#maxRevokes = atLeastOne('maxRevokes', options.maxRevokes ?? 100);
    this.#retryPauseMs = atLeastOne('retryPauseMs', options.retryPauseMs ?? 500);
  }

  /** This member leads a new term: every lease gets its whole time. */
  lead(): void {
    this.follow();
    if (this.#isClosed) return;
    this.#office = new AbortController();
    for (const lease of this.#options.store.leases()) this.#grant(lease);
    this.#arm();
  }

  /** This member leads no more. */
  follow(): void {
    this.#office?.abort(new KvError('KV_NO_LEADER', 'This member leads no more.'));
    this.#office = undefined;
    this.#stopTimer();
    this.#leases.clear();
    this.#heap.clear();
    this.#batch = [];
    this.#isRevoking = false;
    this.#retryAt = -Infinity;
  }

  /** To be called after each batch that was applied, before its writers hear of it. */
  applied({ leases, restored = false }: AppliedLeases): void {
    if (this.#office === undefined) return;
    if (restored) this.#compareAll();
    else for (const id of leases) this.#look(id);
    this.#arm();
  }

  /**
   * Gives the lease its whole time again and says how much that is, in seconds.
   *
   * @throws {KvError} `KV_LEASE_NOT_FOUND`, also while it is being revoked, and `KV_NO_LEADER`.
   */
  keepAlive(id: LeaseId): { readonly ttl: number } {
    if (this.#office === undefined) {
      const message = 'Leases are kept alive by the leader, and this member does not lead.';
      throw new KvError('KV_NO_LEADER', message);
    }
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.isDoomed) {
      const why = lease === undefined ? 'There is no lease' : 'Nobody has kept alive in time lease';
      throw new KvError('KV_LEASE_NOT_FOUND', `${why} ${id}. Grant a new one.`, {
        details: { lease: id },
      });
    }
    lease.endsAt = this.#now() + lease.ttl * 1000;
    return { ttl: lease.ttl };
  }

  /** Seconds, with fractions, that are left to a lease; 0 once it is being revoked. */
  remaining(id: LeaseId): number | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    return lease.isDoomed ? 0 : Math.max(0, lease.endsAt - this.#now()) / 1000;
  }

  /** No timer is left, and nothing will be revoked. */
  close(): void {
    this.#isClosed = true;
    this.follow();
  }

  /** Monotonic milliseconds, less those in which the process stood still. */
  #now(): number {
    const now = this.#options.runtime.now();
    const lateMs = now - this.#ringsAt;
    if (lateMs > toleratedDelayMs) {
      this.#lostMs += lateMs > stoppedMs ? now - this.#seenAt : lateMs;
      this.#ringsAt = now;
    }
    this.#seenAt = now;
    return now - this.#lostMs;
  }

  #grant({ id, ttl, grantedAt }: Granted): void {
    const endsAt = this.#now() + ttl * 1000;
    const lease = { id, ttl, grantedAt, endsAt, dueAt: endsAt, place: 0, isDoomed: false };
    this.#leases.set(id, lease);
    this.#heap.add(lease);
  }

  #forget(lease: Lease): void {
    this.#leases.delete(lease.id);
    if (lease.isDoomed) this.#batch = this.#batch.filter((other) => other !== lease);
    else this.#heap.remove(lease);
  }

  /** One that is there after it was granted or revoked is a new one, whatever its id was before. */
  #look(id: LeaseId): void {
    const known = this.#leases.get(id);
    if (known !== undefined) this.#forget(known);
    const stored = this.#options.store.lease(id);
    if (stored !== undefined) this.#grant(stored);
  }

  #compareAll(): void {
    const { store } = this.#options;
    for (const lease of [...this.#leases.values()]) {
      const stored = store.lease(lease.id);
      if (stored?.ttl !== lease.ttl || stored.grantedAt !== lease.grantedAt) this.#forget(lease);
    }
    for (const lease of store.leases()) if (!this.#leases.has(lease.id)) this.#grant(lease);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#office === undefined || this.#leases.size === 0) return;
    const { runtime } = this.#options;
    const now = runtime.now();
    // Whole ones: what is left of one by rounding is no time in which a clock goes on.
    const waitMs = Math.min(longestWaitMs, Math.max(0, Math.ceil(this.#nextRevokeAt() - now)));
    this.#seenAt = now;
    this.#ringsAt = now + waitMs;
    this.#timer = runtime.setTimer(() => this.#ring(), waitMs);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#ringsAt = Infinity;
  }

  #ring(): void {
    this.#now();
    this.#timer = undefined;
    this.#ringsAt = Infinity;
    this.#revokeNext();
    this.#arm();
  }

  /** By the clock of the runtime. */
  #nextRevokeAt(): number {
    if (this.#isRevoking) return Infinity;
    const { first } = this.#heap;
    const dueAt = first === undefined ? Infinity : first.dueAt + this.#lostMs;
    return Math.max(this.#retryAt, this.#batch.length > 0 ? -Infinity : dueAt);
  }

  /** One batch at a time, so that many leases that end together leave room in the log. */
  #revokeNext(): void {
    const office = this.#office;
    if (office === undefined || this.#isRevoking) return;
    if (this.#options.runtime.now() < this.#retryAt) return;
    this.#batch = [...this.#batch, ...this.#takeDue(this.#maxRevokes - this.#batch.length)];
    if (this.#batch.length === 0) return;
    this.#isRevoking = true;
    this.#attempt(this.#batch, office).then(
      () => this.#onRevoked(office),
      () => this.#onFailed(office), // Whoever replicates knows why, and tells of it.
    );
  }

  async #attempt(leases: readonly Granted[], { signal }: Office): Promise<void> {
    await this.#options.revoke(leases, { signal });
  }

  /** Those whose time is over, the first to end first. */
  #takeDue(most: number): readonly Lease[] {
    this.#now();
    const now = this.#options.runtime.now();
    const due: Lease[] = [];
    for (let looks = 0; looks < maxLooks && due.length < most; looks += 1) {
      const { first } = this.#heap;
      // Added as the timer was set: the other way round may come out as a moment less.
      if (first === undefined || first.dueAt + this.#lostMs > now) break;
      if (first.endsAt > first.dueAt) {
        this.#heap.postpone(first, first.endsAt);
        continue;
      }
      this.#heap.remove(first);
      first.isDoomed = true;
      due.push(first);
    }
    return due;
  }

  #onRevoked(office: Office): void {
    if (this.#office !== office) return;
    const { store } = this.#options;
    for (const lease of this.#batch) if (store.lease(lease.id) === undefined) this.#forget(lease);
    if (this.#batch.length > 0) {
      this.#onFailed(office);
      return;
    }
    this.#isRevoking = false;
    this.#revokeNext();
    this.#rearm();
  }

  /** What failed stays doomed: it may be in the log all the same. */
  #onFailed(office: Office): void {
    if (this.#office !== office) return;
    this.#isRevoking = false;
    this.#retryAt = this.#options.runtime.now() + this.#retryPauseMs;
    this.#rearm();
  }

  #rearm(): void {
    this.#now();
    this.#stopTimer();
    this.#arm();
  }
}

function atLeastOne(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 1) return value;
  throw new RangeError(`${name} must be 1 or more; got ${String(value)}.`);
}
