import type { Runtime, Timer } from 'quorate';
import { KvError } from '../../errors.ts';
import type { KvLimits } from '../../protocol/limits.ts';
import type { Revision, WatchBatch, WatchRequest } from '../../types.ts';
import type { CallContext } from '../service.ts';
import type { BatchBounds } from './batch-builder.ts';
import { CatchUp } from './catch-up.ts';
import { InterestIndex } from './interest-index.ts';
import { KeptBatches } from './kept-batches.ts';
import { collectNews, type News } from './news.ts';
import { ProgressMarks } from './progress-marks.ts';
import { selectionOf } from './selection.ts';
import type { WatchedStore } from './watched-store.ts';
import { refusedWatch, type Told, Watcher, type WatcherHost } from './watcher.ts';

export interface WatchHubOptions {
  readonly store: WatchedStore;
  readonly limits: Pick<KvLimits, 'maxWatchers' | 'maxKeyBytes'>;
  readonly runtime: Pick<Runtime, 'now' | 'setTimer' | 'yieldToIo'>;
  /** A batch takes no further revision after so many events. Default 1000. */
  readonly maxBatchEvents?: number;
  /** Or after so many bytes of keys and values. Default 1 MiB. */
  readonly maxBatchBytes?: number;
  /** Who waits so long is told how far it has come, if it wants to know. Default one minute. */
  readonly progressIntervalMs?: number;
}

/** So many new revisions and changes at most are told in one turn of the event loop. */
const looksPerTurn = 8192;

/**
 * After waking many watchers the hub rests a little: what happens meanwhile reaches them as one
 * batch, and waking takes only some of the time.
 */
const restPerWatcherMs = 0.005;
const shortestRestMs = 2;
const longestRestMs = 50;

