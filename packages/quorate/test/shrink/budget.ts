/** How much a search may cost: it ends with what it has found so far. */
export interface Limits {
  readonly runs: number;
  readonly ms: number;
}

/** Counts the runs of a search and watches the time. */
export class Budget {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #startedAt: number;
  runCount = 0;

  /** `now` tells the time in milliseconds. */
  constructor(limits: Limits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#startedAt = now();
  }

  get isOver(): boolean {
    const { runs, ms } = this.#limits;
    return this.runCount >= runs || this.#now() - this.#startedAt >= ms;
  }

  /** Takes one run, if there is one left. */
  spend(): boolean {
    if (this.isOver) return false;
    this.runCount += 1;
    return true;
  }
}
