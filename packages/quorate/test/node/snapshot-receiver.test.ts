import { describe, expect, test } from 'vitest';
import type { SnapshotReceiver } from '../../src/contract/snapshot-store.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { type Call, content, failed, Setup, SlowStream } from './receiver-under-test.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

describe('receiving a snapshot', () => {
  test('in one go makes it the newest, and lets the stream go', async () => {
    for (const size of [1, 7, 100]) {
      const setup = new Setup();
      const stream = new Stream(content, size);

      await setup.receive(stream);

      expect(setup.events).toEqual([{ type: 'snapshotReceived', request: 1, meta: metaAt(9) }]);
      expect(await setup.current()).toEqual([9, content]);
      expect(stream.isClosed).toBe(true);
    }
  });

  test('that breaks keeps what came, and goes on from there (row 52)', async () => {
    const setup = new Setup();
    const first = new SlowStream();
    await setup.receive(first);
    await first.give(content.subarray(0, 30));
    await first.break();
    await setup.receive(new Stream(content.subarray(30, 50)), { offset: 30 });
    const stored = setup.events.slice();

    await setup.receive(new Stream(content.subarray(50)), { offset: 50 });

    expect(stored).toEqual([failed(1, 30), failed(2, 50)]);
    expect(setup.events.at(-1)).toMatchObject({ type: 'snapshotReceived', request: 3 });
    expect(await setup.current()).toEqual([9, content]);
  });

  test('at another place than where it ended says where that is, and takes nothing', async () => {
    const setup = new Setup();
    await setup.receive(new Stream(content.subarray(0, 30)));
    const stream = new Stream(content.subarray(10));

    await setup.receive(stream, { offset: 10 });

    expect(setup.events.at(-1)).toEqual(failed(2, 30));
    expect(stream.taken).toBe(0);
  });

  test('is over when a newer call comes, also while its stream hangs', async () => {
    const setup = new Setup();
    const hung = new SlowStream();
    await setup.receive(hung);
    await hung.give(content.subarray(0, 30));

    await setup.receive(new Stream(content.subarray(30)), { offset: 30 });

    expect(setup.events).toEqual([
      failed(1, 30),
      { type: 'snapshotReceived', request: 2, meta: metaAt(9) },
    ]);
    expect(hung.isReleased).toBe(true);
    expect(setup.mostOpen).toBe(1);
  });

  test('is over when the term has passed, and its stream is not waited for', async () => {
    const setup = new Setup();
    const hung = new SlowStream();
    await setup.receive(hung, { term: 2 });

    setup.receiving.enterTerm(2);
    await settle();
    expect(setup.events).toEqual([]);
    setup.receiving.enterTerm(3);
    await settle();

    expect(setup.events).toEqual([failed(1, 0)]);
    expect(hung.isReleased).toBe(true);
    expect(setup.open).toBe(0);
  });

  test('of another snapshot begins that one anew (row 59)', async () => {
    const setup = new Setup();
    const hung = new SlowStream();
    await setup.receive(hung);
    await hung.give(content.subarray(0, 30));

    await setup.receive(new Stream(content), { index: 12 });

    expect(setup.events.at(-1)).toMatchObject({ type: 'snapshotReceived', request: 2 });
    expect(await setup.current()).toEqual([12, content]);
  });

  test('three calls one right after another end in three answers, the last one whole', async () => {
    const setup = new Setup();
    const begun = Promise.withResolvers<void>();
    setup.onBegin = () => begun.promise;

    await setup.receive(new SlowStream());
    await setup.receive(new SlowStream());
    await setup.receive(new Stream(content));
    begun.resolve();
    await settle();

    expect(setup.events.map(({ type }) => type)).toEqual([
      'snapshotFailed',
      'snapshotFailed',
      'snapshotReceived',
    ]);
    expect(setup.mostOpen).toBe(1);
  });
});

describe('a snapshot is not taken, and nothing of it stays,', () => {
  test.each<[string, Call, Uint8Array]>([
    ['if it is damaged', { checksum: 1 }, content],
    ['if it is longer than it says', { size: 90 }, content],
    ['if it is shorter than what is stored', { size: 0 }, content],
  ])('%s', async (_name, call, bytes) => {
    const setup = new Setup();
    const stream = new Stream(bytes, 20);

    await setup.receive(stream, call);

    expect(setup.events).toEqual([failed(1, 0)]);
    expect(await setup.current()).toBeUndefined();
    expect((await setup.store.receive(metaAt(9))).offset).toBe(0);
  });

  test('and the next one is, whatever was left undrained of the first (row 59)', async () => {
    const setup = new Setup();
    const stream = new Stream(content, 20);
    await setup.receive(stream, { size: 30 });

    await setup.receive(new Stream(content));

    expect(stream.isClosed).toBe(true);
    expect(setup.events.at(-1)).toMatchObject({ type: 'snapshotReceived', request: 2 });
    expect(await setup.current()).toEqual([9, content]);
  });
});

/** Fails in one of its steps, as often as the test says. */
class FailingStore extends MemorySnapshotStore {
  failures = 1;
  readonly #step: 'receive' | 'write' | 'finish';

  constructor(step: 'receive' | 'write' | 'finish') {
    super();
    this.#step = step;
  }

  override async receive(meta: InstallSnapshotRequest['meta']): Promise<SnapshotReceiver> {
    this.#fail('receive');
    const receiver = await super.receive(meta);
    return {
      get offset() {
        return receiver.offset;
      },
      write: async (chunk) => {
        this.#fail('write');
        await receiver.write(chunk);
      },
      finish: async (whole) => {
        this.#fail('finish');
        await receiver.finish(whole);
      },
      discard: () => receiver.discard(),
    };
  }

  #fail(step: string): void {
    if (step !== this.#step || this.failures === 0) return;
    this.failures -= 1;
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  }
}

describe('a store that fails', () => {
  test.each(['receive', 'write', 'finish'] as const)(
    'in %s costs the call and nothing else',
    async (step) => {
      const setup = new Setup(new FailingStore(step));
      await setup.receive(new Stream(content, 10));
      const kept = (await setup.store.receive(metaAt(9))).offset;

      await setup.receive(new Stream(content.subarray(kept)), { offset: kept });

      expect(setup.events).toEqual([
        failed(1, 0),
        { type: 'snapshotReceived', request: 2, meta: metaAt(9) },
      ]);
      expect(await setup.current()).toEqual([9, content]);
    },
  );
});

describe('closing', () => {
  test('ends the transfer under way, keeps what came, and takes no other', async () => {
    const setup = new Setup();
    const [hung, late] = [new SlowStream(), new SlowStream()];
    await setup.receive(hung);
    await hung.give(content.subarray(0, 30));

    await setup.receiving.close();
    await setup.receive(late);

    expect(setup.events).toEqual([failed(1, 30), failed(2, 0)]);
    expect([hung.isReleased, late.isReleased]).toEqual([true, true]);
    expect((await setup.store.receive(metaAt(9))).offset).toBe(30);
  });

  test('lets go of streams that the core has not decided about', async () => {
    const setup = new Setup();
    const stream = new SlowStream();
    setup.receiving.offer(1, stream);

    await setup.receiving.close();

    expect(stream.isReleased).toBe(true);
  });
});
