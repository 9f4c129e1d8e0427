import { DamagedError } from 'quorate';
import { describe, expect, test } from 'vitest';
import { KvStore } from '../../src/store/store.ts';
import type { Operation } from '../../src/types.ts';
import { apply, bytes, history, picture, put, restored, run, streamOf } from './kit.ts';

/** A store with something of everything. */
function fullStore(): KvStore {
  const store = new KvStore();
  run(store, { type: 'leaseGrant', id: 900_719_925_474_099, ttl: 60 });
  run(store, { type: 'leaseGrant', ttl: 9_000_000_000 });
  for (const key of ['b', 'a', 'c', 'gone', '\xff']) put(store, key, '1');
  put(store, 'gone', undefined);
  run(store, { type: 'compact', revision: 4 });
  const value = bytes('2');
  const then = ['c', 'a', 'b'].map((key) => ({ type: 'put' as const, key: bytes(key), value }));
  run(store, { type: 'txn', compare: [], then, else: [] });
  run(store, { type: 'put', key: bytes('leased'), value: Buffer.alloc(70_000, 'x'), lease: 1 });
  run(store, { type: 'delete', key: bytes('a'), end: bytes('c') });
  return store;
}

function bytesOf(store: KvStore): Buffer {
  return Buffer.concat([...store.snapshot()]);
}

function inChunks(content: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < content.length; at += size) chunks.push(content.subarray(at, at + size));
  return chunks;
}

test('a restored store is like the original in everything that can be seen', async () => {
  const store = fullStore();

  const copy = await restored(store.snapshot());

  expect(picture(copy)).toEqual(picture(store));
  expect(history(copy)).toEqual(history(store));
  const grant: Operation = { type: 'leaseGrant', ttl: 5 };
  expect(apply(copy, grant)).toEqual(apply(store, grant));
});

test('the empty store has a snapshot, which replaces all that was there', async () => {
  const store = fullStore();

  await store.restore(streamOf(new KvStore().snapshot()));

  expect(picture(store)).toEqual(picture(new KvStore()));
});

test('the content may come in pieces of any size', async () => {
  const store = fullStore();
  const content = bytesOf(store);

  for (const size of [1, 7, 4096, content.length]) {
    expect(picture(await restored(inChunks(content, size)))).toEqual(picture(store));
  }
});

test('a snapshot is made of chunks of about 64 KiB, and a value is in one of them', () => {
  const store = new KvStore();
  const value = Buffer.alloc(1000, 'x');
  for (let at = 0; at < 1000; at += 1) {
    run(store, { type: 'put', key: bytes(`${at}`), value });
  }

  const sizes = [...store.snapshot()].map(({ byteLength }) => byteLength);

  expect(sizes.length).toBeGreaterThan(14);
  expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(64 * 1024);
  expect(Math.max(...sizes)).toBeLessThan(66 * 1024);
});

test('one key with a long history goes through many chunks', async () => {
  const store = new KvStore();
  for (let at = 0; at < 3000; at += 1) put(store, 'hot', `${at}`.padStart(200));

  const chunks = [...store.snapshot()];

  expect(chunks.length).toBeGreaterThan(8);
  expect(history(await restored(chunks))).toEqual(history(store));
});

test('what a snapshot still needs is kept until it was read, and let go of then', async () => {
  const store = new KvStore();
  const value = Buffer.alloc(50_000, 'x');
  for (let at = 0; at < 10; at += 1) run(store, { type: 'put', key: bytes(`${at}`), value });
  const wanted = picture(store);
  const [early] = store.changesAt(2) ?? [];
  const reading = store.snapshot()[Symbol.iterator]();
  const chunks = [reading.next().value as Uint8Array];

  run(store, { type: 'delete', key: bytes('0'), end: bytes('\0') });
  for (let at = 0; at < 10; at += 1) put(store, `${at}`, 'new');
  run(store, { type: 'compact', revision: store.revision });
  for (let at = 0; at < 5; at += 1) run(store, { type: 'mark' });
  const isKept = early?.version.of.newest.before !== undefined;
  for (let next = reading.next(); next.done !== true; next = reading.next()) {
    chunks.push(next.value);
  }
  run(store, { type: 'mark' });

  expect(isKept).toBe(true);
  expect(early?.version.of.newest.before).toBeUndefined();
  expect(picture(await restored(chunks))).toEqual(wanted);
});

