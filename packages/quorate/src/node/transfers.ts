import type { Runtime } from '../platform/runtime.ts';
import { sleep } from './sleep.ts';

export interface TransferBounds {
  readonly maxSnapshotTransfers: number;
  readonly snapshotBytesPerSecond: number;
}

/** A piece takes this long at most, so that all who send have their turn, and none looks dead. */
const pieceMs = 50;

/**
 * What the snapshots that one node sends have to share: as many at once as may be, and so many
 * bytes a second for all of them together.
 */
export class Transfers {
  readonly #bounds: TransferBounds;
  readonly #runtime: Runtime;
  #count = 0;
  #waiting: (() => void)[] = [];
  /** When the bytes so far will have had their time. */
  #paidUntil = -Infinity;

  constructor(bounds: TransferBounds, runtime: Runtime) {
    this.#bounds = bounds;
    this.#runtime = runtime;
  }

  /** Resolves, with what gives the place back, when there is one. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#count >= this.#bounds.maxSnapshotTransfers) await this.#place(signal);
    else this.#count += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#count -= 1;
      else next();
    };
  }

  /** Cuts a chunk into pieces that do not keep the others waiting. */
  *pieces(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    const perPiece = Math.ceil((this.#bounds.snapshotBytesPerSecond * pieceMs) / 1000);
    if (chunk.length <= perPiece) yield chunk;
    else
      for (let at = 0; at < chunk.length; at += perPiece) yield chunk.subarray(at, at + perPiece);
  }

  /** Resolves when `bytes` more may go out. What is given up meanwhile is not paid for. */
  async pace(bytes: number, signal: AbortSignal): Promise<void> {
    const perSecond = this.#bounds.snapshotBytesPerSecond;
    if (perSecond === Infinity) return;
    const now = this.#runtime.now();
    const start = Math.max(now, this.#paidUntil);
    const ms = (bytes / perSecond) * 1000;
    this.#paidUntil = start + ms;
    if (start <= now) return;
    try {
      await sleep(this.#runtime, start - now, signal);
    } catch (reason) {
      this.#paidUntil -= ms;
      throw reason;
    }
  }

  /** The place comes from one who leaves. */
  #place(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== take);
        reject(signal.reason);
      };
      const take = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(take);
    });
  }
}
