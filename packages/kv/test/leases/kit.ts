import { LeaseClock, type LeaseClockOptions } from '../../src/server/leases/lease-clock.ts';
import { VirtualRuntime } from './virtual-runtime.ts';

/** Leases as the store has them. */
export class Leases {
  readonly #ttls = new Map<number, number>();

  get count(): number {
    return this.#ttls.size;
  }

  lease(id: number): { readonly ttl: number } | undefined {
    const ttl = this.#ttls.get(id);
    return ttl === undefined ? undefined : { ttl };
  }

  *leases(): Iterable<{ readonly id: number; readonly ttl: number }> {
    for (const [id, ttl] of this.#ttls) yield { id, ttl };
  }

  set(id: number, ttl: number): void {
    this.#ttls.set(id, ttl);
  }

  delete(id: number): boolean {
    return this.#ttls.delete(id);
  }
}

/** One call of `revoke`, which ends when the test says so. */
export interface Revocation {
  readonly ids: readonly number[];
  readonly at: number;
  readonly signal: AbortSignal;
  readonly succeed: () => void;
  readonly fail: () => void;
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
      revoke: (ids, { signal }) => this.#revoke(ids, signal),
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

  #revoke(ids: readonly number[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        ids,
        at: this.runtime.now(),
        signal,
        succeed: () => {
          for (const id of ids) this.store.delete(id);
          this.clock.applied({ leases: ids });
          resolve();
        },
        fail: () => reject(new Error('It was not replicated.')),
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
