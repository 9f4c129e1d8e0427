import { OverloadedError } from '../errors.ts';
import type { RaftMetrics } from './metrics.ts';
import { withSignal } from './signal.ts';

interface Waiter {
  readonly test: (metrics: RaftMetrics) => boolean;
  readonly resolve: (metrics: RaftMetrics) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Those who look at the node. Pictures are drawn only while somebody looks, and at most once a
 * turn of the microtask queue.
 */
export class Observers {
  readonly #draw: () => RaftMetrics;
  readonly #maxWaiting: number;
  readonly #waiters = new Set<Waiter>();
  /** Wakes each `watch` that waits for something new. */
  readonly #watchers = new Set<() => void>();
  #version = 0;
  #isScheduled = false;
  #ended: { readonly reason: unknown } | undefined = undefined;

  constructor(draw: () => RaftMetrics, maxWaiting: number) {
    this.#draw = draw;
    this.#maxWaiting = maxWaiting;
  }

  changed(): void {
    this.#version += 1;
    if (this.#isScheduled || this.#waiters.size + this.#watchers.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#publish());
  }

  waitFor(
    test: (metrics: RaftMetrics) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<RaftMetrics> {
    let waiter: Waiter | undefined;
    const found = new Promise<RaftMetrics>((resolve, reject) => {
      const metrics = this.#draw();
      if (test(metrics)) return resolve(metrics);
      if (this.#ended !== undefined) return reject(this.#ended.reason);
      this.#demandRoom();
      waiter = { test, resolve, reject };
      this.#waiters.add(waiter);
    });
    return withSignal(found, signal, () => {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    });
  }

  /** Yields the newest picture, then each newer one; ends when the node is closed. */
  async *watch(signal: AbortSignal | undefined): AsyncGenerator<RaftMetrics, void, undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const seen = this.#version;
      yield this.#draw();
      if (this.#ended !== undefined && seen === this.#version) return;
      if (seen === this.#version) await this.#nextChange(signal);
    }
  }

  /** The last picture is out: who waits for another is told why there is none. */
  end(reason: unknown): void {
    this.#ended = { reason };
    this.#version += 1;
    this.#publish();
    for (const { reject } of this.#waiters) reject(reason);
    this.#waiters.clear();
  }

  /** @throws {OverloadedError} if as many wait as may. */
  #demandRoom(): void {
    const waiting = this.#waiters.size + this.#watchers.size;
    if (waiting < this.#maxWaiting) return;
    throw new OverloadedError(
      `${waiting} watchers are waiting already, and maxWaitingCalls is ${this.#maxWaiting}. Try again later.`,
    );
  }

  async #nextChange(signal: AbortSignal | undefined): Promise<void> {
    this.#demandRoom();
    let wake: (() => void) | undefined;
    const change = new Promise<void>((resolve) => {
      wake = resolve;
      this.#watchers.add(resolve);
    });
    try {
      await withSignal(change, signal);
    } finally {
      if (wake !== undefined) this.#watchers.delete(wake);
    }
  }

  #publish(): void {
    this.#isScheduled = false;
    for (const wake of this.#watchers) wake();
    if (this.#waiters.size === 0) return;
    const metrics = this.#draw();
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.test(metrics)) continue;
        waiter.resolve(metrics);
      } catch (cause) {
        waiter.reject(cause); // A test that throws fails its own caller, and nobody else.
      }
      this.#waiters.delete(waiter);
    }
  }
}
