import type { Runtime } from '../platform/runtime.ts';

/**
 * The clock of one node. Reading it costs as much as a small step of the core, so what happens
 * within one turn of the driver, as a consequence of what was just looked at, has the time read
 * last.
 */
export class TurnClock {
  /** The driver is at work further up the stack. */
  isInTurn = false;
  readonly runtime: Runtime;
  #last: number;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.#last = runtime.now();
  }

  /** Reads the clock. */
  now(): number {
    this.#last = this.runtime.now();
    return this.#last;
  }

  /** What it said when it was read last; never later than now. */
  get last(): number {
    return this.#last;
  }

  /** Within a turn what was read last, and else what it says now. */
  recent(): number {
    return this.isInTurn ? this.#last : this.now();
  }
}
