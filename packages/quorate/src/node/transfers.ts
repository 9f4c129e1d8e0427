import { buggify, mark } from '../platform/sites.ts';

export interface TransferBounds {
  readonly maxSnapshotTransfers: number;
}

/** The places of those who may send a snapshot: as many at once as may be, the others wait. */
export class Transfers {
  readonly #bounds: TransferBounds;
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(bounds: TransferBounds) {
    this.#bounds = bounds;
  }

  /** Resolves, with what gives the place back, when there is one. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const isAlone = this.#count > 0 && buggify('transfers.oneAtATime');
    if (isAlone || this.#count >= this.#bounds.maxSnapshotTransfers) {
      mark('transfers.waited');
      await this.#place(signal);
    } else this.#count += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#count -= 1;
      else next();
    };
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
