import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import RocksDB from 'rocksdb-native';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  contentOf,
  copyFolder,
  Machines,
  meta,
  nothingSealed,
  say,
  stateOf,
  streamOf,
} from './words.ts';

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

/** Counts the views of one moment that the engine holds for this process. */
function watchViews(): { opened: () => number; open: () => number } {
  const snapshot = vi.spyOn(RocksDB.prototype, 'snapshot');
  const close = vi.spyOn(RocksDB.prototype, 'close');
  onTestFinished(() => {
    snapshot.mockRestore();
    close.mockRestore();
  });
  const views = (): RocksDB[] =>
    snapshot.mock.results.flatMap((result) => (result.type === 'return' ? [result.value] : []));
  const open = (): RocksDB[] => {
    const closed = new Set<unknown>(close.mock.contexts);
    return views().filter((view) => !closed.has(view));
  };
  return { opened: () => views().length, open: () => open().length };
}

describe('a snapshot', () => {
  test('of many pairs comes back whole, and in chunks of one size', async () => {
    const machine = await machines.open();
    const word = 'x'.repeat(10_000);
    for (let batch = 0; batch < 20; batch += 1) {
      const commands = Array.from({ length: 100 }, (_, at) => `${batch}-${at}`);
      const batchOfWords = commands.map((key) => ({ type: 'say', key, word }) as const);
      await machine.apply(say(...batchOfWords), nothingSealed);
    }
    const other = await machines.openWith('old');
    const frozen = await machine.snapshot();
    await machine.apply(say({ type: 'forget', key: '0-0' }), nothingSealed);
    let largest = 0;
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of frozen) {
        largest = Math.max(largest, chunk.byteLength);
        yield chunk;
      }
    };

    await other.restore(watched(), meta, []);

    const restored = await stateOf(other);
    expect(Object.keys(restored)).toHaveLength(2000);
    expect(restored['0-0']).toBe(` ${word}`);
    expect(largest).toBeLessThanOrEqual(64 * 1024 + 16);
  });

  test('may come in chunks that are all in the same bytes', async () => {
    const content = Buffer.concat(await contentOf(await machines.openWith('one', 'two', 'three')));
    const machine = await machines.openWith('old');
    const window = Buffer.alloc(5);
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < content.byteLength; at += window.byteLength) {
        yield window.subarray(0, content.copy(window, 0, at));
      }
    }

    await machine.restore(reusing(), meta, []);

    expect(await stateOf(machine)).toEqual({ one: ' one', two: ' two', three: ' three' });
  });

  test('that is not read to its end holds nothing up', async () => {
    const machine = await machines.openWith('a', 'b');
    await machine.snapshot();
    for await (const _ of await machine.snapshot()) break;
    const begun = (await machine.snapshot())[Symbol.asyncIterator]();
    await begun.next();

    await machine.close();

    expect(existsSync(machines.folderOf(machine))).toBe(true);
  });

  test('lets go of its view however much of it was read', async () => {
    const machine = await machines.openWith('a', 'b');
    const views = watchViews();
    const chunksOf = async (): Promise<AsyncIterator<Uint8Array>> =>
      (await machine.snapshot())[Symbol.asyncIterator]();

    const [unread, begun] = [await chunksOf(), await chunksOf()];
    await begun.next();
    await contentOf(machine);
    expect(views.open()).toBe(2);
    await begun.return?.();
    await unread.return?.();
    await unread.return?.();

    expect(await unread.next()).toMatchObject({ done: true });
    expect([views.opened(), views.open()]).toEqual([3, 0]);
  });

  test.each([
    {
      what: 'that ends early',
      cut: (bytes: Buffer) => bytes.subarray(0, -9),
      code: 'RAFT_DAMAGED',
    },
    {
      what: 'without its end',
      cut: (bytes: Buffer) => bytes.subarray(0, -8),
      code: 'RAFT_DAMAGED',
    },
    { what: 'of nothing', cut: () => Buffer.alloc(0), code: 'RAFT_DAMAGED' },
    {
      what: 'that goes on',
      cut: (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]),
      code: 'RAFT_DAMAGED',
    },
    {
      what: 'with a size that cannot be',
      cut: (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 8), Buffer.alloc(16, 0xee)]),
      code: 'RAFT_DAMAGED',
    },
    {
      what: 'that promises another count',
      cut: (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -4), Buffer.of(9, 0, 0, 0)]),
      code: 'RAFT_DAMAGED',
    },
    {
      what: 'of another version',
      cut: (bytes: Buffer) => Buffer.concat([Buffer.from('QROCKS99'), bytes.subarray(8)]),
      code: 'RAFT_UNSUPPORTED',
    },
  ])('$what is refused, and the old state stays', async ({ cut, code }) => {
    const bytes = cut(Buffer.concat(await contentOf(await machines.openWith('new', 'newer'))));
    const machine = await machines.openWith('old');

    await expect(machine.restore(streamOf([bytes]), meta, [])).rejects.toMatchObject({ code });

    expect(await stateOf(machine)).toEqual({ old: ' old' });
    expect(readdirSync(machines.folderOf(machine)).sort()).toEqual([
      'current',
      'state-1',
      'state-2',
    ]);
    const reopened = await machines.reopen(machine);
    expect(readdirSync(machines.folderOf(reopened)).sort()).toEqual(['current', 'state-1']);
  });

  test('ends the reading of the state that it replaces', async () => {
    const content = await contentOf(await machines.openWith('new'));
    const machine = await machines.openWith(...Array.from({ length: 1000 }, (_, at) => `${at}`));
    const reading = machine.entries()[Symbol.asyncIterator]();
    await reading.next();

    await machine.restore(streamOf(content), meta, []);

    const readOn = async (): Promise<void> => {
      while ((await reading.next()).done !== true);
    };
    await expect(readOn()).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
    expect(await stateOf(machine)).toEqual({ new: ' new' });
    expect(readdirSync(machines.folderOf(machine)).sort()).toEqual(['current', 'state-2']);
  });
});

