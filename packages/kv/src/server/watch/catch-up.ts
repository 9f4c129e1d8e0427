import type { Runtime } from 'quorate';
import { errorOf } from '../../protocol/failures.ts';
import type { Revision } from '../../types.ts';
import type { BatchBounds } from './batch-builder.ts';
import { type Scanned, scanHistory, scanPast } from './history-scan.ts';
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
/** So many watchers at a time are served from the disk; the others wait for their turn. */
const maxReads = 4;

/** Serves the watchers that are behind, from the history. A long way takes many turns. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #queue = new Set<Watcher>();
  #isScheduled = false;
  /** Those that want what is on the disk, and those for whom it is being read. */
  readonly #late = new Set<Watcher>();
  readonly #reading = new Set<Watcher>();
  #reads = 0;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#queue.size + this.#late.size + this.#reading.size;
  }

  serve(watcher: Watcher): void {
    this.#serve(watcher, looksAtOnce);
    this.#schedule();
  }

  drop(watcher: Watcher): void {
    this.#queue.delete(watcher);
    this.#late.delete(watcher);
    this.#reading.delete(watcher);
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
    const { store, bounds, caughtUp, lost } = this.#options;
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
    if (from < (store.heldFrom ?? 0)) {
      this.#late.add(watcher);
      this.#readOn();
      return 0;
    }
    const scanned = scanHistory(store, interest, { from, to, maxLooks, bounds });
    this.#scanned(watcher, from, scanned);
    return scanned.looks;
  }

  #scanned(watcher: Watcher, from: Revision, { found, upTo }: Scanned): void {
    const { kept, caughtUp } = this.#options;
    const { interest } = watcher;
    if (found.isEmpty) {
      interest.noteGap(from, upTo);
      watcher.position = upTo + 1;
      if (upTo < this.#options.told()) this.#queue.add(watcher);
      else caughtUp(watcher);
      return;
    }
    const told = found.finish(upTo);
    if (interest.size > 1) kept.keep({ interest, from, told, byteLength: found.byteLength });
    watcher.tell(told);
  }

  #readOn(): void {
    for (const watcher of this.#late) {
      if (this.#reads >= maxReads) return;
      this.#late.delete(watcher);
      this.#reading.add(watcher);
      void this.#read(watcher);
    }
  }

  /** Serves a watcher from what is not in memory any more. */
  async #read(watcher: Watcher): Promise<void> {
    const { position: from } = watcher;
    const { store, lost } = this.#options;
    this.#reads += 1;
    try {
      // It may have waited for its turn for long.
      if (from <= store.compactedRevision) {
        this.#reading.delete(watcher);
        lost(watcher);
        return;
      }
      const scanned = await this.#readPast(watcher, from);
      // It may have ended meanwhile.
      if (this.#reading.delete(watcher)) this.#scanned(watcher, from, scanned);
    } catch (error) {
      if (!this.#reading.delete(watcher)) return;
      const failure = errorOf(error);
      // A snapshot has replaced the store: its history is the one to read.
      if (failure.code === 'KV_STOPPING') this.#queue.add(watcher);
      else watcher.fail(failure);
    } finally {
      this.#reads -= 1;
      this.#readOn();
      this.#schedule();
    }
  }

  async #readPast({ interest }: Watcher, from: Revision): Promise<Scanned> {
    const { store, bounds, told } = this.#options;
    const { heldFrom = 0 } = store;
    const past = store.readPast?.();
    if (past === undefined) throw new Error('A store that does not hold all must be readable.');
    try {
      const to = Math.min(told(), heldFrom - 1);
      return await scanPast(past, interest, { from, to, maxLooks: looksInTurn, bounds });
    } finally {
      await past.done();
    }
  }
}
