import {
  type Granted,
  LeaseClock,
  type LeaseClockOptions,
} from '../../src/server/leases/lease-clock.ts';
import { VirtualRuntime } from './virtual-runtime.ts';

/** Leases as the store has them. */
export class Leases {
  readonly #leases = new Map<number, Granted>();
  #grants = 0;

  get count(): number {
    return this.#leases.size;
  }

  lease(id: number): Granted | undefined {
    return this.#leases.get(id);
  }

  leases(): Iterable<Granted> {
    return this.#leases.values();
  }

  set(id: number, ttl: number): void {
    this.#grants += 1;
    this.#leases.set(id, { id, ttl, grantedAt: this.#grants });
  }

  delete(id: number): boolean {
    return this.#leases.delete(id);
  }

  /** What the log does with a revocation: a lease that was granted since stays. */
  deleteGranted({ id, grantedAt }: Granted): boolean {
    const isMeant = grantedAt === 0 || this.#leases.get(id)?.grantedAt === grantedAt;
    return isMeant && this.#leases.delete(id);
  }
}

/** One call of `revoke`, which ends when the test says so. */
export interface Revocation {
  readonly ids: readonly number[];
  readonly leases: readonly Granted[];
  readonly at: number;
  readonly signal: AbortSignal;
  readonly succeed: () => void;
  readonly fail: () => void;
  /** It took effect, and nobody hears of it. */
  readonly lose: () => void;
}

/** A clock with its store, in virtual time, whose revocations are answered by the test. */
export class ClockKit {
  readonly runtime = new VirtualRuntime();
  readonly store = new Leases();
  readonly calls: Revocation[] = [];
  readonly clock: LeaseClock;

  constructor(options: Partial<LeaseClockOptions> = {}) {
    const { runtime, store } = this;
    this.clock = new LeaseClock({
      store,
      runtime,
      revoke: (leases, { signal }) => this.#revoke(leases, signal),
      ...options,
    });
  }

  /** Which leases the calls were about. */
  get revoked(): readonly (readonly number[])[] {
    return this.calls.map(({ ids }) => ids);
  }

  readonly grant = (id: number, ttl: number): void => {
    this.store.set(id, ttl);
    this.clock.applied({ leases: [id] });
  };

  readonly revoke = (id: number): void => {
    this.store.delete(id);
    this.clock.applied({ leases: [id] });
  };

  #revoke(leases: readonly Granted[], signal: AbortSignal): Promise<void> {
    const ids = leases.map(({ id }) => id);
    const end = (): void => {
      const gone = leases.filter((lease) => this.store.deleteGranted(lease));
      this.clock.applied({ leases: gone.map(({ id }) => id) });
    };
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('It was not replicated.'));
      this.calls.push({
        ids,
        leases,
        at: this.runtime.now(),
        signal,
        succeed: () => {
          end();
          resolve();
        },
        fail,
        lose: () => {
          end();
          fail();
        },
      });
    });
  }
}

/** The kit of a member that leads. */
export function leading(options: Partial<LeaseClockOptions> = {}): ClockKit {
  const kit = new ClockKit(options);
  kit.clock.lead();
  return kit;
}
