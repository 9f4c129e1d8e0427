import type { Runtime } from '../platform/runtime.ts';
import { sleep } from './sleep.ts';

/** Commands that were applied this shortly ago are work that a build must leave room for. */
const busyMs = 20;
/** Timers are not exact: less than this is let through, and paid for with the next. */
const shortestWaitMs = 4;
/** What is paid for at once: small enough that a write never waits long behind it. */
const pieceBytes = 256 * 1024;
/**
 * How much faster while nothing is applied. Not without bound: there may be reads, or other
 * processes on the machine, of which nothing is known here.
 */
const idleFactor = 4;

/**
 * How fast a snapshot is built: with so many bytes a second while commands are applied, so that
 * these keep most of the machine, and four times as fast while none are.
 */
export class BuildPace {
  readonly #bytesPerSecond: number;
  readonly #runtime: Runtime;
  #appliedAt = -Infinity;
  /** When the bytes so far will have had their time. */
  #paidUntil = -Infinity;

  constructor(bytesPerSecond: number, runtime: Runtime) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#runtime = runtime;
  }

  /** Commands were applied just now. */
  applied(): void {
    this.#appliedAt = this.#runtime.now();
  }

  /** Hands the chunk on in pieces, each when its time has come. `signal` ends the waiting. */
  async *paced(
    chunk: Uint8Array,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      const piece = chunk.subarray(at, at + pieceBytes);
      await this.#pay(piece.length, signal);
      signal.throwIfAborted();
      yield piece;
    }
  }

  async #pay(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#runtime.now();
    const isIdle = now - this.#appliedAt > busyMs;
    const bytesPerSecond = isIdle ? idleFactor * this.#bytesPerSecond : this.#bytesPerSecond;
    const start = Math.max(now, this.#paidUntil);
    this.#paidUntil = start + (bytes / bytesPerSecond) * 1000;
    if (start - now < shortestWaitMs) return;
    try {
      await sleep(this.#runtime, start - now, signal);
    } catch (reason) {
      this.#paidUntil = now;
      throw reason;
    }
  }
}
