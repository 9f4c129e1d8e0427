import type { Runtime } from '../platform/runtime.ts';
import { sleep } from './sleep.ts';

/** A piece takes this long at most, so that all who send have their turn, and none looks dead. */
const pieceMs = 50;
/** Timers are not exact: so much ahead of its time a piece is let through, and paid for later. */
const shortestWaitMs = 4;
/** How much time that passed unused can be made up for: what a timer is late, and some more. */
const burstMs = 50;

/**
 * So many bytes a second for all snapshots that one node sends. Each piece takes its time on one
 * line that goes on where the piece before ended, not where its timer fired: what one came too late
 * or too early, the next ones make up for. In any stretch of time no more goes out than the rate
 * allows for it and for `burstMs` and `shortestWaitMs`, and a piece more than there are who send.
 */
export class SendPace {
  readonly #bytesPerSecond: number;
  readonly #runtime: Runtime;
  /** When the bytes so far will have had their time. */
  #paidUntil = -Infinity;

  constructor(bytesPerSecond: number, runtime: Runtime) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#runtime = runtime;
  }

  /** Cuts a chunk into pieces that do not keep the others waiting. */
  *pieces(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    const perPiece = Math.ceil((this.#bytesPerSecond * pieceMs) / 1000);
    if (chunk.length <= perPiece) yield chunk;
    else
      for (let at = 0; at < chunk.length; at += perPiece) yield chunk.subarray(at, at + perPiece);
  }

  /** Resolves when `bytes` more may go out. What is given up meanwhile is not paid for. */
  async pay(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === Infinity) return;
    const now = this.#runtime.now();
    const start = Math.max(now - burstMs, this.#paidUntil);
    const ms = (bytes / this.#bytesPerSecond) * 1000;
    this.#paidUntil = start + ms;
    if (start - now < shortestWaitMs) return;
    try {
      await sleep(this.#runtime, start - now, signal);
    } catch (reason) {
      this.#paidUntil -= ms;
      throw reason;
    }
  }
}
