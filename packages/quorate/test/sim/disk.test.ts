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

test('a stall is ten seconds long at most', async () => {
  const longest = { choose: (_: string, count: number) => count - 1 };
  const { disk, queue, start, settle } = setUp(longest);
  start();
  disk.stallPerMille = 1000;
  disk.stallMs = 10_000;
  void disk.files.makeDirectory('/data');

  await settle();

  expect(queue.now).toBeGreaterThan(9999);
  expect(queue.now).toBeLessThan(10_100);
});

test('a read may bring what is elsewhere, or was there before, and is right the next time', async () => {
  const { disk, start, settle, failed } = setUp();
  start();
  const file = disk.files.open('/file', { mode: 'create' });
  await settle();
  const open = await file;
  const written = new Uint8Array(2048).fill(1, 0, 1024).fill(2, 1024);
  void open.write([written], 0).then(() => open.sync());
  await settle();
  void open.write([new Uint8Array(512).fill(3)], 0);
  await settle();
  const read = async (): Promise<number | undefined> => {
    const buffer = new Uint8Array(1);
    await open.read(buffer, 0);
    return buffer[0];
  };

  disk.fail({ type: 'read', code: 'EIO', misreads: 1024 });
  expect(disk.hasMisread).toBe(false);
  expect(await read()).toBe(2);
  expect(disk.hasMisread).toBe(true);
  disk.fail({ type: 'read', code: 'EIO', misreads: 'older' });
  expect(await read()).toBe(1);
  expect(await read()).toBe(3);

  expect(failed).toEqual([]);
  start(2);
  expect(disk.hasMisread).toBe(false);
});

test('what goes bad is a snapshot, or a segment that more than one other follows', async () => {
  for (const way of ['bit', 'sector', 'end'] as const) {
    const { disk, start, settle } = setUp();
    start();
    const names = ['log/1.wal', 'log/2.wal', 'log/3.wal', 'log/spare.tmp', 'snapshots/1.part'];
    const made = (async () => {
      for (const directory of ['/data/log', '/data/snapshots']) {
        await disk.files.makeDirectory(directory);
      }
      for (const name of names) {
        const file = await disk.files.open(`/data/${name}`, { mode: 'create' });
        await file.write([new Uint8Array(1500).fill(255)], 0);
        await file.sync();
      }
    })();
    await settle();
    await made;

    expect(await disk.damage(way)).toMatch(/^\/data\/log\/1\.wal at \d+$/);

    expect(disk.isDamaged && disk.hasFailed).toBe(true);
    const whole: string[] = [];
    for (const name of names) {
      const size = (await disk.files.size(`/data/${name}`)) ?? 0;
      const bytes = new Uint8Array(1500);
      const file = await disk.files.open(`/data/${name}`, { mode: 'read' });
      await file.read(bytes, 0);
      if (size === 1500 && bytes.every((byte) => byte === 255)) whole.push(name);
    }
    expect(whole).toEqual(names.slice(1));
    disk.replace();
    expect(disk.isDamaged).toBe(false);
  }
});

test('a copy that is put back has what was durable when it was made, each time', async () => {
  const setting = setUp();
  const { disk, start, settle } = setting;
  start();
  const made = disk.files.open('/file', { mode: 'create' });
  await settle();
  const file = await made;
  const write = async (count: number): Promise<void> => {
    void file
      .write([new Uint8Array(count)], 0)
      .then(() => file.sync())
      .then(() => disk.files.syncDirectory('/'));
    await settle();
  };
  await write(100);
  const copy = disk.copy();
  await write(200);
  expect(await disk.files.size('/file')).toBe(200);

  for (const life of [2, 3]) {
    disk.putBack(copy);
    expect(await disk.files.size('/file')).toBe(100);
    start(life);
    const again = await disk.files.open('/file', { mode: 'write' });
    void again.write([new Uint8Array(300)], 0);
    await settle();
    expect(await disk.files.size('/file')).toBe(300);
  }
});

test('what is held back, reads too, goes on when it is let go or the disk is cured', async () => {
  const { disk, start, settle } = setUp();
  const process = start();
  const done: string[] = [];
  void (async () => {
    const file = await disk.files.open('/file', { mode: 'create' });
    await file.write([Uint8Array.of(1, 2, 3)], 0);
    disk.holdBack(({ type }) => type !== 'sync');
    void file.sync().then(() => done.push('sync'));
    void file.write([Uint8Array.of(4)], 3).then(() => done.push('write'));
    const bytes = new Uint8Array(2);
    void file.read(bytes, 1).then((count) => done.push(`read ${count}: ${bytes.join()}`));
  })();

  await settle();
  expect([done, disk.heldBackCount]).toEqual([['sync'], 2]);
  process.enter(() => disk.letGo());
  await settle();
  expect(done.toSorted()).toEqual(['read 2: 2,3', 'sync', 'write']);
  disk.cure();
  disk.holdBack(() => true);
  expect(disk.heldBackCount).toBe(0);
});
