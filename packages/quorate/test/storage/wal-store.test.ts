import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { RaftError } from '../../src/errors.ts';
import { nodeRuntime } from '../../src/platform/runtime.ts';
import type { WalLogStore } from '../../src/storage/wal/wal-log-store.ts';
import { walStorage } from '../../src/storage/wal.ts';
import { at, command, commands, identity } from '../../src/testing/log-store/entries.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { VirtualRuntime } from '../node/virtual-runtime.ts';
import { openWal, walDirectory, walFiles } from './wal-under-test.ts';

const small = { segmentBytes: 4096 };

/** Closes the store and opens what it left. */
async function reopened(files: SimFs, store: WalLogStore): Promise<WalLogStore> {
  await store[Symbol.asyncDispose]();
  return openWal(files, small);
}

/** Changes bytes of a file, and its checksum if the change is to look right. */
async function patch(files: SimFs, path: string, change: (bytes: Buffer) => void): Promise<void> {
  await using file = await files.open(path, { mode: 'write', durableWrites: true });
  const bytes = await contentOf(files, path);
  change(bytes);
  await file.write([bytes], 0);
}

async function contentOf(files: SimFs, path: string): Promise<Buffer> {
  await using file = await files.open(path, { mode: 'read' });
  const bytes = Buffer.alloc(await file.size());
  await file.read(bytes, 0);
  return bytes;
}

async function codeOf(opening: Promise<AsyncDisposable>): Promise<string> {
  return opening.then(
    async (store) => {
      await store[Symbol.asyncDispose]();
      return 'opened';
    },
    (error: RaftError) => error.code,
  );
}

describe('a log whose start is gone', () => {
  test('that was emptied by a purge of another term opens again, and goes on', async () => {
    const files = new SimFs();
    let store = await openWal(files, small);
    await store.append(commands(1, 11));
    // Enough votes to leave the segment with the entries behind.
    for (let term = 1; term <= 80; term += 1) await store.saveVote({ term, votedFor: 'a' });
    await store.purge(at(5, 7));
    await store.append([command(8, 5)]);

    store = await reopened(files, store);

    expect(await store.state()).toEqual({ purged: at(5, 7), last: at(5, 8) });
    expect((await walFiles(files))[0]).not.toContain('0001.wal');
    await store[Symbol.asyncDispose]();
  });

  test('is refused if the first batch that is left is damaged', async () => {
    const files = new SimFs();
    const store = await openWal(files, small);
    for (let term = 1; term <= 80; term += 1) await store.saveVote({ term, votedFor: 'a' });
    await store[Symbol.asyncDispose]();
    const paths = await walFiles(files);
    expect(paths[0]).not.toContain('0001.wal');

    const [only] = paths.slice(-1);
    await patch(files, only ?? '', (bytes) => bytes.fill(0, 100));

    expect(await codeOf(openWal(files, small))).toBe('RAFT_DAMAGED');
  });
});

describe('what another wrote', () => {
  test('in a later version of the format is refused, and stays as it is', async () => {
    const files = new SimFs();
    const store = await openWal(files, small);
    await store.saveVote({ term: 3, votedFor: 'a' });
    await store[Symbol.asyncDispose]();
    const [path = ''] = await walFiles(files);
    await patch(files, path, (bytes) => {
      bytes.write('2', 7);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 32)), 32);
    });
    const before = await contentOf(files, path);

    expect(await codeOf(openWal(files, small))).toBe('RAFT_UNSUPPORTED');
    expect((await contentOf(files, path)).equals(before)).toBe(true);
  });

  test('in a payload never passes for a batch, torn or not', async () => {
    const fake = Buffer.alloc(32);
    fake.writeUInt32LE(0x31425751, 0);
    fake.writeBigUInt64LE(2n ** 60n, 8);
    fake.writeUInt32LE(crc32(fake.subarray(0, 24)), 24);
    const payload = new Uint8Array(Buffer.concat(Array.from({ length: 60 }, () => fake)));
    const files = new SimFs();
    let store = await openWal(files, small);
    await store.append([command(1)]);
    await store.append([command(2, 1, payload)]);
    await store[Symbol.asyncDispose]();
    const [path = ''] = await walFiles(files);
    // The end of the last batch did not reach the disk.
    await patch(files, path, (bytes) => bytes.fill(0, 1536));

    store = await openWal(files, small);

    expect((await store.state()).last).toEqual(at(1, 1));
    await store[Symbol.asyncDispose]();
  });
});