describe('a crash in the middle of restore', () => {
  /** What lies in a folder before and after a restore, to be put together as a crash leaves it. */
  async function beforeAndAfter(): Promise<{ before: string; after: string }> {
    const content = await contentOf(await machines.openWith('new'));
    const machine = await machines.openWith('old');
    const folder = machines.folderOf(machine);
    const before = machines.newFolder();
    copyFolder(folder, before);
    await machine.restore(streamOf(content), meta, []);
    await machine.close();
    return { before, after: folder };
  }

  test.each([
    {
      moment: 'when the new folder is half full',
      isNew: false,
      leave: (before: string, after: string) => {
        copyFolder(path.join(after, 'state-2'), path.join(before, 'state-2'));
        rmSync(path.join(before, 'state-2', 'CURRENT'));
      },
    },
    {
      moment: 'when the new name is written and not in place',
      isNew: false,
      leave: (before: string, after: string) => {
        copyFolder(path.join(after, 'state-2'), path.join(before, 'state-2'));
        writeFileSync(path.join(before, 'current.new'), 'state-2\n');
      },
    },
    {
      moment: 'when the new name is half written',
      isNew: false,
      leave: (before: string) => writeFileSync(path.join(before, 'current.new'), 'sta'),
    },
    {
      moment: 'when the new name is in place and the old state still there',
      isNew: true,
      leave: (before: string, after: string) => {
        copyFolder(path.join(after, 'state-2'), path.join(before, 'state-2'));
        writeFileSync(path.join(before, 'current'), 'state-2\n');
      },
    },
    {
      moment: 'when the old state is half removed',
      isNew: true,
      leave: (before: string, after: string) => {
        copyFolder(path.join(after, 'state-2'), path.join(before, 'state-2'));
        writeFileSync(path.join(before, 'current'), 'state-2\n');
        rmSync(path.join(before, 'state-1', 'CURRENT'));
      },
    },
  ])('$moment leaves one state, and what is left over goes', async ({ leave, isNew }) => {
    const { before, after } = await beforeAndAfter();
    leave(before, after);

    const machine = await machines.open(before);

    expect(await stateOf(machine)).toEqual(isNew ? { new: ' new' } : { old: ' old' });
    const kept = isNew ? 'state-2' : 'state-1';
    expect(readdirSync(before).sort()).toEqual(['current', kept]);
  });
});
