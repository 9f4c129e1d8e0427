import type { Timer } from 'quorate';
import type { ClientRuntime } from './runtime.ts';

const firstPauseMs = 10;
const longestPauseMs = 250;

/** How long to wait before the next try: longer each time, and never all at the same moment. */
export class BackOff {
  readonly #runtime: ClientRuntime;
  #ms = firstPauseMs;

  constructor(runtime: ClientRuntime) {
    this.#runtime = runtime;
  }

  next(): number {
    const ms = this.#ms * (0.5 + this.#runtime.random() / 2);
    this.#ms = Math.min(2 * this.#ms, longestPauseMs);
    return ms;
  }

  reset(): void {
    this.#ms = firstPauseMs;
  }
}

/** All pauses of a client. They end early when it is closed; look then whether it is. */
export class Pauses {
  readonly #runtime: ClientRuntime;
  readonly #open = new Map<Timer, () => void>();
  #isClosed = false;

  constructor(runtime: ClientRuntime) {
    this.#runtime = runtime;
  }

  /** Resolves after about so long, and never rejects. */
  pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(() => {
        this.#open.delete(timer);
        resolve();
      }, ms);
      this.#open.set(timer, resolve);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const [timer, end] of this.#open) {
      timer.cancel();
      end();
    }
    this.#open.clear();
  }
}