test('a snapshot that is given up keeps nothing', () => {
  const store = new KvStore();
  put(store, 'a', '1');
  const [first] = store.changesAt(2) ?? [];
  for (const _ of store.snapshot()) break;

  put(store, 'a', '2');
  run(store, { type: 'compact', revision: 3 });

  expect(first?.version.of.newest.before).toBeUndefined();
});

describe('content that is not whole', () => {
  const content = bytesOf(fullStore());

  async function expectRefused(chunks: Iterable<Uint8Array>): Promise<string> {
    const store = fullStore();
    const before = picture(store);
    const restoring = store.restore(streamOf(chunks), { id: 'snapshot-7', index: 7 });
    const error: unknown = await restoring.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DamagedError);
    expect(picture(store)).toEqual(before);
    return (error as DamagedError).message;
  }

  test('is refused wherever it is cut off, and the old state is kept', async () => {
    for (let size = 0; size < content.length; size += size < 300 ? 1 : 997) {
      const message = await expectRefused([content.subarray(0, size)]);
      expect(message).toContain('snapshot-7');
    }
  });

  test('is refused whichever byte of it is another one', async () => {
    for (let at = 0; at < content.length; at += at < 300 ? 1 : 997) {
      const damaged = Buffer.from(content);
      damaged[at] = (damaged[at] as number) ^ 0x40;
      expect(await expectRefused([damaged])).toContain('is damaged near byte');
    }
  });

  test('is refused if more follows, or a part is missing or comes twice', async () => {
    const chunks = [...fullStore().snapshot()];

    expect(await expectRefused([...chunks, Buffer.from('more')])).toContain('middle of a frame');
    expect(await expectRefused([...chunks, ...chunks])).toContain('after its end');
    expect(await expectRefused(chunks.slice(0, -1))).toContain('too early');
    expect(await expectRefused(chunks.slice(1))).toContain('does not begin');
    expect(await expectRefused([])).toContain('too early');
  });

  test('is refused if it has another state than its hash says', async () => {
    const { crc32 } = await import('node:zlib');
    const [chunk] = new KvStore().snapshot();
    const forged = Buffer.from(chunk as Uint8Array);
    const end = forged.length - 1;
    forged[end] = forged[end] === 48 ? 49 : 48;
    forged.writeUInt32LE(crc32(forged.subarray(8)), 4);

    expect(await expectRefused([forged])).toContain('Its hash is');
  });

  test('of another version is refused with what is known here', async () => {
    const { crc32 } = await import('node:zlib');
    const [chunk] = new KvStore().snapshot();
    const other = Buffer.from(chunk as Uint8Array);
    other[13] = 9;
    other.writeUInt32LE(crc32(other.subarray(8)), 4);

    expect(await expectRefused([other])).toContain('version 9; only 1 to 2 are known');
  });
});

test('content of version 1 is read, and of its leases it is not known when they were granted', async () => {
  const { crc32 } = await import('node:zlib');
  const store = new KvStore();
  run(store, { type: 'leaseGrant', id: 7, ttl: 5 });
  const content = bytesOf(store);
  // The head is 8 bytes of the frame, a tag, the magic, the version and three numbers.
  const leaseAt = 8 + 1 + 4 + 1 + 3;
  expect([...content.subarray(leaseAt, leaseAt + 4)]).toEqual([2, 7, 5, 0]);

  const old = Buffer.concat([content.subarray(0, leaseAt + 3), content.subarray(leaseAt + 4)]);
  old[13] = 1;
  old.writeUInt32LE(old.length - 8, 0);
  old.writeUInt32LE(crc32(old.subarray(8)), 4);

  expect(picture(await restored([old]))).toEqual(picture(store));
});
