import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/core/types.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import type { WalLogStore } from '../../src/storage/wal/wal-log-store.ts';
import { at, command, commands } from '../../src/testing/log-store/entries.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { openWal, walFiles } from './wal-under-test.ts';

const segmentBytes = 4 * 1024 * 1024;
const payload = new Uint8Array(1000).fill(7);
const noBytes = new Uint8Array(0);

function large(from: number, to: number, term = 1): Entry[] {
  return commands(from, to, term).map((entry) => ({
    ...entry,
    payload: { type: 'command', data: { bytes: payload, value: undefined } },
  }));
}

/** Takes note of the reads of files, and refuses as many as it is told to. */
class CountingFs extends SimFs {
  reads = 0;
  bytes = 0;
  failures = 0;
  /** Reads bring what lies so many bytes before what was asked for. */
  astray = 0;

  override async open(...args: Parameters<SimFs['open']>): ReturnType<SimFs['open']> {
    const file = await super.open(...args);
    const read = file.read.bind(file);
    file.read = async (buffer, position) => {
      this.reads += 1;
      this.bytes += buffer.byteLength;
      this.failures -= 1;
      if (this.failures >= 0) throw new Error('The disk does not answer.');
      return read(buffer, position - this.astray);
    };
    return file;
  }
}

async function fill(store: WalLogStore, last: number): Promise<void> {
  for (let first = 1; first <= last; first += 50) await store.append(large(first, first + 50));
}

async function indexesOf(store: WalLogStore, from: number, to: number): Promise<number[]> {
  return (await store.read(from, to)).map(({ logId }) => logId.index);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, step) => from + step);
}

test('a few entries of a large batch keep no more than themselves in memory', async () => {
  await using store = await openWal(new SimFs(), { segmentBytes });
  await fill(store, 100);
  const buffersOf = async (from: number, to: number): Promise<Set<ArrayBufferLike>> => {
    const data = (await store.read(from, to)).map(({ payload: kind }) =>
      kind.type === 'command' ? kind.data.bytes : noBytes,
    );
    expect(data).toEqual(data.map(() => payload));
    return new Set(data.map(({ buffer }) => buffer));
  };

  const few = [...(await buffersOf(20, 23))];
  const many = [...(await buffersOf(1, 51))];

  expect(few.map(({ byteLength }) => byteLength < 4 * payload.length)).toEqual([true]);
  expect(many).toHaveLength(1);
});

