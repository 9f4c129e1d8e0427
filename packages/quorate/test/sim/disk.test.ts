import { expect, test } from 'vitest';
import type { SimOperation } from '../../src/testing/sim-fs/faults.ts';
import { type Choices, SeededChoices } from './choices.ts';
import { SimDisk } from './disk.ts';
import { drive } from './drive.ts';
import { EventQueue } from './event-queue.ts';
import { SimProcess } from './process.ts';

interface Setting {
  readonly disk: SimDisk;
  readonly queue: EventQueue;
  readonly failed: string[];
  readonly operations: string[];
  readonly start: (life?: number) => SimProcess;
  readonly settle: () => Promise<void>;
}

function setUp(choices: Choices = new SeededChoices('disk')): Setting {
  const queue = new EventQueue();
  const failed: string[] = [];
  const operations: string[] = [];
  const note = ({ type }: SimOperation, when: string): boolean => {
    operations.push(`${when} ${type}`);
    return false;
  };
  const disk = new SimDisk({
    queue,
    choices,
    delayMs: 2,
    onOperation: note,
    onFailed: ({ type }, code) => failed.push(`${code} ${type} at ${Math.ceil(queue.now)}`),
    onStall: () => {},
  });
  const start = (life = 1): SimProcess => {
    const process = new SimProcess({ node: 'a', life, queue, choices, rate: 1 });
    disk.attach(process);
    return process;
  };
  const settle = (): Promise<void> =>
    drive({
      queue,
      until: Infinity,
      isOver: () => false,
      onEvent: () => {},
      onError: (error) => {
        throw error;
      },
    });
  return { disk, queue, failed, operations, start, settle };
}

async function sizeAfter(setting: Setting, kind: 'kill' | 'power'): Promise<number | undefined> {
  const { disk, start, settle } = setting;
  const process = start();
  void (async () => {
    const file = await disk.files.open('/file', { mode: 'create' });
    await disk.files.syncDirectory('/');
    await file.write([new Uint8Array(100)], 0);
  })();
  await settle();
  process.kill();
  disk.crash(kind);
  return disk.files.size('/file');
}

test('calls take time, and are told of when they begin and when they end', async () => {
  const { disk, queue, operations, start, settle } = setUp();
  start();
  const made = disk.files.makeDirectory('/data');
  await Promise.resolve();
  expect(operations).toEqual(['before makeDirectory']);

  await settle();
  await made;

  expect(operations).toEqual(['before makeDirectory', 'after makeDirectory']);
  expect(queue.now).toBeGreaterThan(0);
});

test('a process that is killed leaves what it wrote to the system, synced or not', async () => {
  expect(await sizeAfter(setUp(), 'kill')).toBe(100);
});

test('a power cut may take what was not synced, and all that was is there', async () => {
  const onlyDurable = { choose: (label: string) => (label === 'disk.crash' ? 1 : 0) };

  expect(await sizeAfter(setUp(onlyDurable), 'power')).toBe(0);
});

test('what a dead process has under way is never done', async () => {
  const { disk, start, settle } = setUp();
  const process = start();
  let isDone = false;
  const made = disk.files.makeDirectory('/data').then(() => {
    isDone = true;
  });
  process.kill();
  disk.crash('power');

  await settle();

  expect(isDone).toBe(false);
  expect(made).toBeInstanceOf(Promise);
});

test('a planned failure hits the call that it is for, and is told when the caller hears', async () => {
  const { disk, failed, start, settle } = setUp();
  start();
  disk.fail({ type: 'makeDirectory', code: 'EIO', after: 1 });
  const outcomes: unknown[] = [];
  void (async () => {
    for (const path of ['/one', '/two', '/three']) {
      await disk.files.makeDirectory(path).then(
        () => outcomes.push('made'),
        (error: { code: string }) => outcomes.push(error.code),
      );
    }
  })();
  expect(disk.hasFailed).toBe(false);

  await settle();

  expect(outcomes).toEqual(['made', 'EIO', 'made']);
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatch(/^EIO makeDirectory at [1-9]/);
  expect(disk.hasFailed).toBe(true);
});

test('a disk that was cured fails no more', async () => {
  const { disk, start, settle } = setUp();
  start();
  disk.fail({ type: 'makeDirectory', code: 'EIO' });
  disk.cure();
  let isMade = false;
  void disk.files.makeDirectory('/one').then(() => {
    isMade = true;
  });

  await settle();

  expect(isMade).toBe(true);
});

test('a disk with little room refuses what does not fit, until there is room again', async () => {
  const { disk, start, settle } = setUp();
  start();
  const outcomes: unknown[] = [];
  void (async () => {
    const file = await disk.files.open('/file', { mode: 'create' });
    const write = async (position: number): Promise<void> => {
      const bytes = new Uint8Array(4096).fill(1);
      await file.write([bytes], position).then(
        () => outcomes.push('written'),
        (error: { code: string }) => outcomes.push(error.code),
      );
    };
    await write(0);
    await disk.limit(1024);
    await write(4096);
    await disk.limit(undefined);
    await write(4096);
  })();

  await settle();

  expect(outcomes).toEqual(['written', 'ENOSPC', 'written']);
});
