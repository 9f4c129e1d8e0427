import type { Runtime } from 'quorate';
import type { Revision } from '../../types.ts';
import type { BatchBounds } from './batch-builder.ts';
import { scanHistory } from './history-scan.ts';
import type { KeptBatches } from './kept-batches.ts';
import type { WatchedStore } from './watched-store.ts';
import type { Watcher } from './watcher.ts';

export interface CatchUpOptions {
  readonly store: WatchedStore;
  readonly runtime: Pick<Runtime, 'yieldToIo'>;
  readonly bounds: BatchBounds;
  readonly kept: KeptBatches;
  /** Up to which revision watchers are told. */
  readonly told: () => Revision;
  /** It has seen all of that. */
  readonly caughtUp: (watcher: Watcher) => void;
  /** What comes next for it is not there any more. */
  readonly lost: (watcher: Watcher) => void;
}

/** So much of the history is looked at right when a watcher asks. */
const looksAtOnce = 256;
/** And so much for one watcher, and for all of them, in a later turn of the event loop. */
const looksInTurn = 1024;
const looksPerTurn = 8192;

/** Serves the watchers that are behind, from the history. A long way takes many turns. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #queue = new Set<Watcher>();
  #isScheduled = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#queue.size;
  }

  serve(watcher: Watcher): void {
    this.#serve(watcher, looksAtOnce);
    this.#schedule();
  }

  drop(watcher: Watcher): void {
    this.#queue.delete(watcher);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.size === 0) return;
    this.#isScheduled = true;
    this.#options.runtime.yieldToIo(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    let left = looksPerTurn;
    // Who is not done yet goes to the end of the queue, and has its turn there.
    for (const watcher of this.#queue) {
      if (left <= 0) break;
      this.#queue.delete(watcher);
      left -= 1 + this.#serve(watcher, Math.min(left, looksInTurn));
    }
    this.#schedule();
  }

  /** How much it has looked at. */
  #serve(watcher: Watcher, maxLooks: number): number {
    const { store, bounds, kept, caughtUp, lost } = this.#options;
    const { interest } = watcher;
    if (watcher.position <= store.compactedRevision) {
      lost(watcher);
      return 0;
    }
    const to = this.#options.told();
    const from = interest.skip(watcher.position);
    watcher.position = from;
    if (from > to) {
      caughtUp(watcher);
      return 0;
    }
    const known = interest.kept.get(from);
    if (known !== undefined) {
      watcher.tell(known.told);
      return 0;
    }
    const { found, upTo, looks } = scanHistory(store, interest, { from, to, maxLooks, bounds });
    if (found.isEmpty) {
      interest.noteGap(from, upTo);
      watcher.position = upTo + 1;
      if (upTo < to) this.#queue.add(watcher);
      else caughtUp(watcher);
      return looks;
    }
    const told = found.finish(upTo);
    if (interest.size > 1) kept.keep({ interest, from, told, byteLength: found.byteLength });
    watcher.tell(told);
    return looks;
  }
}
