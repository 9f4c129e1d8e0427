import type { Timer } from 'quorate';
import type { ClientRuntime } from './runtime.ts';

/** Something that must have ended by then, on the clock of the runtime. */
export interface Expiring {
  readonly deadline: number;
  expire(): void;
}

/** One timer for everything that has a deadline: it rings at the earliest, or before it. */
export class Deadlines {
  readonly #runtime: ClientRuntime;
  readonly #items = new Set<Expiring>();
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(runtime: ClientRuntime) {
    this.#runtime = runtime;
  }

  get count(): number {
    return this.#items.size;
  }

  add(item: Expiring): void {
    this.#items.add(item);
    if (item.deadline < this.#timerAt) this.#arm(item.deadline);
  }

  delete(item: Expiring): void {
    this.#items.delete(item);
    // A client that rests keeps no process alive.
    if (this.#items.size === 0 && this.#timer !== undefined) this.#scheduleRest();
  }

  /** Forgets everything; nothing rings any more. */
  close(): void {
    this.#items.clear();
    this.#disarm();
  }

  #isResting = false;

  /** Looked at once for all that end in a turn: the next call often comes at once. */
  #scheduleRest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    queueMicrotask(() => {
      this.#isResting = false;
      if (this.#items.size === 0) this.#disarm();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    const ms = Math.max(0, Math.ceil(at - this.#runtime.now()));
    this.#timer = this.#runtime.setTimer(this.#ring, ms);
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#runtime.now();
    const due: Expiring[] = [];
    let next = Infinity;
    for (const item of this.#items) {
      if (item.deadline <= now) due.push(item);
      else next = Math.min(next, item.deadline);
    }
    if (next < Infinity) this.#arm(next);
    for (const item of due) {
      this.#items.delete(item);
      item.expire();
    }
  };
}