describe('the last batch of a full segment', () => {
  test('was durable if there is a next one, so damage to it is no torn end', async () => {
    const files = new SimFs();
    const store = await openWal(files, small);
    await store.append([command(1, 1, new Uint8Array(1500))]);
    await store.append([command(2, 1, new Uint8Array(1500))]);
    files.fail({ type: 'write', code: 'EIO', where: ({ path }) => path.endsWith('2.wal') });
    await expect(store.append([command(3, 1, new Uint8Array(1500))])).rejects.toThrow('EIO');
    await store[Symbol.asyncDispose]();
    const [first = ''] = await walFiles(files);

    files.flipBit(first, 2500, 3);

    expect(await codeOf(openWal(files, small))).toBe('RAFT_DAMAGED');
  });
});

describe('closing', () => {
  test('waits for the write under way, and only then lets another have the directory', async () => {
    const held = Promise.withResolvers<void>();
    let isHeld = false;
    const files = new SimFs({
      hold: async ({ type }) => {
        if (isHeld && type === 'rename') await held.promise;
      },
    });
    const store = await openWal(files, small);
    await store.append([command(1, 1, new Uint8Array(3000))]);
    isHeld = true;
    const append = store.append([command(2, 1, new Uint8Array(3000))]);

    const closed = store[Symbol.asyncDispose]();
    await expect(openWal(files, small)).rejects.toMatchObject({ code: 'RAFT_LOCKED' });
    held.resolve();
    await append;
    await closed;

    await using next = await openWal(files, small);
    expect((await next.state()).last).toEqual(at(1, 2));
  });
});

/** Files that note the path of every write of a segment. */
function notingFiles(): { files: SimFs; writes: string[] } {
  const writes: string[] = [];
  const hold = async ({ type, path }: { type: string; path: string }): Promise<void> => {
    if (type === 'write' && path.endsWith('.wal')) writes.push(path);
  };
  return { files: new SimFs({ hold }), writes };
}

describe('several parts in one call', () => {
  test('are one write to the disk', async () => {
    const { files, writes } = notingFiles();
    let store = await openWal(files);
    await store.append(commands(1, 6));
    writes.length = 0;

    const parts = {
      identity: { ...identity, starts: 5 },
      vote: { term: 2, votedFor: 'b' },
      truncate: 3,
      append: commands(4, 9, 2),
    };
    await store.write(parts);

    expect(writes).toHaveLength(1);
    await store[Symbol.asyncDispose]();
    store = await openWal(files);
    expect(await store.readIdentity()).toEqual(parts.identity);
    expect(await store.readVote()).toEqual(parts.vote);
    expect((await store.state()).last).toEqual(at(2, 8));
    expect((await store.read(1, 9)).map(({ logId }) => logId.term)).toEqual([
      1, 1, 1, 2, 2, 2, 2, 2,
    ]);
    await store[Symbol.asyncDispose]();
  });

  test('with more entries than one batch takes go with the first of them', async () => {
    const { files, writes } = notingFiles();
    await using store = await openWal(files, { segmentBytes: 4 * 1024 * 1024 });
    await store.append(commands(1, 4));
    const large = [2, 3, 4].map((index) => command(index, 2, new Uint8Array(700_000)));
    writes.length = 0;
    const counted = files.fail({
      type: 'write',
      code: 'EIO',
      after: 2,
      where: ({ path }) => path.endsWith('.wal'),
    });

    const writing = store.write({
      vote: { term: 2, votedFor: 'b' },
      truncate: 1,
      append: large,
    });

    await expect(writing).rejects.toMatchObject({ code: 'RAFT_FATAL' });
    expect([writes.length, counted.hits]).toEqual([3, 1]);
    await using left = await openWal(files.crash(), { segmentBytes: 4 * 1024 * 1024 });
    expect(await left.readVote()).toEqual({ term: 2, votedFor: 'b' });
    expect((await left.state()).last).toEqual(at(2, 3));
  });

  test('that cannot be are refused whole, and the store goes on', async () => {
    const { files, writes } = notingFiles();
    await using store = await openWal(files);
    await store.append(commands(1, 6));
    await store.purge(at(1, 2));
    writes.length = 0;
    const vote = { term: 2, votedFor: 'b' };

    const gap = store.write({ vote, truncate: 4, append: commands(6, 7, 2) });
    await expect(gap).rejects.toThrow('entry 6 comes after entry 4');
    const fallen = store.write({ vote, truncate: 4, append: commands(5, 6, 0) });
    await expect(fallen).rejects.toThrow('entry 5 has term 0 after 1');
    const purged = store.write({ vote, truncate: 1 });
    await expect(purged).rejects.toThrow('Cannot truncate to 1: entries up to 2 are purged.');

    expect(writes).toEqual([]);
    expect(await store.readVote()).toBeUndefined();
    expect((await store.state()).last).toEqual(at(1, 5));
    await store.write({ vote, truncate: 4, append: commands(5, 6, 2) });
    expect((await store.state()).last).toEqual(at(2, 5));
  });
});

