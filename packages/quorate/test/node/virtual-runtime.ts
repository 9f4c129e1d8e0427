import type { Runtime, Timer } from '../../src/platform/runtime.ts';

interface VirtualTimer {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Time that stands still until the test moves it, and chance that is always the same. */
export class VirtualRuntime implements Runtime {
  #now = 0;
  #timers: VirtualTimer[] = [];
  #ids = 0;

  get timerCount(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  setTimer(run: () => void, ms: number): Timer {
    const timer = { dueAt: this.#now + ms, run };
    this.#timers.push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  random(): number {
    return 0.5;
  }

  randomId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  yieldToIo(run: () => void): void {
    setImmediate(run);
  }

  /** Moves time on by `ms` and runs the timers that come due, in their order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#remove(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.run();
      await settle();
    }
    this.#now = end;
  }

  #nextUntil(end: number): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  #remove(timer: VirtualTimer): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }
}

/** Lets every promise that can go on do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
