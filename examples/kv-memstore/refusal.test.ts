import {
  AlreadyInitializedError,
  InvalidMembershipError,
  LeadershipLostError,
  NotLeaderError,
  StoppedError,
} from 'quorate';
import { expect, test } from 'vitest';
import { BadJsonError, WrongMethodError } from './edge-errors.ts';
import { refusalFrom } from './refusal.ts';

test('a refusal of the edge keeps its status and its code', () => {
  expect(refusalFrom(new BadJsonError('Not JSON.'))).toEqual({
    status: 400,
    headers: {},
    body: { Err: { code: 'HTTP_BAD_JSON', message: 'Not JSON.' } },
  });
});

test('a wrong method says in a header which ones are right', () => {
  const refusal = refusalFrom(new WrongMethodError('No.', ['GET', 'POST']));

  expect(refusal.status).toBe(405);
  expect(refusal.headers).toEqual({ allow: 'GET, POST' });
});

test('a refusal for lack of leadership names the leader with status 200', () => {
  const leader = { id: '1', info: { address: 'a:1' } };

  const refusal = refusalFrom(new NotLeaderError('Ask node 1.', { leader }));

  expect(refusal).toEqual({
    status: 200,
    headers: {},
    body: {
      Err: {
        code: 'RAFT_NOT_LEADER',
        message: 'Ask node 1.',
        APIError: { ForwardToLeader: { leader_id: 1, leader_node: { addr: 'a:1' } } },
      },
    },
  });
});

test.each([
  { error: new AlreadyInitializedError('No.'), status: 200 },
  { error: new InvalidMembershipError('No.'), status: 400 },
  { error: new StoppedError('No.'), status: 503 },
])('$error.code has status $status', ({ error, status }) => {
  const refusal = refusalFrom(error);

  expect(refusal.status).toBe(status);
  expect(refusal.body).toEqual({ Err: { code: error.code, message: 'No.' } });
});

test('a write whose fate is unknown says so', () => {
  const logId = { term: 1, index: 2 };
  const lost = new LeadershipLostError('Lost.', { logId, maybeApplied: true });

  expect(refusalFrom(lost).body.Err.maybeApplied).toBe(true);
  expect(refusalFrom(new DOMException('late', 'TimeoutError'))).toMatchObject({
    status: 504,
    body: { Err: { code: 'HTTP_DEADLINE', maybeApplied: true } },
  });
});
