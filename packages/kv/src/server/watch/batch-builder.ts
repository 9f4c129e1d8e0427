import type { KvEvent, Revision } from '../../types.ts';
import type { Told } from './watcher.ts';

/** When a batch is full. The events of one revision stay together, so it may get larger. */
export interface BatchBounds {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Memory of an event beside its bytes, roughly. */
const eventBytes = 200;

export class BatchBuilder {
  readonly #bounds: BatchBounds;
  readonly #events: KvEvent[] = [];
  #byteLength = 0;
  /** Nothing of a later revision is taken. */
  #fullAt: Revision | undefined = undefined;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  takes(revision: Revision): boolean {
    return this.#fullAt === undefined || revision <= this.#fullAt;
  }

  add(revision: Revision, event: KvEvent): void {
    this.#events.push(event);
    this.#byteLength += sizeOf(event);
    const { maxEvents, maxBytes } = this.#bounds;
    if (this.#events.length >= maxEvents || this.#byteLength >= maxBytes) this.#fullAt = revision;
  }

  /** What it has, when everything up to `upTo` was offered to it. */
  finish(upTo: Revision): Told {
    const revision = this.#fullAt ?? upTo;
    return { done: false, value: { revision, events: this.#events } };
  }
}

function sizeOf({ kv, previous }: KvEvent): number {
  const before = previous === undefined ? 0 : previous.key.byteLength + previous.value.byteLength;
  return eventBytes + kv.key.byteLength + kv.value.byteLength + before;
}
