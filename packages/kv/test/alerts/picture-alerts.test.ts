import type { RaftMetrics } from 'quorate';
import { expect, test } from 'vitest';
import { alertsOfPicture } from '../../src/server/alerts/picture-alerts.ts';

const well = {
  id: 'a',
  isRunning: true,
  leader: 'b',
  diskSilentMs: 0,
  fatal: undefined,
  quarantine: undefined,
  snapshotFailure: undefined,
} as unknown as RaftMetrics;

test('a node that is well raises nothing', () => {
  expect(alertsOfPicture(well)).toEqual([]);
  expect(alertsOfPicture({ ...well, diskSilentMs: 1000 })).toEqual([]);
});

test.each([
  [{ leader: undefined }, 'no-leader', 'No leader is known.'],
  [{ diskSilentMs: 1234.5 }, 'slow-disk', 'The disk has not answered for 1235 ms.'],
  [{ quarantine: 'It is an old copy.' }, 'quarantined', 'It is an old copy.'],
  [{ fatal: new Error('EIO') }, 'failed', 'EIO'],
  [
    { snapshotFailure: 'ENOSPC' },
    'snapshot-fails',
    'No snapshot could be built, and the log grows: ENOSPC',
  ],
])('a node with %o raises %s', (change, code, message) => {
  const alerts = alertsOfPicture({ ...well, ...change } as RaftMetrics);

  expect(alerts).toMatchObject([{ code, message, member: 'a' }]);
  expect(alerts[0]?.advice).toMatch(/\.$/);
});

test('a node that has ended is not said to look for a leader', () => {
  expect(alertsOfPicture({ ...well, isRunning: false, leader: undefined })).toEqual([]);
});
