import type { FollowerProgress, RaftMetrics } from 'quorate';
import { describe, expect, test } from 'vitest';
import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { Certificates } from '../../src/server/alerts/certificates.ts';
import { ClockWatch } from '../../src/server/alerts/clock-watch.ts';
import { ClusterWatch, type SeenReport } from '../../src/server/alerts/cluster-watch.ts';
import { DiskSpeed } from '../../src/server/alerts/disk-speed.ts';

// What is seen of clocks, disks, certificates and other members, by clocks of the test.

const dayMs = 86_400_000;

describe('the wall clock', () => {
  test('that goes with the other one is no news, also after a long pause', () => {
    const watch = new ClockWatch('a');

    for (const now of [0, 500, 1000, 90_000]) watch.look(now, 1_700_000_000_000 + now);

    expect(watch.alerts()).toEqual([]);
  });

  test('that is adjusted a little is no news', () => {
    const watch = new ClockWatch('a');

    watch.look(0, 1000);
    watch.look(500, 1500 + 900);

    expect(watch.alerts()).toEqual([]);
  });

  test.each([
    [7200_000, 'The wall clock went ahead by 7200.0 s.'],
    [-1500, 'The wall clock went back by 1.5 s.'],
  ])('that jumps by %s ms is told for a minute', (byMs, message) => {
    const watch = new ClockWatch('a');

    watch.look(0, 10_000);
    watch.look(500, 10_500 + byMs);
    expect(watch.alerts()).toMatchObject([{ code: 'clock-jump', severity: 'info', message }]);
    watch.look(60_000, 70_000 + byMs);
    expect(watch.alerts()).toHaveLength(1);
    watch.look(61_000, 71_000 + byMs);
    expect(watch.alerts()).toEqual([]);
  });
});

describe('a disk', () => {
  test('whose writes take long is told, until they do not', () => {
    const speed = new DiskSpeed('a');

    speed.look(0, { count: 100, totalMs: 0 });
    speed.look(10_000, { count: 110, totalMs: 1500 });
    expect(speed.alerts()).toMatchObject([
      {
        code: 'slow-disk',
        message: 'A write to the log took 150 ms on average in the last 10 s.',
      },
    ]);
    speed.look(20_000, { count: 120, totalMs: 2300 }); // 80 ms: not as bad, and not well.
    expect(speed.alerts()).toHaveLength(1);
    speed.look(30_000, { count: 130, totalMs: 2400 });
    expect(speed.alerts()).toEqual([]);
  });

  test('that has one slow write among few, or an old slow past, is not called slow', () => {
    const speed = new DiskSpeed('a');

    speed.look(0, { count: 10, totalMs: 100_000 });
    speed.look(10_000, { count: 12, totalMs: 100_900 });

    expect(speed.alerts()).toEqual([]);
  });
});

describe('a certificate', () => {
  const authority = makeAuthority('tests'); // Until 2049.
  const { cert } = issue(authority, { names: ['a'], until: '30' });
  const end = Date.parse('2030-01-01T00:00:00Z');
  const certificates = new Certificates('a', { cert, ca: authority.cert });
  // The day that the tests' certificates end on is theirs to know.
  const endsAt = findEnd(certificates, end);

  test('is no news as long as it is good for more than 14 days', () => {
    expect(certificates.alerts(endsAt - 14 * dayMs - 1000)).toEqual([]);
  });

  test.each([
    [14 * dayMs, 'warning', /CN=a expires at 2030-\d\d-\d\dT\S+, in 14 days\.$/],
    [3 * dayMs, 'warning', /in 3 days\.$/],
    [2 * dayMs, 'error', /in 2 days\.$/],
    [1000, 'error', /in less than a day\.$/],
    [0, 'error', /CN=a expired at 2030-\S+: no new connection is believed\.$/],
    [-dayMs, 'error', /expired/],
  ])('that ends in %s ms is a matter for a %s', (leftMs, severity, message) => {
    expect(certificates.alerts(endsAt - leftMs)).toMatchObject([
      { code: 'certificate', severity, message: expect.stringMatching(message) as string },
    ]);
  });

  test('of the authority that ends first is the one that is told', () => {
    const shortLived = new Certificates('a', { cert: authority.cert, ca: [cert, authority.cert] });

    expect(shortLived.alerts(endsAt)[0]?.message).toMatch(/^The authority CN=a expired/);
  });

  test('without a subject is named by what it stands for', () => {
    const nameless = issue(authority, { names: [], ips: ['10.0.0.1'], until: '30' }).cert;

    const [alert] = new Certificates('a', { cert: nameless, ca: authority.cert }).alerts(endsAt);

    expect(alert?.message).toMatch(/^The certificate for IP Address:10\.0\.0\.1 expired/);
  });

  test('that cannot be read behind one that can is told, and harms nothing', () => {
    const unread = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    // TLS takes such a file, and believes only what stands before that place.
    const damaged = new Certificates('a', { cert, ca: `${authority.cert}${unread}` });

    expect(damaged.alerts(0)).toMatchObject([
      {
        code: 'certificate',
        severity: 'warning',
        message: expect.stringMatching(/^The authority .*cannot be read/) as string,
      },
    ]);
    expect(damaged.alerts(endsAt)[0]?.message).toMatch(/CN=a expired/);
  });

  test('is not asked for where nothing is encrypted', () => {
    expect(new Certificates('a', undefined).alerts(Infinity)).toEqual([]);
  });
});

