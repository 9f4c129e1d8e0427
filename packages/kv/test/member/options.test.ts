import { describe, expect, test } from 'vitest';
import { infoOf, type KvMemberOptions, settingsOf } from '../../src/server/member/options.ts';

const options: KvMemberOptions = { name: 'a', directory: 'data' };

describe('the options of a member', () => {
  test('have defaults that listen on this machine alone', () => {
    const { listen, compaction, hashCheckMs, closeTimeoutMs } = settingsOf(options);

    expect(listen).toEqual({ host: '127.0.0.1', port: 0 });
    expect(compaction).toEqual({ mode: 'time', keepMs: 3_600_000 });
    expect({ hashCheckMs, closeTimeoutMs }).toEqual({ hashCheckMs: 10_000, closeTimeoutMs: 5000 });
  });

  test('take the address that the others have among the peers', () => {
    const { advertise } = settingsOf({ ...options, peers: { a: '10.0.0.1:1', b: '10.0.0.2:1' } });

    expect(advertise).toBe('10.0.0.1:1');
  });

  test('publish where clients come', () => {
    const settings = settingsOf({ ...options, http: 'http://10.0.0.1:80' });

    expect(infoOf(settings, '10.0.0.1:1')).toEqual({
      address: '10.0.0.1:1',
      data: { client: 'tcp://10.0.0.1:1', http: 'http://10.0.0.1:80', commands: '2' },
    });
  });

  test.each<[string, Partial<KvMemberOptions>, string]>([
    ['no name', { name: '' }, 'name must be a string'],
    ['no directory', { directory: '' }, 'directory must be a string'],
    ['peers without itself', { peers: { b: 'x:1' } }, 'peers must name this member, a,'],
    ['a peer without a port', { peers: { a: 'x' } }, 'The address of peer a must be host:port'],
    ['peers and join', { peers: { a: 'x:1' }, join: ['x:1'] }, 'either peers'],
    ['nobody to join', { join: [] }, 'at least one address'],
    ['an address that is none', { advertise: 'here' }, 'advertise must be host:port'],
    ['an address that is everywhere', { listen: { host: '0.0.0.0' } }, 'say one by advertise'],
    ['a limit that is none', { limits: { maxKeyBytes: 0 } }, 'maxKeyBytes'],
    ['a log that takes less than clients may send', { config: { maxCommandBytes: 1024 } }, 'Raise'],
    ['an unknown compaction', { compaction: { mode: 'x' } as never }, 'it is x'],
    ['to keep nothing', { compaction: { mode: 'revisions', keep: 0 } }, 'compaction.keep'],
    ['checks without a pause', { hashCheckMs: 0 }, 'hashCheckMs must be a number'],
  ])('refuse %s', (_case, wrong, message) => {
    expect(() => settingsOf({ ...options, ...wrong })).toThrow(message);
  });
});
