import { expect, test } from 'vitest';
import { completeConfig } from '../../../src/node/options.ts';
import type { SimMessage, SimWorld } from '../hooks.ts';
import { BoundsOracle } from './bounds-oracle.ts';
import { codeOf } from './oracle-bench.ts';

/** A world of one node, with so much waiting on it. */
function boundsWith(waiting: { writes?: number; reads?: number }): BoundsOracle {
  const all = { writes: 0, writeBytes: 0, reads: 0, requests: 0, calls: 0, ...waiting };
  const raft = { metrics: { isRunning: true, waiting: all, sessions: { open: 0 } } };
  const world = { now: 1, nodes: new Map([['a', { id: 'a', isUp: true, raft }]]) };
  const config = completeConfig({ maxPendingWrites: 10 });
  return new BoundsOracle(world as unknown as SimWorld, config);
}

const message = { from: 'a', to: 'b', kind: 'appendEntries' } as SimMessage;

test('a queue beyond its bound is seen (S24)', () => {
  expect(codeOf(() => boundsWith({ writes: 10 }).look())).toBe('none');
  expect(codeOf(() => boundsWith({ writes: 11 }).look())).toBe('S24');
});

test('a storm of messages is seen (S24)', () => {
  const bounds = boundsWith({});
  const send = (count: number): string =>
    codeOf(() => {
      for (let at = 0; at < count; at += 1) bounds.onSent(message);
    });

  expect(send(1000)).toBe('none');
  expect(send(5000)).toBe('S24');
});

test('what still waits when everybody has gone is seen (E9)', () => {
  expect(codeOf(() => boundsWith({}).checkIdle(['a']))).toBe('none');
  expect(codeOf(() => boundsWith({ reads: 1 }).checkIdle(['a']))).toBe('E9');
});