function findEnd(certificates: Certificates, around: number): number {
  const [alert] = certificates.alerts(around + 400 * dayMs);
  return Date.parse(/expired at (\S+):/.exec(alert?.message ?? '')?.[1] ?? '');
}

describe('a leader', () => {
  const usual: FollowerProgress = {
    state: 'replicate',
    matchIndex: 100,
    lag: 0,
    nextIndex: 101,
    inflight: 0,
    lastAckAt: 0,
  };

  function picture(
    progress: Readonly<Record<string, Partial<FollowerProgress>>>,
    term = 1,
  ): RaftMetrics {
    const entries = Object.entries(progress).map(
      ([id, one]) => [id, { ...usual, ...one }] as const,
    );
    const membership = { voters: [['a', 'b', 'c']], nodes: {}, cluster: 'x' };
    return { id: 'a', term, membership, progress: new Map(entries) } as unknown as RaftMetrics;
  }

  const own = { version: '1.0.0', reports: new Map<string, SeenReport>() };
  const codesAt = (watch: ClusterWatch, now: number, seen: RaftMetrics, more = own) =>
    watch.look(now, seen, more).map(({ code, member }) => `${code} ${member}`);

  test('tells of who has not answered for more than three seconds, until it does', () => {
    const watch = new ClusterWatch();

    expect(codesAt(watch, 3000, picture({ b: { lastAckAt: 0 } }))).toEqual([]);
    expect(codesAt(watch, 3001, picture({ b: { lastAckAt: 0 } }))).toEqual(['member-silent b']);
    expect(codesAt(watch, 3002, picture({ b: { lastAckAt: 3002 } }))).toEqual([]);
  });

  test('counts from its election on for who has never answered', () => {
    const watch = new ClusterWatch();
    const silent = { b: { lastAckAt: undefined } };

    expect(codesAt(watch, 10_000, picture(silent))).toEqual([]);
    expect(codesAt(watch, 13_001, picture(silent))).toEqual(['member-silent b']);
    expect(codesAt(watch, 13_002, picture(silent, 2))).toEqual([]);
  });

  test('counts from then on for who has come in, however long it has led', () => {
    const watch = new ClusterWatch();
    const [alone, added] = [picture({}), picture({ d: { lastAckAt: undefined } })];

    expect(codesAt(watch, 0, alone)).toEqual([]);
    expect(codesAt(watch, 90_000, added)).toEqual([]);
    expect(codesAt(watch, 93_000, added)).toEqual([]);
    expect(watch.look(93_001, added, own)[0]?.message).toBe('d has not answered for 3 s.');
    expect(codesAt(watch, 94_000, alone)).toEqual([]);
    expect(codesAt(watch, 99_000, added)).toEqual([]);
  });

  test('tells of a voter that lags for five seconds, and of a learner for a minute', () => {
    const watch = new ClusterWatch();
    const lagging = (now: number): RaftMetrics =>
      picture({ b: { lag: 10_001, lastAckAt: now }, l: { lag: 10_001, lastAckAt: now } });

    expect(codesAt(watch, 0, lagging(0))).toEqual([]);
    expect(codesAt(watch, 4999, lagging(4999))).toEqual([]);
    expect(codesAt(watch, 5000, lagging(5000))).toEqual(['slow-member b']);
    expect(codesAt(watch, 60_000, lagging(60_000))).toEqual(['slow-member b', 'learner-behind l']);
    expect(codesAt(watch, 60_500, picture({ b: { lastAckAt: 60_500 } }))).toEqual([]);
  });

  test('forgets how long one has lagged that was well between', () => {
    const watch = new ClusterWatch();
    const at = (now: number, lag: number): RaftMetrics => picture({ b: { lag, lastAckAt: now } });

    for (const [now, lag] of [
      [0, 20_000],
      [4000, 10_000],
      [5000, 20_000],
    ] as const) {
      expect(codesAt(watch, now, at(now, lag))).toEqual([]);
    }
    expect(codesAt(watch, 9999, at(9999, 20_000))).toEqual([]);
    expect(codesAt(watch, 10_000, at(10_000, 20_000))).toEqual(['slow-member b']);
  });

  test('tells of another version, and of a clock that differs by more than the way explains', () => {
    const report = (version: string) => ({ version, alerts: [] });
    const reports = new Map<string, SeenReport>([
      ['b', { report: report('0.9.0'), at: 0, roundTripMs: 2, isSilent: false, aheadMs: -1500 }],
      ['c', { report: report('1.0.0'), at: 0, roundTripMs: 800, isSilent: false, aheadMs: 1300 }],
    ]);

    const alerts = new ClusterWatch().look(0, picture({}), { version: '1.0.0', reports });

    expect(alerts.map(({ message }) => message)).toEqual([
      'b runs version 0.9.0, and the leader a runs 1.0.0.',
      'The wall clock of b is 1.5 s behind that of the leader a.',
    ]);
  });
});
