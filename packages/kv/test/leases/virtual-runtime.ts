import type { Runtime, Timer } from 'quorate';

interface Planned {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to go on. */
export class VirtualRuntime implements Pick<Runtime, 'now' | 'setTimer' | 'yieldToIo'> {
  #now = 1000;
  readonly #timers = new Set<Planned>();
  #soon: (() => void)[] = [];

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

  yieldToIo(run: () => void): void {
    this.#soon.push(run);
  }

  /** Lets time pass, and everything happen that is due meanwhile, each when it is. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await this.turns();
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.run();
    }
    this.#now = end;
  }

  /** Time passes, and nothing runs: so it is for a process that was stopped. */
  standStill(ms: number): void {
    this.#now += ms;
  }

  /** Lets promises settle, and runs what waits for its turn, until nothing does. */
  async turns(): Promise<void> {
    while (await this.turn());
  }

  /** The same for one turn of the event loop; `false`: nothing has waited. */
  async turn(): Promise<boolean> {
    for (let settled = 0; settled < 10; settled += 1) await Promise.resolve();
    const soon = this.#soon;
    this.#soon = [];
    for (const run of soon) run();
    return soon.length > 0;
  }

  #next(): Planned | undefined {
    let next: Planned | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }
}
