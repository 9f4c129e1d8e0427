import type { Runtime, Timer } from 'quorate';
import type { Watcher } from './watcher.ts';

export interface ProgressMarksOptions {
  readonly runtime: Pick<Runtime, 'now' | 'setTimer'>;
  readonly intervalMs: number;
  /** Tells it how far it has come. */
  readonly mark: (watcher: Watcher) => void;
}

/** So many marks at most are made in one turn of the event loop. */
const maxMarks = 1000;

/** Who has waited for long without an event is told so. One timer for all. */
export class ProgressMarks {
  readonly #options: ProgressMarksOptions;
  /** When each is to be told. In this order, too, since all wait equally long. */
  readonly #waiting = new Map<Watcher, number>();
  #timer: Timer | undefined = undefined;

  constructor(options: ProgressMarksOptions) {
    this.#options = options;
  }

  /** It waits from now on. */
  wait(watcher: Watcher): void {
    if (!watcher.wantsProgress) return;
    const { runtime, intervalMs } = this.#options;
    this.#waiting.set(watcher, runtime.now() + intervalMs);
    this.#arm();
  }

  /** It has been told something. */
  told(watcher: Watcher): void {
    if (watcher.wantsProgress) this.#waiting.delete(watcher);
  }

  /** It has ended. */
  drop(watcher: Watcher): void {
    this.told(watcher);
    if (this.#waiting.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const { runtime } = this.#options;
    for (const at of this.#waiting.values()) {
      const waitMs = Math.max(0, at - runtime.now());
      this.#timer = runtime.setTimer(() => this.#ring(), waitMs);
      return;
    }
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#options.runtime.now();
    let left = maxMarks;
    for (const [watcher, at] of this.#waiting) {
      if (at > now || left === 0) break;
      left -= 1;
      this.#waiting.delete(watcher);
      this.#options.mark(watcher);
    }
    this.#arm();
  }
}
