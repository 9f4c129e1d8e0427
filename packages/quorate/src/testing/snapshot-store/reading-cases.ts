import assert from 'node:assert/strict';
import { collect, contentOf, metaOf, onNewStore, streamOf, wholeOf } from './new-store.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

/** How a snapshot is read, for as long as anybody reads it. */
export function readingCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test(
    'two readers at once each read everything',
    onNewStore(options, async (store) => {
      await store.save(metaOf('one', 5), cut(new Uint8Array(300_000).fill(5), 1000));
      const snapshot = await store.current();
      assert.ok(snapshot);

      const [left, right] = await Promise.all([
        collect(snapshot.chunks()),
        collect(snapshot.chunks(100_000)),
      ]);

      assert.deepEqual([left.byteLength, right.byteLength], [300_000, 200_000]);
    }),
  );

  test(
    'reading starts at any offset, also within a chunk and at the end',
    onNewStore(options, async (store) => {
      await store.save(metaOf('one', 5), streamOf('abc', 'def'));
      const snapshot = await store.current();
      assert.ok(snapshot);
      const from = async (offset: number): Promise<string> =>
        String(await collect(snapshot.chunks(offset)));

      assert.deepEqual(await Promise.all([0, 1, 3, 4, 6].map(from)), [
        'abcdef',
        'bcdef',
        'def',
        'ef',
        '',
      ]);
      await assert.rejects(from(7), RangeError);
      await assert.rejects(from(-1), RangeError);
    }),
  );

  test(
    'a snapshot that is being read stays readable to its end when it is replaced',
    onNewStore(options, async (store) => {
      await store.save(metaOf('one', 5), streamOf('on', 'e'));
      const old = await store.current();
      assert.ok(old);
      const reading = old.chunks()[Symbol.asyncIterator]();
      const first = await reading.next();

      await store.save(metaOf('two', 9), streamOf('two'));
      const rest = await collect({ [Symbol.asyncIterator]: () => reading });

      assert.equal(String(Buffer.from(first.value ?? [])) + String(rest), 'one');
      assert.equal(await contentOf(store), 'two');
    }),
  );

  test(
    'as long as a replaced snapshot is being read, others may begin, at any offset',
    onNewStore(options, async (store) => {
      const bytes = new Uint8Array(300_000).fill(5);
      await store.save(metaOf('one', 5), cut(bytes, 1000));
      const old = await store.current();
      assert.ok(old);
      const reading = old.chunks(bytes.byteLength - 1)[Symbol.asyncIterator]();
      await reading.next();
      await store.save(metaOf('two', 9), streamOf('two'));
      await store.save(metaOf('three', 12), streamOf('three'));

      for await (const _ of old.chunks()) break;
      const rest = await collect(old.chunks(100_000));
      await reading.return?.();

      assert.deepEqual(rest, Buffer.from(bytes.subarray(100_000)));
      assert.equal(await contentOf(store), 'three');
    }),
  );
}

/** The end of a store. */
export function lifeCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test('a store that was disposed refuses every call; disposing twice is fine', async () => {
    const store = await options.open();
    await store.save(metaOf('one', 5), streamOf('one'));
    const snapshot = await store.current();
    const receiver = await store.receive(metaOf('two', 9));
    assert.ok(snapshot);
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();

    const calls: (() => Promise<unknown>)[] = [
      () => store.current(),
      () => store.save(metaOf('two', 9), streamOf('two')),
      () => store.receive(metaOf('two', 9)),
      () => receiver.write(Buffer.from('x')),
      () => receiver.finish(wholeOf('')),
      () => collect(snapshot.chunks()),
    ];
    for (const call of calls) await assert.rejects(call, { code: 'RAFT_STOPPED' });
  });
}

async function* cut(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.byteLength; from += chunkBytes) {
    yield bytes.subarray(from, from + chunkBytes);
  }
}
