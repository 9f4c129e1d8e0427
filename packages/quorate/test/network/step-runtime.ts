import type { Runtime, Timer } from '../../src/platform/runtime.ts';

/** Time that passes when the test says so. */
export class StepRuntime implements Runtime {
  #now = 0;
  #timers: { readonly dueAt: number; readonly run: () => void }[] = [];
  #yielded: (() => void)[] = [];
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
    return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }

  random(): number {
    return 0.5;
  }

  randomId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  yieldToIo(run: () => void): void {
    this.#yielded.push(run);
  }

  /** Lets promises run until nothing but timers and turns is left. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  /** One turn of the event loop, in which no time passes. */
  async turn(): Promise<void> {
    await this.settle();
    for (const run of this.#yielded.splice(0)) run();
    await this.settle();
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    const end = this.#now + ms;
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      const timer = next;
      this.#timers = this.#timers.filter((one) => one !== timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.run();
      await this.settle();
    }
    this.#now = end;
  }

  #due(end: number): { dueAt: number; run: () => void } | undefined {
    const due = this.#timers.filter(({ dueAt }) => dueAt <= end);
    return due.sort((left, right) => left.dueAt - right.dueAt)[0];
  }
}
