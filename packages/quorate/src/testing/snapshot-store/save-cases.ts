import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import {
  breaking,
  collect,
  contentOf,
  metaOf,
  onNewStore,
  streamOf,
  wholeOf,
} from './new-store.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

/** Snapshots that the node builds itself. */
export function saveCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test(
    'a new store has no snapshot',
    onNewStore(options, async (store) => {
      assert.equal(await store.current(), undefined);
    }),
  );

  test(
    'a saved snapshot is read back with its meta, as often as one likes',
    onNewStore(options, async (store, again) => {
      await store.save(metaOf('one', 5), streamOf('hello ', '', 'world'));

      const snapshot = await (await again(store)).current();

      assert.ok(snapshot);
      assert.deepEqual(snapshot.meta, metaOf('one', 5));
      const { size, checksum } = snapshot;
      assert.deepEqual({ size, checksum }, wholeOf('hello world'));
      assert.equal(String(await collect(snapshot.chunks())), 'hello world');
      assert.equal(String(await collect(snapshot.chunks())), 'hello world');
    }),
  );

  for (const size of [0, 1, options.largeSnapshotBytes ?? 8 * 1024 * 1024]) {
    test(
      `a snapshot of ${size} bytes is read back equal`,
      onNewStore(options, async (store, again) => {
        await store.save(metaOf('one', 5), pattern(size));
        const snapshot = await (await again(store)).current();

        assert.ok(snapshot);
        assert.equal(snapshot.size, size);
        assert.equal(snapshot.checksum, await assertPattern(snapshot.chunks(), size));
      }),
    );
  }

  test(
    'a maker may fill the same buffer again for each chunk',
    onNewStore(options, async (store) => {
      await store.save(metaOf('one', 5), sameBufferAgain('abc'));

      assert.equal(await contentOf(store), 'abc');
    }),
  );

  test(
    'a newer snapshot replaces the older one, and never the other way round',
    onNewStore(options, async (store, again) => {
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
    onNewStore(options, async (store, again) => {
      const failure = new Error('cannot build it');
      await store.save(metaOf('one', 5), streamOf('one'));

      await assert.rejects(store.save(metaOf('two', 9), breaking('tw', failure)), failure);

      assert.equal(await contentOf(await again(store)), 'one');
    }),
  );

  test(
    'a save is not seen before it is finished',
    onNewStore(options, async (store) => {
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

async function* sameBufferAgain(text: string): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(1);
  for (const character of text) {
    buffer.write(character);
    yield buffer;
  }
}

const patternChunkBytes = 100_003;
/** After so many bytes the pattern begins again. */
const patternPeriod = 251;
const patternBytes: Buffer = Buffer.from(
  Uint8Array.from({ length: 2 ** 20 + patternPeriod }, (_, at) => (at * 31) % patternPeriod),
);

/** `size` bytes that depend on their place, in chunks. */
async function* pattern(size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < size; from += patternChunkBytes) {
    yield patternAt(from, Math.min(patternChunkBytes, size - from));
  }
}

/**
 * Compares as it reads, so that a large snapshot is never in memory as a whole. Returns the
 * checksum of what it read.
 */
async function assertPattern(chunks: AsyncIterable<Uint8Array>, size: number): Promise<number> {
  let offset = 0;
  let checksum = 0;
  for await (const chunk of chunks) {
    checksum = crc32(chunk, checksum);
    for (let at = 0; at < chunk.byteLength; at += 2 ** 20) {
      const part = chunk.subarray(at, at + 2 ** 20);
      const isRight = patternAt(offset, part.byteLength).equals(part);
      assert.ok(isRight, `The snapshot is another one after byte ${offset}.`);
      offset += part.byteLength;
    }
  }
  assert.equal(offset, size);
  return checksum;
}

/** At most a mebibyte of the pattern. */
function patternAt(position: number, length: number): Buffer {
  const start = position % patternPeriod;
  return patternBytes.subarray(start, start + length);
}
