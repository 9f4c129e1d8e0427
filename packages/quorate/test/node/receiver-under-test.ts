import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { Event } from '../../src/core/event.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import { Receiving } from '../../src/node/snapshot-receiver.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { collect, metaAt } from './snapshots.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

export const content = Uint8Array.from({ length: 100 }, (_, at) => at);

export interface Call {
  readonly index?: number;
  readonly offset?: number;
  readonly term?: number;
  readonly size?: number;
  readonly checksum?: number;
}

function requestOf({ index = 9, offset = 0, term = 1, ...whole }: Call): InstallSnapshotRequest {
  const { size = content.length, checksum = crc32(content) } = whole;
  return { term, leader: 'a', meta: metaAt(index), offset, size, checksum };
}

/** A stream whose chunks the test hands out one by one. */
export class SlowStream implements AsyncIterable<Uint8Array> {
  readonly #asked: ((result: IteratorResult<Uint8Array> | Promise<never>) => void)[] = [];
  isReleased = false;

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => new Promise((resolve) => void this.#asked.push(resolve)),
      return: async () => {
        this.isReleased = true;
        return { done: true, value: undefined };
      },
    };
  }

  async give(bytes: Uint8Array): Promise<void> {
    this.#asked.shift()?.({ done: false, value: bytes });
    await settle();
  }

  async break(): Promise<void> {
    this.#asked.shift()?.(Promise.reject(new Error('reset')));
    await settle();
  }
}

export const stallMs = 1000;

/** A receiver whose core the test plays. */
export class Setup {
  readonly runtime = new VirtualRuntime();
  /** How far the node has come. */
  committed = 0;
  readonly store: SnapshotStore;
  readonly events: Event[] = [];
  /** Transfers between `begin` and `end`. */
  open = 0;
  mostOpen = 0;
  onBegin: () => void | Promise<void> = () => undefined;
  readonly receiving: Receiving;
  #requests = 0;

  constructor(store: SnapshotStore = new MemorySnapshotStore()) {
    this.store = store;
    this.receiving = new Receiving({
      store,
      runtime: this.runtime,
      stallMs,
      isAhead: ({ lastLogId }) => lastLogId.index > this.committed,
      // An answered call is withdrawn, and a snapshot installed, as the node does it.
      post: (event) => {
        this.events.push(event);
        if (event.type === 'snapshotReceived') this.committed = event.meta.lastLogId.index;
        if ('request' in event) this.receiving.withdraw(event.request);
      },
      begin: async () => {
        this.open += 1;
        this.mostOpen = Math.max(this.mostOpen, this.open);
        await this.onBegin();
      },
      end: () => void (this.open -= 1),
    });
    onTestFinished(async () => {
      await this.receiving.close();
      assert.deepEqual([this.open, this.runtime.timerCount], [0, 0]);
    });
  }

  async receive(chunks: AsyncIterable<Uint8Array>, call: Call = {}): Promise<void> {
    const request = ++this.#requests;
    this.receiving.offer(request, chunks);
    this.receiving.receive(request, requestOf(call));
    await settle();
  }

  async current(): Promise<[index: number, bytes: Uint8Array] | undefined> {
    const snapshot = await this.store.current();
    return snapshot && [snapshot.meta.lastLogId.index, await collect(snapshot.chunks())];
  }
}

export function failed(request: number, stored: number): Event {
  return { type: 'snapshotFailed', request, stored };
}
