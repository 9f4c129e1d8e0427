import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { at, command, commands } from '../../src/testing/log-store/entries.ts';

describe('memory storage', () => {
  test('keeps entries by reference', async () => {
    const { log } = memoryStorage();
    const entry = command(1, 1, new Uint8Array(10));

    await log.append([entry]);

    expect((await log.read(1, 2))[0]).toBe(entry);
  });

  test('refuses an append that leaves a gap, and keeps the log as it was', async () => {
    const { log } = memoryStorage();
    await log.append(commands(1, 3));

    await expect(log.append(commands(4, 5))).rejects.toThrow(
      'The log continues at 3; got entry 4.',
    );
    await expect(log.append([command(3), command(5)])).rejects.toThrow(RangeError);
    expect((await log.state()).last).toEqual(at(1, 2));
  });

  test('refuses to truncate what is purged, and a range that ends before it starts', async () => {
    const { log } = memoryStorage();
    await log.append(commands(1, 10));
    await log.purge(at(1, 5));

    await expect(log.truncate(4)).rejects.toThrow(
      'Cannot truncate to 4: the log is purged up to 5.',
    );
    await expect(log.read(8, 7)).rejects.toThrow('A range wants from <= to; got 8 and 7.');
  });

  test('takes a batch of any length', async () => {
    const { log } = memoryStorage();

    await log.append(commands(1, 300_001));

    expect((await log.state()).last.index).toBe(300_000);
  });

  test('is disposed as a whole, by its owner', async () => {
    const storage = memoryStorage();

    await storage[Symbol.asyncDispose]();

    await expect(storage.log.state()).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
    await expect(storage.snapshots.current()).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  });
});
