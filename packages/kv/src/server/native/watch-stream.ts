import type { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import { checkRange, type KvLimits } from '../../protocol/limits.ts';
import type { OpenedWatch } from '../../protocol/rare-calls.ts';
import {
  encodeBatch,
  encodeCreated,
  encodeEnded,
  encodeEvents,
  encodeProgress,
} from '../../protocol/watching.ts';
import type { Revision, WatchBatch } from '../../types.ts';
import type { KvService } from '../service.ts';

/** Frames that are ready go out together, up to about so much. */
const fullChunkBytes = 64 * 1024;
/** So many watches are asked before it is looked whether one of them has something at once. */
const askedAtOnce = 16;
/** Turns of the queue of promises in which a watch that has something says so. */
const settlingTurns = 8;

export interface WatchStreamOptions {
  readonly service: Pick<KvService, 'watch' | 'status'>;
  readonly limits: KvLimits;
  /** What all streams of a member have encoded; a batch is encoded once for all that share it. */
  readonly encoded: WeakMap<WatchBatch, Uint8Array>;
  /** Called for each watch that needs no memory any more. */
  readonly onFreed: () => void;
  /** Called once, when all of them have ended for good. */
  readonly onClosed: () => void;
}

/** One watch of a stream. It waits to be asked, was asked, or has something that waits to go. */
interface Watcher {
  readonly number: number;
  readonly from: Revision;
  /** None if the service refused it at once. */
  readonly iterator: AsyncIterator<WatchBatch> | undefined;
  readonly controller: AbortController;
  isCreationTold: boolean;
  /** What it ended with; there is nothing more to ask. */
  ended: { readonly error: KvError | undefined } | undefined;
  /** Nobody wants to hear of it any more. */
  isOver: boolean;
}

/**
 * All watches of one caller as one stream of frames. A watch is asked for its next batch only while
 * the stream is read and nothing else is ready, and once at a time: who reads slowly makes nothing
 * pile up here. Watches are asked in turn, so that none waits for ever behind a busy one.
 */
export class WatchStream implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #options: WatchStreamOptions;
  readonly #watchers = new Map<number, Watcher>();
  /** Of these it must be told that they began, or that they ended. */
  readonly #untold = new Set<Watcher>();
  /** To be asked, in this order. */
  readonly #idle = new Set<Watcher>();
  /** What waits to go, and to whom: each batch once. */
  readonly #ready = new Map<WatchBatch, Watcher[]>();
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
  }

  has(watch: number): boolean {
    return this.#watchers.has(watch);
  }

  /**
   * Begins a watch, and returns the revision that its events begin with.
   *
   * @throws {KvError} `KV_TOO_LARGE`, and what the service throws at once.
   */
  add({ watch: number, request }: OpenedWatch): Revision {
    const { service, limits } = this.#options;
    checkRange(request, limits);
    const controller = new AbortController();
    const asked = request.from ?? 0;
    const from = asked === 0 ? service.status().revision + 1 : asked;
    const events = service.watch({ ...request, from }, { signal: controller.signal });
    const iterator = events[Symbol.asyncIterator]();
    const watcher = { ...newWatcher(number), from, iterator, controller };
    this.#watchers.set(number, watcher);
    this.#untold.add(watcher);
    this.#idle.add(watcher);
    this.#news();
    return from;
  }

  /** The same; what is thrown is told as the end of this watch, and the others go on. */
  addOrEnd(opened: OpenedWatch): void {
    try {
      this.add(opened);
    } catch (error) {
      const watcher = { ...newWatcher(opened.watch), isCreationTold: true };
      this.#watchers.set(opened.watch, watcher);
      this.#end(watcher, errorOf(error));
    }
  }

  /** Ends a watch; nothing of it is told any more. Returns whether there was one. */
  remove(watch: number): boolean {
    const watcher = this.#watchers.get(watch);
    if (watcher === undefined) return false;
    this.#forget(watcher);
    return true;
  }

  /** Ends all watches. Nothing can be read any more. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const watcher of this.#watchers.values()) this.#forget(watcher);
    this.#ready.clear();
    this.#news();
    this.#options.onClosed();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#isOver) {
      const chunk = this.#take();
      if (chunk !== undefined) return { done: false, value: chunk };
      if (this.#idle.size > 0) {
        this.#ask();
        await settled();
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        // Those that share the news have been told in the same turn.
        await settled();
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  #ask(): void {
    let asked = 0;
    for (const watcher of this.#idle) {
      if (asked === askedAtOnce) return;
      asked += 1;
      this.#idle.delete(watcher);
      watcher.iterator?.next().then(
        (result) => {
          if (watcher.isOver) return;
          if (result.done === true) this.#end(watcher, undefined);
          else this.#hold(watcher, result.value);
        },
        (error: unknown) => {
          if (!watcher.isOver) this.#end(watcher, errorOf(error));
        },
      );
    }
  }

  #hold(watcher: Watcher, batch: WatchBatch): void {
    const sharing = this.#ready.get(batch);
    if (sharing === undefined) this.#ready.set(batch, [watcher]);
    else sharing.push(watcher);
    this.#news();
  }

  #end(watcher: Watcher, error: KvError | undefined): void {
    watcher.ended = { error };
    this.#untold.add(watcher);
    this.#news();
  }

  #news(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** What is ready, as one chunk. */
  #take(): Uint8Array | undefined {
    const frames: Uint8Array[] = [];
    let bytes = 0;
    const add = (frame: Uint8Array): void => {
      frames.push(frame);
      bytes += frame.length;
    };
    for (const watcher of this.#untold) {
      if (bytes >= fullChunkBytes) break;
      this.#untold.delete(watcher);
      this.#tell(watcher, add);
    }
    for (const [batch, sharing] of this.#ready) {
      if (bytes >= fullChunkBytes) break;
      this.#ready.delete(batch);
      const watchers = sharing.filter(({ isOver }) => !isOver);
      if (watchers.length === 0) continue;
      add(this.#frameOf(batch, watchers));
      for (const watcher of watchers) this.#idle.add(watcher);
    }
    return frames.length > 1 ? Buffer.concat(frames) : frames[0];
  }

  #tell(watcher: Watcher, add: (frame: Uint8Array) => void): void {
    if (!watcher.isCreationTold) {
      watcher.isCreationTold = true;
      add(encodeCreated(watcher.number, watcher.from));
    }
    if (watcher.ended === undefined) return;
    add(encodeEnded(watcher.number, watcher.ended.error));
    this.#forget(watcher);
  }

  #frameOf(batch: WatchBatch, watchers: readonly Watcher[]): Uint8Array {
    const numbers = watchers.map(({ number }) => number);
    if (batch.events.length === 0) return encodeProgress(numbers, batch.revision);
    const { encoded } = this.#options;
    let bytes = encoded.get(batch);
    if (bytes === undefined) {
      bytes = encodeBatch(batch);
      encoded.set(batch, bytes);
    }
    return encodeEvents(numbers, bytes);
  }

  #forget(watcher: Watcher): void {
    watcher.isOver = true;
    this.#watchers.delete(watcher.number);
    this.#untold.delete(watcher);
    this.#idle.delete(watcher);
    watcher.controller.abort(watchOver);
    // Nobody waits for what it has left to do, and nothing follows from its failing.
    watcher.iterator?.return?.().catch(() => undefined);
    this.#options.onFreed();
  }
}

const watchOver = new Error('The watch has ended.');

function newWatcher(number: number): Watcher {
  return {
    number,
    from: 0,
    iterator: undefined,
    controller: new AbortController(),
    isCreationTold: false,
    ended: undefined,
    isOver: false,
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < settlingTurns; turn += 1) await Promise.resolve();
}
