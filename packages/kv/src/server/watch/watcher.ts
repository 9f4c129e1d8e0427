import { KvError } from '../../errors.ts';
import type { Revision, WatchBatch } from '../../types.ts';
import type { Interest } from './interest.ts';

/** One answer; shared by all watchers that get the same batch. */
export type Told = IteratorYieldResult<WatchBatch>;

export interface WatcherHost {
  /** Somebody waits for the next batch. */
  pulled(watcher: Watcher): void;
  /** It gets nothing any more, and its place is free. */
  ended(watcher: Watcher): void;
}

interface Pull {
  readonly resolve: (result: IteratorResult<WatchBatch, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

export interface WatcherOptions {
  readonly interest: Interest;
  readonly position: Revision;
  readonly wantsProgress: boolean;
  readonly signal: AbortSignal;
}

/** A place in the history. It keeps nothing: what it is told is looked up when it is asked for. */
export class Watcher implements AsyncIterableIterator<WatchBatch, undefined> {
  readonly interest: Interest;
  readonly wantsProgress: boolean;
  /**
   * What it is told next. While it waits, having been told everything, this stays behind: then the
   * hub knows its place.
   */
  position: Revision;
  readonly #host: WatcherHost;
  readonly #signal: AbortSignal;
  #pull: Pull | undefined = undefined;
  #isOver = false;
  /** To be told once. */
  #failure: { readonly reason: unknown } | undefined = undefined;

  constructor({ interest, position, wantsProgress, signal }: WatcherOptions, host: WatcherHost) {
    this.interest = interest;
    this.position = position;
    this.wantsProgress = wantsProgress;
    this.#host = host;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  get isPulled(): boolean {
    return this.#pull !== undefined;
  }

  /** Only one call at a time. */
  next(): Promise<IteratorResult<WatchBatch, undefined>> {
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    if (this.#pull !== undefined) {
      const message = 'The watch is asked for a batch already: wait for it before the next one.';
      return Promise.reject(new KvError('KV_INVALID', message));
    }
    return new Promise((resolve, reject) => {
      this.#pull = { resolve, reject };
      this.#host.pulled(this);
    });
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#end()?.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  tell(told: Told): void {
    this.position = told.value.revision + 1;
    const pull = this.#pull;
    this.#pull = undefined;
    pull?.resolve(told);
  }

  fail(reason: unknown): void {
    if (this.#isOver) return;
    const pull = this.#end();
    if (pull === undefined) this.#failure = { reason };
    else pull.reject(reason);
  }

  readonly #onAbort = (): void => this.fail(this.#signal.reason);

  #end(): Pull | undefined {
    const pull = this.#pull;
    this.#pull = undefined;
    if (this.#isOver) return undefined;
    this.#isOver = true;
    this.#failure = undefined;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#host.ended(this);
    return pull;
  }
}

/** A watch that was refused says so to the first who asks. */
export function refusedWatch(reason: unknown): AsyncIterableIterator<WatchBatch, undefined> {
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let isOver = false;
  return {
    next: () => {
      const isFirst = !isOver;
      isOver = true;
      return isFirst ? Promise.reject(reason) : Promise.resolve(over);
    },
    return: () => {
      isOver = true;
      return Promise.resolve(over);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
