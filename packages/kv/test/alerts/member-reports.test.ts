import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKvErrorCode, KvError } from '../../src/errors.ts';
import type { RoomLevel } from '../../src/server/alerts/disk-room.ts';
import { alertKinds, alertOf, compareAlerts } from '../../src/server/alerts/kinds.ts';
import {
  boundedAlerts,
  type LeaderNews,
  type MemberReport,
  readNews,
  readReport,
  roomsOf,
} from '../../src/server/alerts/member-reports.ts';
import type { KvAlertCode } from '../../src/types.ts';

const low = { member: 'b', freeBytes: 1, wantedBytes: 2 };
const news: LeaderNews = {
  leader: 'a',
  term: 3,
  gate: { refuses: 'additions', low: [low] },
  alerts: [alertOf('disk-low', 'b', 'low')],
};
const report: MemberReport = {
  version: '0.1.0',
  wallMs: 1.5,
  room: { level: 'low', freeBytes: 1, wantedBytes: 2 },
  alerts: [alertOf('certificate', 'a', 'ends', { severity: 'error' })],
};

test('reports and news come through JSON as they were, and what is new in them is passed over', () => {
  const later = {
    ...news,
    more: 1,
    alerts: [...news.alerts, { ...news.alerts[0], code: 'later' }],
  };

  expect(readNews(JSON.parse(JSON.stringify(later)))).toEqual(news);
  expect(readReport(JSON.parse(JSON.stringify({ ...report, more: {} })))).toEqual(report);
  expect(readReport({ version: 'x', alerts: [] })).toEqual({ version: 'x', alerts: [] });
});

test.each([
  [{}, 'The report.version must be a string'],
  [{ version: 'x' }, 'The report.alerts must be a list'],
  [{ ...report, room: { level: 'odd' } }, 'level must be one of well, low, full; it is "odd"'],
  [{ ...report, room: { level: 'low', freeBytes: -1 } }, 'room.freeBytes must be a whole number'],
  [{ ...report, alerts: [{ code: 'failed' }] }, 'severity must be a string'],
])('%j is no report, and the message says why', (value, message) => {
  expect(() => readReport(value)).toThrow(message);
});

test('whatever comes is read, or refused as invalid', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.record({ version: fc.string(), alerts: fc.array(fc.jsonValue()), room: fc.jsonValue() }),
    fc.record({
      leader: fc.string(),
      term: fc.nat(),
      gate: fc.jsonValue(),
      alerts: fc.jsonValue(),
    }),
  );
  const isReadOrRefused = (read: (value: unknown) => unknown, value: unknown): boolean => {
    try {
      read(value);
      return true;
    } catch (error) {
      return error instanceof KvError && isKvErrorCode(error.code);
    }
  };

  fc.assert(
    fc.property(anything, (value) => {
      expect(isReadOrRefused(readReport, value)).toBe(true);
      expect(isReadOrRefused(readNews, value)).toBe(true);
    }),
  );
});

test('one message carries the gravest alerts only, and none of them is long', () => {
  const many = Array.from({ length: 200 }, (_, at) =>
    alertOf(at === 150 ? 'disk-full' : 'clock-jump', `m${at}`, 'x'.repeat(5000)),
  );

  const bounded = boundedAlerts(many);

  expect(bounded).toHaveLength(64);
  expect(bounded[0]?.member).toBe('m150');
  expect(Math.max(...bounded.map(({ message }) => message.length))).toBe(1000);
  expect(readReport({ version: 'x', alerts: many }).alerts).toHaveLength(64);
});

test('alerts are in the order of their gravity, then of the table, then of the members', () => {
  const codes = Object.keys(alertKinds) as KvAlertCode[];
  const shuffled = codes.flatMap((code) => [alertOf(code, 'b', ''), alertOf(code, 'a', '')]);

  const sorted = shuffled.toReversed().sort(compareAlerts);

  const severities = sorted.map(({ severity }) => severity).join(' ');
  expect(severities).toMatch(/^(error ?)+(warning ?)+(info ?)+$/);
  expect(sorted[0]).toMatchObject({ code: 'failed', member: 'a' });
  expect(sorted[1]).toMatchObject({ code: 'failed', member: 'b' });
});

test('of a member that is silent, a disk that was low stays low, and one that was well is not known', () => {
  const seen = (level: RoomLevel, isSilent: boolean) => ({
    report: { ...report, room: { level, freeBytes: 1, wantedBytes: 2 } },
    isSilent,
  });
  const reports = new Map<string, { report: MemberReport; isSilent: boolean }>([
    ['well', seen('well', false)],
    ['low', seen('low', false)],
    ['silent and well', seen('well', true)],
    ['silent and low', seen('low', true)],
    ['silent and full', seen('full', true)],
    ['older', { report: { version: 'older', alerts: [] }, isSilent: false }],
  ]);

  expect([...roomsOf(reports)].map(([member, { level }]) => `${member}: ${level}`)).toEqual([
    'well: well',
    'low: low',
    'silent and low: low',
    'silent and full: full',
  ]);
});
