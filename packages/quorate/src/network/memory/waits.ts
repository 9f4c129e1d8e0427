import type { Runtime } from '../../platform/runtime.ts';

/**
 * Lets the caller's signal end its wait for an answer.
 *
 * A listener on a signal costs more than a whole call between two nodes of one process. Most
 * answers come before the event loop turns, so listeners are added only then, to what still waits.
 */
export class Waits {
  readonly #runtime: Runtime;
  readonly #young = new Set<Wait>();
  #turnIsAwaited = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Settles as `answer` does, or rejects with `signal.reason` once that is aborted. */
  until<Result>(answer: Promise<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(signal, reject);
      this.#young.add(wait);
      this.#awaitTurn();
      const settled = (): void => {
        this.#young.delete(wait);
        wait.end();
      };
      answer.then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    });
  }

  #awaitTurn(): void {
    if (this.#turnIsAwaited) return;
    this.#turnIsAwaited = true;
    this.#runtime.yieldToIo(() => {
      this.#turnIsAwaited = false;
      for (const wait of this.#young) wait.listen();
      this.#young.clear();
    });
  }
}

class Wait {
  readonly #signal: AbortSignal;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = (): void => this.#reject(this.#signal.reason);
  #listens = false;

  constructor(signal: AbortSignal, reject: (reason: unknown) => void) {
    this.#signal = signal;
    this.#reject = reject;
  }

  listen(): void {
    if (this.#signal.aborted) return this.#onAbort();
    this.#listens = true;
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  end(): void {
    if (this.#listens) this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
