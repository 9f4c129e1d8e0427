import { KvError } from '../errors.ts';
import type { KvEvent, Revision, WatchBatch } from '../types.ts';
import { Entry } from './entry.ts';

/** A change of one key. Changes of one transaction have the same revision. */
export type WatchEvent =
  | {
      readonly type: 'put';
      readonly revision: Revision;
      readonly keyBytes: Uint8Array;
      readonly entry: Entry;
      /** As it was before, if it was asked for, was there and is not compacted. */
      readonly previous?: Entry;
    }
  | {
      readonly type: 'delete';
      readonly revision: Revision;
      readonly keyBytes: Uint8Array;
      readonly entry?: undefined;
      readonly previous?: Entry;
    };

/** All events of some revisions, whole ones, in order. */
export interface WatchUpdate {
  /** Everything up to this one was told. */
  readonly revision: Revision;
  readonly events: readonly WatchEvent[];
}

/** Where batches of one watch come in, and wait until they are read. */
export class WatchQueue implements AsyncIterableIterator<WatchBatch, undefined> {
  readonly #onRead: () => void;
  readonly #onStop: () => void;
  #batches: WatchBatch[] = [];
  #bytes = 0;
  #waiting: PromiseWithResolvers<IteratorResult<WatchBatch, undefined>> | undefined;
  #end: { readonly error: unknown } | 'stopped' | undefined;

  constructor({ onRead, onStop }: { readonly onRead: () => void; readonly onStop: () => void }) {
    this.#onRead = onRead;
    this.#onStop = onStop;
  }

  /** About how much waits. */
  get bytes(): number {
    return this.#bytes;
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  push(batch: WatchBatch): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: batch });
      return;
    }
    this.#batches.push(batch);
    this.#bytes += weightOf(batch);
  }

  /** What came before can still be read, unless it is to end now. */
  fail(error: unknown, { isNow = false }: { readonly isNow?: boolean } = {}): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (isNow) this.#drop();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchBatch, undefined>> {
    const batch = this.#batches.shift();
    if (batch !== undefined) {
      this.#bytes -= weightOf(batch);
      if (this.#batches.length === 0) this.#onRead();
      return { done: false, value: batch };
    }
    if (this.#end === 'stopped') return { done: true, value: undefined };
    if (this.#end !== undefined) {
      const { error } = this.#end;
      // Told once; who goes on asking is at the end.
      this.#end = 'stopped';
      throw error;
    }
    if (this.#waiting !== undefined)
      throw new TypeError('A watch is read by one reader at a time.');
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<WatchBatch, undefined>> {
    const wasOver = this.isOver;
    this.#end = 'stopped';
    this.#drop();
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    if (!wasOver) this.#onStop();
    return { done: true, value: undefined };
  }

  #drop(): void {
    this.#batches = [];
    this.#bytes = 0;
  }
}

const eventBytes = 128;

function weightOf({ events }: WatchBatch): number {
  let bytes = 0;
  for (const { kv, previous } of events) {
    bytes += eventBytes + kv.key.length + kv.value.length + (previous?.value.length ?? 0);
  }
  return bytes;
}

/** A watch that somebody reads. It ends by `return()`, by leaving the loop or by its signal. */
export class Watch implements AsyncIterableIterator<WatchUpdate, undefined>, AsyncDisposable {
  readonly #batches: WatchQueue;
  /**
   * Resolves once the watch has begun, with the first revision that it tells of. Whatever changes
   * after that is seen.
   */
  readonly ready: Promise<Revision>;
  readonly #position: () => Revision;
  #revision = 0;
  #settled = 0;

  constructor(batches: WatchQueue, ready: Promise<Revision>, position: () => Revision) {
    this.#batches = batches;
    this.ready = ready;
    this.#position = position;
  }

  /** Everything up to this revision has been read; 0 before the first update. */
  get revision(): Revision {
    return this.#revision;
  }

  /**
   * Everything up to this revision has been read, or there was nothing to tell: it also grows while
   * other keys change. Of use to whoever mirrors keys, and must say how new they are.
   */
  get position(): Revision {
    // What waits to be read is behind what was known before it came.
    const known = this.#batches.bytes > 0 ? this.#revision : this.#position();
    this.#settled = Math.max(this.#settled, this.#revision, known);
    return this.#settled;
  }

  /** The events one by one. Read either these or the updates. */
  async *events(): AsyncGenerator<WatchEvent, undefined, undefined> {
    for await (const update of this) yield* update.events;
    return undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchUpdate, undefined>> {
    const { done, value } = await this.#batches.next();
    if (done === true) return { done, value: undefined };
    this.#revision = value.revision;
    return { done: false, value: updateFrom(value) };
  }

  async return(): Promise<IteratorResult<WatchUpdate, undefined>> {
    await this.#batches.return();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batches.return();
  }
}

function updateFrom({ revision, events }: WatchBatch): WatchUpdate {
  return { revision, events: events.map(eventFrom) };
}

function eventFrom({ type, kv, previous }: KvEvent): WatchEvent {
  const before = previous === undefined ? {} : { previous: new Entry(previous) };
  const about = { revision: kv.modRevision, keyBytes: kv.key, ...before };
  return type === 'put' ? { type, ...about, entry: new Entry(kv) } : { type, ...about };
}

/** History that a watch needs is gone. Says where it can go on once the newest state was read. */
export function compactedError(error: KvError, next: Revision): KvError {
  const compacted = error.details['compactedRevision'];
  const from = typeof compacted === 'number' ? compacted + 1 : undefined;
  const details = { ...error.details, wanted: next, ...(from === undefined ? {} : { from }) };
  const advice = 'Read the newest state, and watch from its revision + 1 on.';
  const message = `The watch was to go on from revision ${next}, and that is compacted. ${advice}`;
  return new KvError('KV_COMPACTED', message, { cause: error, details });
}
