import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/core/types.ts';
import { entryBytes, LogTail } from '../../src/node/log-tail.ts';
import { commandEntry, commandRun, indexesOf } from './entries.ts';
import { settle } from './virtual-runtime.ts';

const plenty = 1024 * 1024;

describe('the tail of the log', () => {
  test('begins one past the log that was found on the disk', () => {
    const tail = new LogTail(8);

    expect(tail.first).toBe(8);
    tail.append(commandRun(1, 8, 10));
    expect(tail.first).toBe(8);
    expect(indexesOf(tail.read(8, 10, plenty))).toEqual([8, 9]);
  });

  test('refuses entries that leave a gap', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 3));

    expect(() => tail.append(commandRun(1, 4, 5))).toThrow('the tail goes on with entry 3');
  });

  test('returns no more than the asked bytes, and at least one entry', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 11, 36));
    const each = entryBytes(commandEntry(1, 1, 36));

    expect(each).toBe(100);
    expect(indexesOf(tail.read(1, 11, 300))).toEqual([1, 2, 3]);
    expect(indexesOf(tail.read(4, 11, 399))).toEqual([4, 5, 6]);
    expect(indexesOf(tail.read(4, 11, 1))).toEqual([4]);
    expect(indexesOf(tail.read(4, 6, plenty))).toEqual([4, 5]);
  });

  test('what was appended last is read as it came, unless it is too much or partly gone', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 3, 36));
    const newest = commandRun(1, 3, 7, 36);
    tail.append(newest);

    expect(tail.read(3, 7, 400)).toBe(newest);
    expect(indexesOf(tail.read(3, 7, 399))).toEqual([3, 4, 5]);
    expect(indexesOf(tail.read(2, 6, plenty))).toEqual([2, 3, 4, 5]);
    tail.truncate(4);
    const other = commandRun(2, 5, 7, 36);
    tail.append(other);
    expect(indexesOf(tail.read(3, 7, plenty))).toEqual([3, 4, 5, 6]);
    expect(tail.read(3, 7, plenty).map(({ logId }) => logId.term)).toEqual([1, 1, 2, 2]);
    tail.truncate(5);
    expect(indexesOf(tail.read(5, 6, plenty))).toEqual([5]);
    expect(() => tail.read(5, 7, 1) && tail.read(6, 7, plenty)).toThrow('must be in the tail');
    tail.purge(9, { all: true });
    tail.append(commandRun(2, 10, 12));
    expect(indexesOf(tail.read(10, 12, plenty))).toEqual([10, 11]);
  });

  test('refuses to read what it does not hold', () => {
    const tail = new LogTail(5);
    tail.append(commandRun(1, 5, 7));

    expect(() => tail.read(4, 6, plenty)).toThrow('must be in the tail');
    expect(() => tail.read(7, 8, plenty)).toThrow('must be in the tail');
  });

  test('keeps every entry that is not written, whatever the bound', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 11));

    tail.written(4, 0);

    expect(tail.first).toBe(5);
    expect(indexesOf(tail.read(5, 11, plenty))).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('keeps written entries up to the bound', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 11, 36));

    tail.written(10, 250);

    expect(tail.first).toBe(9);
  });

  test('goes on after everything was dropped', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 4));
    tail.written(3, 0);

    tail.append(commandRun(1, 4, 6));

    expect(indexesOf(tail.read(4, 6, plenty))).toEqual([4, 5]);
  });

  test('forgets the end that is truncated and goes on from there', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 6));

    tail.truncate(2);
    tail.append(commandRun(2, 3, 5));

    expect(tail.read(1, 5, plenty).map(({ logId }) => logId.term)).toEqual([1, 1, 2, 2]);
  });

  test('is empty after a truncation below its first entry', () => {
    const tail = new LogTail(1);
    tail.append(commandRun(1, 1, 6));
    tail.written(5, 130);

    tail.truncate(1);

    expect(tail.first).toBe(2);
    tail.append(commandRun(2, 2, 4));
    expect(tail.first).toBe(2);
    expect(indexesOf(tail.read(2, 4, plenty))).toEqual([2, 3]);
  });

  test('holds the same as a plain array, whatever happens to it', () => {
    const tail = new LogTail(1);
    let naive: Entry[] = [];
    let written = 0;
    let first = 1;
    let random = 42;
    const draw = (below: number): number => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return Math.floor((random / 2 ** 32) * below);
    };
    for (let step = 0; step < 5000; step += 1) {
      const end = first + naive.length;
      const kind = draw(3);
      if (kind === 0) {
        const run = commandRun(step, end, end + 1 + draw(30), draw(100));
        tail.append(run);
        naive.push(...run);
      } else if (kind === 1 && naive.length > 0) {
        written = Math.max(written, first + draw(naive.length));
        const bound = draw(1000);
        tail.written(written, bound);
        let bytes = naive.reduce((sum, entry) => sum + entryBytes(entry), 0);
        while (bytes > bound && naive.length > 0 && first <= written) {
          bytes -= entryBytes(naive.shift() as Entry);
          first += 1;
        }
      } else if (naive.length > 0) {
        const index = first + draw(naive.length);
        tail.truncate(index);
        naive = naive.filter(({ logId }) => logId.index <= index);
        written = Math.min(written, index);
      }
      expect(tail.first).toBe(first);
      const next = first + naive.length;
      expect(naive.length === 0 ? [] : tail.read(first, next, Infinity)).toEqual(naive);
    }
  });

  test('lets go of the entries that it has dropped', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const tail = new LogTail(1);
    const dropped = appendAndForget(tail);
    tail.append(commandRun(1, 2, 4));

    tail.written(3, 0);
    await settle();
    collectGarbage();

    expect(dropped.deref()).toBeUndefined();
  });
});

function appendAndForget(tail: LogTail): WeakRef<Entry> {
  const entry = commandEntry(1, 1, 1000);
  tail.append([entry]);
  return new WeakRef(entry);
}
