/** Somebody who waits for a call that is made for many at once. */
export interface Waiter<T> {
  readonly value: T;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * A call that is made for many: who aborts is told so at once and drops out, and the call itself is
 * aborted when nobody is left.
 */
export class SharedCall<T> {
  readonly waiters: Set<Waiter<T>> = new Set();
  readonly #ending = new AbortController();
  readonly #listeners = new Map<Waiter<T>, () => void>();

  /** Aborts when nobody is left; then nobody can be added any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Its signal must not be aborted yet. */
  add(waiter: Waiter<T>): void {
    const { signal } = waiter;
    this.waiters.add(waiter);
    if (signal === undefined) return;
    const abort = (): void => {
      this.rejectOne(waiter, signal.reason);
      if (this.waiters.size === 0) this.#ending.abort(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#listeners.set(waiter, abort);
  }

  /** Nothing, if it has been told something else by now. */
  resolve(waiter: Waiter<T>, value: T): void {
    if (this.#forget(waiter)) waiter.resolve(value);
  }

  rejectOne(waiter: Waiter<T>, reason: unknown): void {
    if (this.#forget(waiter)) waiter.reject(reason);
  }

  /** Tells all who are left. */
  reject(reason: unknown): void {
    for (const waiter of this.waiters) this.rejectOne(waiter, reason);
  }

  #forget(waiter: Waiter<T>): boolean {
    const listener = this.#listeners.get(waiter);
    if (listener !== undefined) waiter.signal?.removeEventListener('abort', listener);
    this.#listeners.delete(waiter);
    return this.waiters.delete(waiter);
  }
}
