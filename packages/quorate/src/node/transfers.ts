import type { Runtime } from '../platform/runtime.ts';

export interface TransferBounds {
  readonly maxSnapshotTransfers: number;
  readonly snapshotBytesPerSecond: number;
}

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

  /** Resolves when `bytes` more may go out. */
  async pace(bytes: number, signal: AbortSignal): Promise<void> {
    const perSecond = this.#bounds.snapshotBytesPerSecond;
    if (perSecond === Infinity) return;
    const now = this.#runtime.now();
    const start = Math.max(now, this.#paidUntil);
    this.#paidUntil = start + (bytes / perSecond) * 1000;
    if (start > now) await this.#sleep(start - now, signal);
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

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#runtime.setTimer(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      }, ms);
      const abort = (): void => {
        timer.cancel();
        reject(signal.reason);
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }
}
