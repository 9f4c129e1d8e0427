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

  /** Settles as `answer` does, or rejects with the reason of the caller's signal once aborted. */
  until<Result>(answer: Promise<Result>, caller: Caller): Promise<Result> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(caller, reject);
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

interface Caller {
  readonly signal?: AbortSignal;
}

class Wait {
  readonly #caller: Caller;
  readonly #reject: (reason: unknown) => void;
  #signal: AbortSignal | undefined = undefined;
  readonly #onAbort = (): void => this.#reject(this.#signal?.reason);

  constructor(caller: Caller, reject: (reason: unknown) => void) {
    this.#caller = caller;
    this.#reject = reject;
  }

  listen(): void {
    this.#signal = this.#caller.signal;
    if (this.#signal?.aborted === true) return this.#onAbort();
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
