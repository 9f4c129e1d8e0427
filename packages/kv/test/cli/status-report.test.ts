import { describe, expect, test } from 'vitest';

import {
  type ClusterPicture,
  healthOf,
  isWell,
  isWrong,
  lagOf,
  pictureOf,
} from '../../src/cli/commands/status-report.ts';
import type { KvStatus, MemberReport } from '../../src/client.ts';
import { KvError } from '../../src/errors.ts';
import type { KvAlert } from '../../src/types.ts';

function statusOf(member: string, patch: Partial<KvStatus> = {}): KvStatus {
  return {
    cluster: 'one',
    member,
    version: '1.0.0',
    role: 'follower',
    leader: 'a',
    term: 2,
    revision: 10,
    compactedRevision: 1,
    keys: 3,
    leases: 0,
    watchers: 0,
    lastLogIndex: 20,
    committed: 20,
    applied: 20,
    members: ['a', 'b'].map((id) => ({ id, role: 'voter', peerAddress: `tcp://${id}:1` })),
    isServing: true,
    problems: [],
    alerts: [],
    ...patch,
  };
}

function reportOf(member: string, patch: Partial<KvStatus> = {}): MemberReport {
  return { id: member, address: `${member}:1`, status: statusOf(member, patch) };
}

const alert: KvAlert = {
  code: 'disk-low',
  severity: 'warning',
  member: 'b',
  message: 'The disk of b is low.',
  advice: 'Make room.',
};

function healthsOf(picture: ClusterPicture): readonly string[] {
  return picture.reports.map((report) => healthOf(report, picture));
}

const leader = reportOf('a', { role: 'leader' });

describe('the picture of a cluster', () => {
  test('finds nothing where all is well', () => {
    const picture = pictureOf([leader, reportOf('b', { applied: 15 })]);

    expect(picture.findings).toEqual([]);
    expect(picture.leading?.member).toBe('a');
    expect(picture.reports.map(({ status }) => status && lagOf(picture, status))).toEqual([0, 5]);
    expect(healthsOf(picture)).toEqual(['well', 'well']);
  });

  test('tells once of what two members tell, in the words of the one it is about', () => {
    const heard = { ...alert, message: 'b says that its disk is low.' };

    const picture = pictureOf([
      reportOf('a', { role: 'leader', alerts: [heard] }),
      reportOf('b', { alerts: [alert] }),
    ]);

    expect(picture.findings).toEqual([
      { severity: 'warning', message: 'The disk of b is low.', advice: 'Make room.' },
    ]);
    expect(healthsOf(picture)).toEqual(['well', 'disk-low']);
  });

  test('names the member of what does not, though its name is a letter of the message', () => {
    const message = 'The wall clock went ahead by 2 s.';

    const { findings } = pictureOf([
      leader,
      reportOf('b', {
        alerts: ['a', 'w-1'].map((member) => ({ ...alert, code: 'clock-jump', member, message })),
      }),
    ]);

    expect(findings.map((finding) => finding.message)).toEqual([
      `a: ${message}`,
      `w-1: ${message}`,
    ]);
  });

  test('is not wrong by what is for information only', () => {
    const picture = pictureOf([
      leader,
      reportOf('b', { alerts: [{ ...alert, severity: 'info' }] }),
    ]);

    expect(picture.findings).toHaveLength(1);
    expect(picture.findings.some(isWrong)).toBe(false);
  });

  test('says what a member of an older version has to say', () => {
    const old = reportOf('b', { problems: ['The disk is full.'] });

    const { findings } = pictureOf([leader, old]);

    expect(findings.map(({ message }) => message)).toEqual(['b: The disk is full.']);
    expect(healthOf(old, { removed: [] })).toBe('see below');
  });

  test('says who does not answer, and how many must run before anybody leads', () => {
    const silent: MemberReport = {
      id: 'b',
      address: 'tcp://b:1',
      error: new KvError('KV_NO_LEADER', 'Refused.'),
    };

    const { findings } = pictureOf([reportOf('a', { leader: undefined }), silent]);

    expect(findings.map(({ message }) => message)).toEqual([
      'b does not answer at b:1: Refused.',
      'No member leads: nothing can be written, and reads must be --serializable.',
    ]);
    expect(findings[1]?.advice).toContain('until 2 of the 2 voters run');
    expect(healthOf(silent, { removed: [] })).toBe('no answer');
  });

  test('says of a member that was removed only that it was', () => {
    const removed = reportOf('c', { leader: undefined, alerts: [{ ...alert, member: 'c' }] });

    const picture = pictureOf([leader, reportOf('b'), removed]);

    expect(picture.findings.map(({ message }) => message)).toEqual([
      'c was removed from the cluster, and still runs.',
    ]);
    expect(healthsOf(picture)).toEqual(['well', 'well', 'removed']);
  });

  test('says so if addresses are of two clusters', () => {
    const { findings } = pictureOf([leader, reportOf('x', { cluster: 'two' })]);

    expect(findings[0]?.message).toBe(
      'These members belong to different clusters: a to one; x to two.',
    );
  });
});

describe('all is well', () => {
  const b = reportOf('b');
  const silent: MemberReport = {
    ...{ id: 'b', address: 'b:1' },
    error: new KvError('KV_NO_LEADER', 'Nobody is there.'),
  };
  const info: KvAlert = { ...alert, code: 'clock-jump', severity: 'info' };

  test.each<readonly [string, readonly MemberReport[], boolean]>([
    ['if a member leads and all serve', [leader, b], true],
    [
      'if there is something to know, and nothing to do',
      [leader, reportOf('b', { alerts: [info] })],
      true,
    ],
    ['not if nobody leads', [reportOf('a', { leader: undefined }), b], false],
    ['not if who leads is only told of', [reportOf('a'), b], false],
    ['not while one starts', [leader, reportOf('b', { role: 'starting' })], false],
    ['not if one does not answer', [leader, silent], false],
    ['not if one is out of service', [leader, reportOf('b', { isServing: false })], false],
    ['not if there is something to do', [leader, reportOf('b', { alerts: [alert] })], false],
    ['not if nobody is known', [], false],
  ])('%s', (_, reports, isSo) => {
    expect(isWell(pictureOf(reports))).toBe(isSo);
  });
});