describe('what is written', () => {
  test('must have terms that do not fall', async () => {
    await using store = await openWal(new SimFs(), small);

    const falling = store.append([command(1, 1), command(2, 2), command(3, 1)]);

    await expect(falling).rejects.toThrow('entry 3 has term 1 after 2');
    await store.append([command(1)]);
  });

  test('over a vote alone leaves no more segments than it needs', async () => {
    const files = new SimFs();
    await using store = await openWal(files, small);

    for (let term = 1; term <= 300; term += 1) await store.saveVote({ term, votedFor: 'a' });

    expect((await walFiles(files)).length).toBeLessThanOrEqual(2);
  });
});

describe('a read', () => {
  test('that a truncation overtakes returns a log that there was', async () => {
    const files = new SimFs();
    await using store = await openWal(files, small);
    for (let index = 1; index <= 20; index += 1) {
      await store.append([command(index, 1, new Uint8Array(1000))]);
    }

    const reading = store.read(1, 21);
    await store.truncate(5);
    await store.append(commands(6, 25, 2));
    const terms = (await reading).map(({ logId }) => logId.term);

    const old = Array.from({ length: 20 }, () => 1);
    const fresh = old.map((_, position) => (position < 5 ? 1 : 2));
    expect([old.slice(0, terms.length), fresh.slice(0, terms.length)]).toContainEqual(terms);
  });

  test('that a purge overtakes returns what it has, or says that the entries are purged', async () => {
    await using store = await openWal(new SimFs(), small);
    for (let index = 1; index <= 20; index += 1) {
      await store.append([command(index, 1, new Uint8Array(1000))]);
    }

    const reading = store.read(1, 21).then(
      (entries) => entries.length,
      (error: RaftError) => error.code,
    );
    await store.purge(at(1, 20));

    const counts = Array.from({ length: 20 }, (_, position) => position + 1);
    expect(['RAFT_ENTRY_NOT_FOUND', ...counts]).toContain(await reading);
    await expect(store.read(1, 21)).rejects.toMatchObject({ code: 'RAFT_ENTRY_NOT_FOUND' });
  });
});

describe('room on the disk', () => {
  test('is looked at again while it is low, and while others use it up', async () => {
    const files = new SimFs({ capacityBytes: 64 * 1024 });
    const runtime = new VirtualRuntime();
    await using storage = await walStorage('/data', {
      files,
      runtime,
      segmentBytes: 4096,
      minFreeBytes: 16 * 1024,
    });
    expect(storage.log.isLow).toBe(false);

    files.capacityBytes = 16 * 1024;
    await runtime.advance(2000);
    await storage.log.saveVote({ term: 1, votedFor: 'a' });
    await runtime.advance(1);
    expect(storage.log.isLow).toBe(true);

    files.capacityBytes = 64 * 1024;
    await runtime.advance(2000);
    expect(storage.log.isLow).toBe(false);
  });
});

describe('options', () => {
  test.each([
    [{ segmentBytes: 100 }, 'segmentBytes must be a whole number of bytes from 4096 to 2^30'],
    [{ minFreeBytes: Number.NaN }, 'minFreeBytes must be at least segmentBytes (16777216)'],
    [{ minFreeBytes: 1 }, 'it is 1.'],
    [{ unsafeNoSync: 'no' as unknown as boolean }, 'unsafeNoSync must be true or false'],
  ])('%j is refused', async (options, message) => {
    const opening = walStorage(walDirectory, {
      files: new SimFs(),
      runtime: nodeRuntime,
      ...options,
    });

    await expect(opening).rejects.toThrow(message);
  });
});
