import type { Runtime } from '../platform/runtime.ts';
import { sleep } from './sleep.ts';

/** Commands that were applied this shortly ago are work that a build must leave room for. */
const busyMs = 20;
/** Timers are not exact: less than this is let through, and paid for with the next. */
const shortestWaitMs = 4;
/** What is paid for at once: small enough that a write never waits long behind it. */
const pieceBytes = 256 * 1024;

/**
 * How fast a snapshot is built: as fast as can be while the node has nothing else to do, and with
 * so many bytes a second while commands are applied, so that they keep most of the machine.
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
    const start = Math.max(now, this.#paidUntil);
    this.#paidUntil = start + (bytes / this.#bytesPerSecond) * 1000;
    if (start - now < shortestWaitMs) return;
    if (now - this.#appliedAt > busyMs) this.#paidUntil = now;
    else {
      try {
        await sleep(this.#runtime, start - now, signal);
      } catch (reason) {
        this.#paidUntil = now;
        throw reason;
      }
    }
  }
}
