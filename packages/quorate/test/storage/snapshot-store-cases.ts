import assert from 'node:assert/strict';
import { snapshotReceiverCases } from './snapshot-receiver-cases.ts';
import {
  collect,
  contentOf,
  metaOf,
  onNewStore,
  type SnapshotStoreCases,
  streamOf,
} from './snapshot-store-under-test.ts';

/** What every snapshot store must do. Items 15 to 17 and 19 of the contract suites. */
export function snapshotStoreCases(cases: SnapshotStoreCases): void {
  saveCases(cases);
  readingCases(cases);
  snapshotReceiverCases(cases);
  lifeCases(cases);
}

function saveCases(cases: SnapshotStoreCases): void {
  const { test } = cases;

  test(
    'a new store has no snapshot',
    onNewStore(cases, async (store) => {
      assert.equal(await store.current(), undefined);
    }),
  );

  test(
    'a saved snapshot is read back with its meta, as often as one likes',
    onNewStore(cases, async (store, again) => {
      await store.save(metaOf('one', 5), streamOf('hello ', '', 'world'));

      const snapshot = await (await again(store)).current();

      assert.deepEqual(snapshot?.meta, metaOf('one', 5));
      assert.equal(await contentOf(store), 'hello world');
      assert.equal(await contentOf(store), 'hello world');
    }),
  );

  for (const size of [0, 1, 8 * 1024 * 1024]) {
    test(
      `a snapshot of ${size} bytes is read back equal`,
      onNewStore(cases, async (store, again) => {
        const bytes = Uint8Array.from({ length: size }, (_, position) => (position * 31) % 251);

        await store.save(metaOf('one', 5), cut(bytes, 100_003));
        const snapshot = await (await again(store)).current();

        assert.ok(snapshot);
        assert.ok((await collect(snapshot.chunks())).equals(bytes));
      }),
    );
  }

  test(
    'a maker may fill the same buffer again for each chunk',
    onNewStore(cases, async (store) => {
      await store.save(metaOf('one', 5), sameBufferAgain('abc'));

      assert.equal(await contentOf(store), 'abc');
    }),
  );

  test(
    'a newer snapshot replaces the older one, and never the other way round',
    onNewStore(cases, async (store, again) => {
      await store.save(metaOf('one', 5), streamOf('one'));
      await store.save(metaOf('two', 9), streamOf('two'));
      await store.save(metaOf('late', 7), streamOf('late'));

      const reopened = await again(store);

      assert.equal((await reopened.current())?.meta.id, 'two');
      assert.equal(await contentOf(reopened), 'two');
    }),
  );

  test(
    'a save that breaks half-way leaves the old snapshot as it was',
    onNewStore(cases, async (store, again) => {
      const failure = new Error('cannot build it');
      await store.save(metaOf('one', 5), streamOf('one'));

      await assert.rejects(store.save(metaOf('two', 9), breaking('tw', failure)), failure);

      assert.equal(await contentOf(await again(store)), 'one');
    }),
  );

  test(
    'a save is not seen before it is finished',
    onNewStore(cases, async (store) => {
      await store.save(metaOf('one', 5), streamOf('one'));
      const seen: string[] = [];

      await store.save(
        metaOf('two', 9),
        (async function* () {
          yield Buffer.from('tw');
          seen.push(await contentOf(store));
          yield Buffer.from('o');
        })(),
      );

      assert.deepEqual(seen, ['one']);
      assert.equal(await contentOf(store), 'two');
    }),
  );
}

function readingCases(cases: SnapshotStoreCases): void {
  const { test } = cases;

  test(
    'two readers at once each read everything',
    onNewStore(cases, async (store) => {
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
    onNewStore(cases, async (store) => {
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
    onNewStore(cases, async (store) => {
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
}

function lifeCases(cases: SnapshotStoreCases): void {
  const { test } = cases;

  test('a store that was disposed refuses every call; disposing twice is fine', async () => {
    const store = await cases.open();
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
      () => receiver.finish(),
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

async function* sameBufferAgain(text: string): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(1);
  for (const character of text) {
    buffer.write(character);
    yield buffer;
  }
}

async function* breaking(text: string, failure: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  throw failure;
}