/**
 * Tells watchers what happens. A watcher is a place in the history of the store and has no queue:
 * whoever is behind is served from the history when it asks. Those that have been told everything
 * and ask for more are found by the keys of what is new, and equal ones share one batch.
 */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #bounds: BatchBounds;
  readonly #index = new InterestIndex();
  readonly #kept = new KeptBatches();
  readonly #watchers = new Set<Watcher>();
  /** Those that wait for a revision after the next one, by it. */
  readonly #ahead = new Map<Revision, Set<Watcher>>();
  readonly #catchUp: CatchUp;
  readonly #progress: ProgressMarks;
  readonly #host: WatcherHost;
  /** Watchers are told everything up to here. Those that wait expect the next one. */
  #told: Revision;
  #waitingCount = 0;
  #mark: Told | undefined = undefined;
  #rest: Timer | undefined = undefined;
  #isInTurns = false;
  #closedBy: KvError | undefined = undefined;

  constructor(options: WatchHubOptions) {
    const { store, runtime, progressIntervalMs = 60_000 } = options;
    this.#options = options;
    this.#bounds = {
      maxEvents: options.maxBatchEvents ?? 1000,
      maxBytes: options.maxBatchBytes ?? 1024 * 1024,
    };
    this.#told = store.revision;
    this.#host = {
      pulled: (watcher) => this.#pulled(watcher),
      ended: (watcher) => this.#ended(watcher),
    };
    this.#catchUp = new CatchUp({
      store,
      runtime,
      bounds: this.#bounds,
      kept: this.#kept,
      told: () => this.#told,
      caughtUp: (watcher) => this.#pulled(watcher),
      lost: (watcher) => watcher.fail(this.#compacted(watcher.position)),
    });
    const mark = (watcher: Watcher): void => this.#tellProgress(watcher);
    this.#progress = new ProgressMarks({ runtime, intervalMs: progressIntervalMs, mark });
  }

  /** Watchers that have not ended. */
  get count(): number {
    return this.#watchers.size;
  }

  /** Different things that are watched. */
  get interestCount(): number {
    return this.#index.size;
  }

  /** Nothing is left of any watcher. */
  get isEmpty(): boolean {
    const isForgotten = this.#index.isEmpty && this.#kept.size === 0 && this.#ahead.size === 0;
    return isForgotten && this.count + this.#waitingCount + this.#catchUp.size === 0;
  }

  /**
   * The watch counts from the call on: until it is returned from, fails, or `signal` is aborted. It
   * never throws here, but to whoever asks for the first batch.
   *
   * @throws {KvError} `KV_COMPACTED` when what comes next has been compacted, `KV_LIMIT`,
   *   `KV_INVALID` and `KV_TOO_LARGE` for the request.
   */
  watch(
    request: WatchRequest,
    { signal }: CallContext,
  ): AsyncIterableIterator<WatchBatch, undefined> {
    if (signal.aborted) return refusedWatch(signal.reason);
    try {
      return this.#open(request, signal);
    } catch (error) {
      return refusedWatch(error);
    }
  }

  /** To be called after each batch of commands that was applied; as often as one likes. */
  applied(): void {
    if (this.#rest === undefined && !this.#isInTurns) this.#tellNews();
  }

  /**
   * To be called right before a compaction, so that watchers that have been told everything do not
   * lose what was applied just before it.
   */
  compacting(): void {
    this.#advance(Infinity);
  }

  /** To be called after the store was replaced by a snapshot of it. */
  restored(): void {
    const { revision } = this.#options.store;
    if (revision < this.#told) {
      const message = `The store went back to revision ${revision}; watchers were told up to ${this.#told}.`;
      for (const watcher of [...this.#watchers]) watcher.fail(new KvError('KV_INTERNAL', message));
      this.#told = revision;
    }
    this.applied();
  }

  /** Ends all watches with `reason`, and refuses new ones with it. */
  close(reason: KvError): void {
    this.#closedBy ??= reason;
    for (const watcher of [...this.#watchers]) watcher.fail(this.#closedBy);
    this.#rest?.cancel();
    this.#rest = undefined;
  }

  #open(request: WatchRequest, signal: AbortSignal): Watcher {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const { store, limits } = this.#options;
    const { from = 0, progress: wantsProgress = false } = request;
    if (!Number.isSafeInteger(from) || from < 0) {
      const message = `'from' must be a revision, a whole number from 0 on; got ${String(from)}.`;
      throw new KvError('KV_INVALID', message);
    }
    const selection = selectionOf(request, limits);
    const { maxWatchers: most } = limits;
    if (this.count >= most) {
      const message = `This member has ${this.count} watchers, and ${most} are allowed (maxWatchers).`;
      const details = { limit: 'maxWatchers', most, came: this.count + 1 };
      throw new KvError('KV_LIMIT', message, { details });
    }
    const position = from === 0 ? store.revision + 1 : from;
    const interest = this.#index.enter(selection);
    const watcher = new Watcher({ interest, position, wantsProgress, signal }, this.#host);
    this.#watchers.add(watcher);
    return watcher;
  }

  #pulled(watcher: Watcher): void {
    const next = this.#told + 1;
    if (watcher.position < next) {
      this.#catchUp.serve(watcher);
    } else if (watcher.position === next) {
      watcher.interest.waiting.add(watcher);
      this.#waitingCount += 1;
      this.#progress.wait(watcher);
    } else {
      const others = this.#ahead.get(watcher.position);
      if (others === undefined) this.#ahead.set(watcher.position, new Set([watcher]));
      else others.add(watcher);
    }
  }

  #ended(watcher: Watcher): void {
    const { interest, position } = watcher;
    this.#watchers.delete(watcher);
    if (interest.waiting.delete(watcher)) this.#waitingCount -= 1;
    const ahead = this.#ahead.get(position);
    ahead?.delete(watcher);
    if (ahead?.size === 0) this.#ahead.delete(position);
    this.#catchUp.drop(watcher);
    this.#progress.drop(watcher);
    this.#index.leave(interest);
    if (interest.size === 0) this.#kept.forget(interest);
  }

  #tellNews(): void {
    const { store, runtime } = this.#options;
    const woken = this.#advance(looksPerTurn);
    const restMs = Math.min(longestRestMs, woken * restPerWatcherMs);
    if (restMs >= shortestRestMs) {
      this.#rest = runtime.setTimer(() => {
        this.#rest = undefined;
        this.#tellNews();
      }, restMs);
    } else if (this.#told < store.revision) {
      this.#isInTurns = true;
      runtime.yieldToIo(() => {
        this.#isInTurns = false;
        this.applied();
      });
    }
  }

  /** Tells what is new, or some of it, and how many watchers were waiting for that. */
  #advance(maxLooks: number): number {
    const { store } = this.#options;
    const from = this.#told + 1;
    const to = store.revision;
    if (to < from) return 0;
    if (this.#waitingCount > 0 && from <= store.compactedRevision) this.#failWaiting();
    if (this.#waitingCount === 0) {
      this.#told = to;
      this.#reach(from);
      return 0;
    }
    if (from < (store.heldFrom ?? 0)) {
      this.#told = to;
      const behind = this.#serveFromPast(from);
      this.#reach(from);
      return behind;
    }
    const bounds = this.#bounds;
    const news = collectNews(store, this.#index, { from, to, maxLooks, bounds });
    this.#told = news.upTo;
    const woken = this.#announce(news, from);
    this.#reach(from);
    return woken;
  }

  #announce({ batches, upTo }: News, from: Revision): number {
    let woken = 0;
    for (const [interest, batch] of batches) {
      const told = batch.finish(upTo);
      const { waiting, size } = interest;
      if (waiting.size < size) {
        this.#kept.keep({ interest, from, told, byteLength: batch.byteLength });
      }
      woken += waiting.size;
      for (const watcher of waiting) {
        this.#progress.told(watcher);
        watcher.tell(told);
      }
      waiting.clear();
    }
    this.#waitingCount -= woken;
    return woken;
  }

  /** Has a look at those that waited for a revision from `from` on. */
  #reach(from: Revision): void {
    const next = this.#told + 1;
    const isNear = next - from < this.#ahead.size;
    const candidates = isNear ? revisionsBetween(from, next) : [...this.#ahead.keys()];
    for (const position of candidates) {
      const reached = position <= next ? this.#ahead.get(position) : undefined;
      if (reached === undefined) continue;
      this.#ahead.delete(position);
      for (const watcher of reached) this.#pulled(watcher);
    }
  }

  /** What comes next for those that wait is not in memory any more: all at once they are behind. */
  #serveFromPast(from: Revision): number {
    let count = 0;
    for (const watcher of [...this.#watchers]) {
      if (!watcher.interest.waiting.delete(watcher)) continue;
      count += 1;
      watcher.position = from;
      this.#waitingCount -= 1;
      this.#progress.told(watcher);
      this.#catchUp.serve(watcher);
    }
    return count;
  }

  /** They wait for a revision that is gone: the store has leapt over it. */
  #failWaiting(): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher.interest.waiting.has(watcher)) watcher.fail(this.#compacted(this.#told + 1));
    }
  }

  #tellProgress(watcher: Watcher): void {
    if (this.#mark?.value.revision !== this.#told) {
      this.#mark = { done: false, value: { revision: this.#told, events: [] } };
    }
    watcher.interest.waiting.delete(watcher);
    this.#waitingCount -= 1;
    watcher.tell(this.#mark);
  }

  #compacted(position: Revision): KvError {
    const { compactedRevision } = this.#options.store;
    const message = `Revision ${position} was to be told next, and everything up to ${compactedRevision} has been compacted. Read the newest state, and watch from the revision after it.`;
    return new KvError('KV_COMPACTED', message, { details: { compactedRevision } });
  }
}

function revisionsBetween(from: Revision, to: Revision): readonly Revision[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
