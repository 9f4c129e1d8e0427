import { KvError } from '../../errors.ts';
import { type KvLimits, limitError } from '../../protocol/limits.ts';
import type { OpenedWatch, WatchStreamRequest } from '../../protocol/rare-calls.ts';
import type { Revision, WatchBatch } from '../../types.ts';
import type { KvService } from '../service.ts';
import { WatchStream } from './watch-stream.ts';

/** All streams of watches of one member, by the names that their callers have drawn. */
export class WatchStreams {
  readonly #service: KvService;
  readonly #limits: KvLimits;
  readonly #streams = new Map<string, WatchStream>();
  readonly #encoded = new WeakMap<WatchBatch, Uint8Array>();
  /** Watches that take memory, in all streams; those that ended too, until that is told. */
  #watches = 0;

  constructor(service: KvService, limits: KvLimits) {
    this.#service = service;
    this.#limits = limits;
  }

  /**
   * A stream of frames with these watches. One that is refused ends, and the others go on.
   *
   * @throws {KvError} `KV_INVALID` or `KV_LIMIT`, when there is to be no stream.
   */
  open({ stream: name, watches }: WatchStreamRequest, signal: AbortSignal): WatchStream {
    if (this.#streams.has(name)) {
      throw new KvError('KV_INVALID', 'There is such a stream already; draw another name.');
    }
    const numbers = new Set<number>();
    for (const { watch } of watches) {
      if (numbers.has(watch)) throw taken(watch);
      numbers.add(watch);
    }
    this.#demandRoom(watches.length);
    const stream = new WatchStream({
      service: this.#service,
      limits: this.#limits,
      encoded: this.#encoded,
      onFreed: () => {
        this.#watches -= 1;
      },
      onClosed: () => this.#streams.delete(name),
    });
    this.#streams.set(name, stream);
    this.#watches += watches.length;
    for (const opened of watches) stream.addOrEnd(opened);
    if (signal.aborted) stream.close();
    else signal.addEventListener('abort', () => stream.close(), { once: true });
    return stream;
  }

  /**
   * Adds a watch to a stream, and returns the revision that its events begin with.
   *
   * @throws {KvError} `KV_NOT_FOUND`, `KV_INVALID`, `KV_TOO_LARGE`, `KV_LIMIT`.
   */
  watch(name: string, opened: OpenedWatch): Revision {
    const stream = this.#streamOf(name);
    if (stream.has(opened.watch)) throw taken(opened.watch);
    this.#demandRoom(1);
    const from = stream.add(opened);
    this.#watches += 1;
    return from;
  }

  /** @throws {KvError} `KV_NOT_FOUND` */
  unwatch(name: string, watch: number): void {
    if (this.#streamOf(name).remove(watch)) return;
    throw new KvError('KV_NOT_FOUND', `The stream has no watch ${watch}; it may have ended.`);
  }

  #streamOf(name: string): WatchStream {
    const stream = this.#streams.get(name);
    if (stream !== undefined) return stream;
    const message = 'There is no such stream any more, or it is that of another member.';
    throw new KvError('KV_NOT_FOUND', message);
  }

  #demandRoom(more: number): void {
    const came = this.#watches + more;
    if (came <= this.#limits.maxWatchers) return;
    throw limitError(this.#limits, 'maxWatchers', came, 'KV_LIMIT');
  }
}

function taken(watch: number): KvError {
  return new KvError('KV_INVALID', `The stream has a watch ${watch} already.`);
}
