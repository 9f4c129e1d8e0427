import type { Runtime, Timer } from 'quorate';

interface Planned {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to go on, and chance that is always in the middle. */
export class TestRuntime implements Runtime {
  #now = 1000;
  #ids = 0;
  readonly #timers = new Set<Planned>();

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimer(run: () => void, ms: number): Timer {
    const planned = { at: this.#now + Math.max(0, ms), run };
    this.#timers.add(planned);
    return { cancel: () => void this.#timers.delete(planned) };
  }

  random(): number {
    return 0.5;
  }

  randomId(): string {
    this.#ids += 1;
    return `id-${String(this.#ids).padStart(20, '0')}`;
  }

  yieldToIo(run: () => void): void {
    queueMicrotask(run);
  }

  /** Lets time pass, and everything happen that is due meanwhile, each when it is. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.run();
    }
    this.#now = end;
    await settle();
  }

  /** Time passes, and nothing runs: so it is for a process that was stopped. */
  standStill(ms: number): void {
    this.#now += ms;
  }

  #next(): Planned | undefined {
    let next: Planned | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }
}

/** Lets promises settle that wait for nothing else. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}
