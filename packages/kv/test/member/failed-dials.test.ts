import { expect, test } from 'vitest';
import { FailedDials } from '../../src/server/member/failed-dials.ts';
import { silentLogger } from '../../src/server/member/node.ts';

function collected(): { dials: FailedDials; lines: unknown[]; pass: (ms: number) => void } {
  let now = 0;
  const lines: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => void lines.push(fields) };
  const dials = new FailedDials({ now: () => now }, logger);
  return { dials, lines, pass: (ms) => (now += ms) };
}

const refused = { node: 'b', remote: '127.0.0.1:7002', reason: new Error('connect ECONNREFUSED') };

test('a member that cannot be reached is told of once a minute, however often it is dialled', () => {
  const { dials, lines, pass } = collected();

  for (let second = 0; second < 120; second += 1) {
    dials.tell(refused);
    pass(1000);
  }

  const line = { member: 'b', remote: '127.0.0.1:7002', reason: 'connect ECONNREFUSED' };
  expect(lines).toEqual([line, line]);
});

test('another reason, or another member, is told at once', () => {
  const { dials, lines } = collected();
  const expired = { ...refused, reason: new Error('its certificate has expired') };
  const seed = { remote: '127.0.0.1:7003', reason: refused.reason };

  for (const failed of [refused, seed, expired, seed]) dials.tell(failed);

  expect(lines).toEqual([
    { member: 'b', remote: '127.0.0.1:7002', reason: 'connect ECONNREFUSED' },
    { remote: '127.0.0.1:7003', reason: 'connect ECONNREFUSED' },
    { member: 'b', remote: '127.0.0.1:7002', reason: 'its certificate has expired' },
  ]);
});

test('a member that fails in two ways by turns is told of by both, once a minute', () => {
  const { dials, lines, pass } = collected();
  const expired = { ...refused, reason: new Error('its certificate has expired') };

  for (let second = 0; second < 60; second += 1) {
    dials.tell(second % 2 === 0 ? refused : expired);
    pass(1000);
  }

  expect(lines).toHaveLength(2);
});

test('what is remembered has a bound, whatever addresses there are', () => {
  const { dials, lines } = collected();

  for (let port = 1; port <= 101; port += 1)
    dials.tell({ ...refused, remote: `127.0.0.1:${port}` });
  for (let port = 101; port >= 1; port -= 1)
    dials.tell({ ...refused, remote: `127.0.0.1:${port}` });

  expect(lines).toHaveLength(102);
});
