import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { SnapshotReceiver } from '../../src/contract/snapshot-store.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { content, failed, Setup, SlowStream, stallMs } from './receiver-under-test.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a stream of which nothing comes', () => {
  test('is over after a while, and what came of it is kept', async () => {
    const setup = new Setup();
    const hung = new SlowStream();
    await setup.receive(hung);
    for (let at = 0; at < 30; at += 10) {
      await setup.runtime.advance(stallMs - 1);
      await hung.give(content.subarray(at, at + 10));
    }
    await setup.runtime.advance(stallMs - 1);
    expect(setup.events).toEqual([]);

    await setup.runtime.advance(1);

    expect(setup.events).toEqual([failed(1, 30)]);
    expect(hung.isReleased).toBe(true);
    expect([setup.open, setup.runtime.timerCount]).toEqual([0, 0]);
    await setup.receive(new Stream(content.subarray(30)), { offset: 30 });
    expect(await setup.current()).toEqual([9, content]);
  });

  test('is not one of which the disk takes nothing', async () => {
    const store = new HeldStore('write');
    const setup = new Setup(store);
    await setup.receive(new Stream(content, 50));

    await setup.runtime.advance(stallMs * 10);
    expect(setup.events).toEqual([]);
    store.goOn();
    await settle();

    expect(setup.events).toMatchObject([{ type: 'snapshotReceived' }]);
  });
});

test('a long stream leaves none of its chunks in memory', async () => {
  const chunks: WeakRef<Uint8Array>[] = [];
  let kept = 0;
  async function* stream(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < 200; at += 1) {
      const chunk = new Uint8Array(1024);
      chunks.push(new WeakRef(chunk));
      yield chunk;
      // Weak references are looked at anew with each turn of the event loop.
      await settle();
    }
    collectGarbage();
    await settle();
    kept = chunks.filter((chunk) => chunk.deref() !== undefined).length;
  }
  const setup = new Setup(new ForgetfulStore());

  await setup.receive(stream(), { size: 200 * 1024 + 1 });
  await expect.poll(() => setup.events.length).toBe(1);

  expect(chunks).toHaveLength(200);
  expect(kept).toBeLessThan(20);
});

test('a call that waited for another takes nothing of what that one has brought', async () => {
  const store = new HeldStore('finish');
  const setup = new Setup(store);
  await setup.receive(new Stream(content, 10));
  const again = new Stream(content, 10);
  await setup.receive(again);

  store.goOn();
  await settle();

  expect(setup.events).toEqual([
    { type: 'snapshotReceived', request: 1, meta: metaAt(9) },
    failed(2, 0),
  ]);
  expect(again.taken).toBe(0);
});

/** Waits in one of its steps until the test lets it go on. */
class HeldStore extends MemorySnapshotStore {
  readonly #held = Promise.withResolvers<void>();
  readonly #step: 'write' | 'finish';

  constructor(step: 'write' | 'finish') {
    super();
    this.#step = step;
  }

  goOn(): void {
    this.#held.resolve();
  }

  override async receive(meta: InstallSnapshotRequest['meta']): Promise<SnapshotReceiver> {
    const receiver = await super.receive(meta);
    return {
      get offset() {
        return receiver.offset;
      },
      write: async (chunk) => {
        if (this.#step === 'write') await this.#held.promise;
        await receiver.write(chunk);
      },
      finish: async (whole) => {
        if (this.#step === 'finish') await this.#held.promise;
        await receiver.finish(whole);
      },
      discard: () => receiver.discard(),
    };
  }
}

/** Counts what it is given, and keeps nothing. */
class ForgetfulStore extends MemorySnapshotStore {
  override async receive(): Promise<SnapshotReceiver> {
    let offset = 0;
    return {
      get offset() {
        return offset;
      },
      write: async ({ length }) => void (offset += length),
      finish: async () => undefined,
      discard: async () => undefined,
    };
  }
}