describe('a reader that goes on where its last range ended', () => {
  test('is answered from a few large reads of the file', async () => {
    const files = new CountingFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 2000);
    const before = files.reads;

    for (let from = 1; from <= 2000; from += 20) {
      expect(await indexesOf(store, from, from + 20)).toEqual(numbers(from, from + 20));
    }

    expect(files.reads - before).toBeLessThan(15);
  });

  test('finds the start of the next segment read already', async () => {
    const files = new CountingFs();
    await using store = await openWal(files, { segmentBytes: 256 * 1024 });
    await fill(store, 400);
    await store.read(1, 51);
    await store.read(51, 101);
    const before = files.reads;

    const found = await indexesOf(store, 101, 400);
    const reads = files.reads - before;
    const [, second] = await walFiles(files);
    await using file = await files.open(second as string, { mode: 'write' });
    await file.write([new Uint8Array(100)], 1000);

    expect(found).toEqual(numbers(101, 400));
    expect(reads).toBe(0);
    await expect(store.read(251, 301)).rejects.toThrow('is not any more');
  });

  test('has at most three stretches of half a mebibyte read for it', async () => {
    const files = new CountingFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 3000);
    await store.read(1, 2);
    const before = files.bytes;

    await store.read(2, 3);

    expect(files.bytes - before).toBeGreaterThan(1024 * 1024);
    expect(files.bytes - before).toBeLessThanOrEqual(3 * 512 * 1024);
  });

  test('does not learn of reads ahead that failed, but of its own that does', async () => {
    const files = new CountingFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 6000);
    await store.read(1, 51);
    await store.read(51, 101);

    files.failures = 1;
    expect(await indexesOf(store, 101, 1801)).toEqual(numbers(101, 1801));
    expect(files.failures).toBeLessThan(1);
    files.failures = 10;

    await expect(store.read(1801, 6001)).rejects.toThrow('The disk does not answer.');
  });

  test('sees what was truncated and appended anew behind it', async () => {
    const files = new SimFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 1000);
    for (let from = 1; from < 401; from += 100) await store.read(from, from + 100);

    await store.truncate(450);
    await store.append(large(451, 701, 2));
    const entries = await store.read(401, 701);

    expect(entries.map(({ logId }) => logId.index)).toEqual(numbers(401, 701));
    expect(entries.map(({ logId }) => logId.term)).toEqual(
      numbers(401, 701).map((index) => (index <= 450 ? 1 : 2)),
    );
  });

  test('is told of damage that came after the bytes before it were read', async () => {
    const files = new SimFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 2000);
    await store.read(1, 51);
    await store.read(51, 101);
    await using file = await files.open((await walFiles(files))[0] as string, { mode: 'write' });
    await file.write([new Uint8Array([1, 2, 3])], 1_800_000);

    const reading = (async () => {
      for (let from = 101; from <= 2000; from += 50) await store.read(from, from + 50);
    })();

    await expect(reading).rejects.toThrow('was right when the log was opened and is not any more');
  });

  test('takes no other batch for the one that it asked for, however right that is', async () => {
    const files = new CountingFs();
    await using store = await openWal(files, { segmentBytes });
    for (let index = 1; index <= 40; index += 1) await store.append(large(index, index + 1));
    await store.truncate(20);
    for (let index = 21; index <= 40; index += 1) await store.append(large(index, index + 1, 2));
    await store.read(2, 3);
    const before = files.bytes;
    await store.read(5, 6);
    const batchBytes = Math.ceil((files.bytes - before) / 8) * 8;

    for (const astray of [batchBytes, 21 * batchBytes, -batchBytes]) {
      files.astray = astray;
      await expect(store.read(30, 31), `${astray} bytes before`).rejects.toThrow(
        'was right when the log was opened and is not any more',
      );
    }
    files.astray = 0;
    expect((await store.read(30, 31))[0]?.logId).toEqual({ term: 2, index: 30 });
  });

  test('shares the file with more readers than are remembered', async () => {
    const files = new SimFs();
    await using store = await openWal(files, { segmentBytes });
    await fill(store, 1000);

    const readers = numbers(0, 7).map(async (reader) => {
      const found: number[] = [];
      for (let from = 1 + reader; from < 1000; from += 90) {
        found.push(...(await indexesOf(store, from, Math.min(from + 90, 1001))));
      }
      return found;
    });

    const all = await Promise.all(readers);
    for (const [reader, found] of all.entries()) expect(found).toEqual(numbers(1 + reader, 1001));
  });
});

test.each(numbers(1, 21))('seed %i: ranges of many readers are those of an array', async (seed) => {
  const random = new SeededRandom(`read-ahead ${seed}`);
  const files = new SimFs();
  await using store = await openWal(files, { segmentBytes: 256 * 1024 });
  await using model = memoryStorage().log;
  const readers = [1, 1, 1];
  for (let step = 0; step < 150; step += 1) {
    const { purged, last } = await model.state();
    const choice = random.below(10);
    let [found, wanted]: (readonly Entry[])[] = [];
    if (choice < 3) {
      const entries = large(last.index + 1, last.index + 1 + random.below(40), 1 + step);
      for (const log of [store, model]) await log.append(entries);
    } else if (choice === 3 && last.index > purged.index) {
      const index = Math.max(purged.index, last.index - random.below(60));
      for (const log of [store, model]) await log.truncate(index);
    } else if (choice === 4 && last.index > purged.index + 50) {
      const index = purged.index + random.below(20) + 1;
      const [entry] = await model.read(index, index + 1);
      for (const log of [store, model]) await log.purge(entry?.logId ?? at(1, index));
    } else {
      const reader = random.below(readers.length);
      const from = Math.max(readers[reader] as number, purged.index + 1);
      const to = Math.min(last.index + 1, from + random.below(80));
      if (from > to) readers[reader] = purged.index + 1;
      else {
        [found, wanted] = [await store.read(from, to), await model.read(from, to)];
        readers[reader] = to;
      }
    }
    expect(found).toEqual(wanted);
  }
  await store.append([command((await store.state()).last.index + 1, 1000)]);
});
