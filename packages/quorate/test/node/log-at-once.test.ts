import { describe, expect, test } from 'vitest';
import { Log, type Write } from '../../src/node/log.ts';
import { MemoryLogStore } from '../../src/storage/memory/log-store.ts';
import { commandRun, indexesOf } from './entries.ts';
import { settle } from './virtual-runtime.ts';

const identity = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };

function appendOf(write: number, index: number): Write {
  return { write, append: commandRun(1, index, index + 1) };
}

describe('a log over a store that is done when it returns', () => {
  test('reports it in the call, and goes on in order after a purge that takes time', async () => {
    const store = new MemoryLogStore();
    const reports: string[] = [];
    const log = new Log({
      store,
      identity,
      last: 0,
      tailCacheBytes: 1024,
      onPersisted: (write) => {
        reports.push(`write ${write}`);
        // Asked for in a report, it begins when that is over.
        if (write === 1) log.persist(appendOf(2, 2));
        if (write === 1) reports.push('end of report 1');
      },
      onPurged: ({ index }) => reports.push(`purge ${index}`),
      onFailure: (cause) => reports.push(String(cause)),
    });

    log.persist(appendOf(1, 1));
    expect(reports).toEqual(['write 1', 'end of report 1', 'write 2']);
    expect(log.isWriting).toBe(false);
    log.purge({ term: 1, index: 1 }, { all: false });
    log.persist(appendOf(3, 3));
    expect(log.isWriting).toBe(true);
    await settle();

    expect(reports.slice(3)).toEqual(['purge 1', 'write 3']);
    expect(indexesOf(await store.read(2, 4))).toEqual([2, 3]);
  });

  test('fails if the store throws in place of rejecting', () => {
    const full = new Error('the disk is full');
    const store = Object.assign(new MemoryLogStore(), {
      append: () => {
        throw full;
      },
    });
    const failures: unknown[] = [];
    const persisted: number[] = [];
    const log = new Log({
      store,
      identity,
      last: 0,
      tailCacheBytes: 1024,
      onPersisted: (write) => persisted.push(write),
      onPurged: () => undefined,
      onFailure: (cause) => failures.push(cause),
    });

    log.persist(appendOf(1, 1));
    log.persist(appendOf(2, 2));

    expect(failures).toEqual([full]);
    expect(persisted).toEqual([]);
  });
});
