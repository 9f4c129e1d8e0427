import type { Runtime, Timer } from '../platform/runtime.ts';

/** Sees that something stands still: it calls `onStall` once, if nothing has moved for too long. */
export class StallWatch {
  readonly #runtime: Runtime;
  readonly #stallMs: number;
  readonly #onStall: () => void;
  /** This side lets the other one wait, so the time does not count. */
  isHeld = false;
  #movedAt: number;
  #timer: Timer;

  constructor(runtime: Runtime, stallMs: number, onStall: () => void) {
    this.#runtime = runtime;
    this.#stallMs = stallMs;
    this.#onStall = onStall;
    this.#movedAt = runtime.now();
    this.#timer = this.#arm();
  }

  moved(): void {
    this.#movedAt = this.#runtime.now();
  }

  end(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    const ms = this.#movedAt + this.#stallMs - this.#runtime.now();
    return this.#runtime.setTimer(() => this.#ring(), Math.max(1, Math.ceil(ms)));
  }

  #ring(): void {
    if (this.isHeld) this.moved();
    if (this.#runtime.now() - this.#movedAt < this.#stallMs) this.#timer = this.#arm();
    else this.#onStall();
  }
}
