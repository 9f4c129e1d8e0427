import { expect, test } from 'vitest';
import { bytesText, DiskRoom, type Measured } from '../../src/server/alerts/disk-room.ts';
import { readReport } from '../../src/server/alerts/member-reports.ts';

const mib = 1024 * 1024;

/** A disk that a test fills and empties. */
class Disk {
  freeMib = 1000;
  snapshotMib = 0;
  isLogLow = false;
  failure: Error | undefined;
  now = 0;

  room({ lowMib }: { readonly lowMib?: number } = {}): DiskRoom {
    return new DiskRoom({
      member: 'a',
      now: () => this.now,
      measure: async (): Promise<Measured> => {
        if (this.failure !== undefined) throw this.failure;
        const snapshotBytes = this.snapshotMib * mib;
        return { freeBytes: this.freeMib * mib, logBytes: 32 * mib, snapshotBytes };
      },
      isLogLow: () => this.isLogLow,
      lowBytes: lowMib === undefined ? undefined : lowMib * mib,
      segmentBytes: 16 * mib,
      pendingBytes: 64 * mib,
    });
  }
}

async function levelsWhile(
  disk: Disk,
  room: DiskRoom,
  free: readonly number[],
): Promise<readonly string[]> {
  const levels: string[] = [];
  for (const freeMib of free) {
    disk.freeMib = freeMib;
    await room.look();
    levels.push(room.level);
  }
  return levels;
}

test('a disk is low below its bound, and well again with a quarter more', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 100 });

  const levels = await levelsWhile(disk, room, [100, 99, 110, 124, 125, 110, 99, 125]);

  expect(levels).toEqual(['well', 'low', 'low', 'low', 'well', 'well', 'low', 'well']);
});

test('without room for two segments a disk is full, and low again with a quarter more', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 100 });

  const levels = await levelsWhile(disk, room, [50, 31, 39, 40, 60, 31, 200]);

  expect(levels).toEqual(['low', 'full', 'full', 'low', 'low', 'full', 'well']);
});

test('a log that says it is low is believed, whatever the system says', async () => {
  const disk = new Disk();
  const room = disk.room();
  disk.isLogLow = true;
  await room.look();

  expect(room.level).toBe('full');
  disk.isLogLow = false;
  await room.look();
  expect(room.level).toBe('well');
});

test('by its own measure a disk wants room for the log, for what waits and two snapshots', async () => {
  const disk = new Disk();
  const room = disk.room();
  disk.snapshotMib = 100;
  await room.look();

  expect(room.status).toMatchObject({ lowBytes: (8 * 16 + 64 + 200) * mib });
  expect(await levelsWhile(disk, room, [392, 391])).toEqual(['well', 'low']);
});

test('an alert says how much is free and how much should be, and goes with its cause', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 100 });

  disk.freeMib = 99;
  await room.look();
  expect(room.alerts()).toMatchObject([
    {
      code: 'disk-low',
      severity: 'warning',
      member: 'a',
      message: 'On the disk of a 99.0 MiB are free, and 125 MiB should be.',
    },
  ]);
  disk.freeMib = 5;
  await room.look();
  expect(room.alerts()).toMatchObject([{ code: 'disk-full', severity: 'error' }]);
  disk.freeMib = 125;
  await room.look();
  expect(room.alerts()).toEqual([]);
});

test('a disk that cannot be asked stays what it was, and that is told', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 100 });
  disk.failure = new Error('ENOENT: no such directory');

  await room.look();
  expect(room.level).toBe('well');
  expect(room.room).toBeUndefined();
  expect(room.alerts()).toMatchObject([{ code: 'disk-unknown' }]);
  expect(room.alerts()[0]?.message).toContain('ENOENT');

  disk.failure = undefined;
  disk.freeMib = 50;
  await room.look();
  disk.failure = new Error('EIO');
  await room.look();
  expect(room.level).toBe('low');
  expect(room.alerts().map(({ code }) => code)).toEqual(['disk-unknown', 'disk-low']);
});

test('a disk that will be low within three seconds wants a closer look, and no other one', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 100 });
  const isFallingAfter = async (passedMs: number, freeMib: number): Promise<boolean> => {
    disk.now += passedMs;
    disk.freeMib = freeMib;
    await room.look();
    return room.isFalling;
  };

  expect(await isFallingAfter(0, 1000)).toBe(false);
  expect(await isFallingAfter(500, 900)).toBe(false); // 200 MiB a second: it takes four seconds.
  expect(await isFallingAfter(500, 750)).toBe(true); // 300 MiB a second: little more than two.
  expect(room.room).toMatchObject({ level: 'well', isFalling: true });
  expect(await isFallingAfter(100, 749)).toBe(false);
  expect(await isFallingAfter(500, 749)).toBe(false);
  expect(await isFallingAfter(500, 50)).toBe(true);
  expect(await isFallingAfter(500, 50)).toBe(false); // It is low, and does not get lower.
});

test('a snapshot is only begun where it finds room', async () => {
  const disk = new Disk();
  const room = disk.room({ lowMib: 200 });
  expect(room.hasRoomForSnapshot).toBe(false);
  disk.snapshotMib = 50;

  disk.freeMib = 50 + 32 + 32 + 1; // That before it, the log, and room for two segments.
  await room.look();
  expect(room.hasRoomForSnapshot).toBe(true);
  disk.freeMib -= 1;
  await room.look();
  expect(room.hasRoomForSnapshot).toBe(false);
});

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536, '1.5 KiB'],
  [200 * mib, '200 MiB'],
  [3 * 1024 * mib, '3.0 GiB'],
  [5000 * 1024 * 1024 * mib, '5000 TiB'],
])('%s is written as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('a disk without an end, as one of a network says it is, is told to the others all the same', async () => {
  const disk = new Disk();
  disk.freeMib = 2 ** 43; // 8 EiB, beyond what is counted exactly.
  const room = disk.room();
  await room.look();

  const report = readReport(
    JSON.parse(JSON.stringify({ version: '1', room: room.room, alerts: [] })),
  );

  expect(report.room).toMatchObject({ level: 'well', freeBytes: Number.MAX_SAFE_INTEGER });
  expect(room.status?.freeBytes).toBe(Number.MAX_SAFE_INTEGER);
});
