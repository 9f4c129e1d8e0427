import {
  BehindError,
  DamagedError,
  FatalError,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  RefusedError,
  SessionExpiredError,
  StoppedError,
  TransferError,
  UnreachableError,
  UnsupportedError,
} from 'quorate';
import { ChannelError } from 'quorate/network/tcp';
import { describe, expect, test } from 'vitest';
import { KvError, type KvErrorCode } from '../../src/errors.ts';
import { errorOf } from '../../src/protocol/failures.ts';

const open = { maybeApplied: true };
const logId = { term: 1, index: 1 };

describe('an error of the library becomes', () => {
  test.each<[KvErrorCode, Error]>([
    ['KV_NO_LEADER', new NotLeaderError('m')],
    ['KV_NO_LEADER', new UnreachableError('m')],
    ['KV_NO_LEADER', new BehindError('m')],
    ['KV_NO_LEADER', new LeadershipLostError('m', { logId })],
    ['KV_NO_LEADER', new TransferError('m')],
    ['KV_NO_LEADER', new UnsupportedError('m')],
    ['KV_OVERLOADED', new OverloadedError('m')],
    ['KV_SESSION_EXPIRED', new SessionExpiredError('m')],
    ['KV_SESSION_EXPIRED', new SessionExpiredError('m', open)],
    ['KV_STOPPING', new StoppedError('m')],
    ['KV_UNHEALTHY', new FatalError('m')],
    ['KV_UNHEALTHY', new DamagedError('m', { file: 'f', offset: 0, index: 1 })],
    ['KV_INVALID', new RefusedError('m')],
    ['KV_MAYBE', new UnreachableError('m', open)],
    ['KV_MAYBE', new LeadershipLostError('m', { logId, ...open })],
    ['KV_MAYBE', new StoppedError('m', open)],
    ['KV_MAYBE', new FatalError('m', open)],
    ['KV_MAYBE', new UnsupportedError('m', open)],
    ['KV_TIMEOUT', new TransferError('m', open)],
  ])('%s: %o', (code, thrown) => {
    const error = errorOf(thrown);

    expect(error).toBeInstanceOf(KvError);
    expect(error).toMatchObject({ code, message: 'm', cause: thrown });
    expect(error.details).toMatchObject({ reason: 'code' in thrown ? thrown.code : undefined });
  });

  test('one that still knows who leads', () => {
    const leader = { id: 'b', info: { address: 'h:1' } };

    expect(errorOf(new NotLeaderError('m', { leader })).details).toMatchObject({ leader: 'b' });
  });

  test('a write is open exactly if the library says so, except for a session that is over', () => {
    for (const maybeApplied of [false, true]) {
      const errors = [
        new UnreachableError('m', { maybeApplied }),
        new StoppedError('m', { maybeApplied }),
        new OverloadedError('m', { maybeApplied }),
        new RefusedError('m', { maybeApplied }),
      ];
      const said = errors.map((error) => errorOf(error).maybeApplied);
      expect(said).toEqual(errors.map(() => maybeApplied));
    }
  });
});

describe('what else is thrown', () => {
  test('stays what it is when it is a KvError', () => {
    const error = new KvError('KV_LIMIT', 'm');

    expect(errorOf(error)).toBe(error);
  });

  test('is a KvError again when another copy of the package threw it, or a member answered', () => {
    const details = { limit: 'maxLeases' };
    const other = Object.assign(new Error('m'), { name: 'KvError', code: 'KV_LIMIT', details });

    for (const thrown of [other, new ChannelError('KV_LIMIT', 'm', { details })]) {
      expect(errorOf(thrown)).toBeInstanceOf(KvError);
      expect(errorOf(thrown)).toMatchObject({ code: 'KV_LIMIT', message: 'm', details });
    }
    expect(errorOf(new ChannelError('KV_LIMIT', 'm', { details: 'none' })).details).toEqual({});
  });

  test.each<[string, unknown, KvErrorCode, string]>([
    ['a code that nobody knows', new ChannelError('KV_NEW', 'm'), 'KV_INTERNAL', 'KV_NEW: m'],
    ['the name of a method', new ChannelError('toString', 'm'), 'KV_INTERNAL', 'toString: m'],
    [
      'an error that a later version of the library has',
      Object.assign(new Error('m'), { code: 'RAFT_NEW' }),
      'KV_INTERNAL',
      'm',
    ],
    ['a bug', new TypeError('m'), 'KV_INTERNAL', 'm'],
    ['a string', 'm', 'KV_INTERNAL', 'm'],
    ['nothing', undefined, 'KV_INTERNAL', 'undefined'],
    ['a timeout', new DOMException('m', 'TimeoutError'), 'KV_TIMEOUT', 'm'],
  ])('is told by a code of the table: %s', (_what, thrown, code, part) => {
    const error = errorOf(thrown);

    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
    expect(error.cause).toBe(thrown);
  });
});
