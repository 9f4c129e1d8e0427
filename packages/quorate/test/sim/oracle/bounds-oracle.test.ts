import { expect, test } from 'vitest';
import { completeConfig } from '../../../src/node/options.ts';
import type { SimMessage, SimWorld } from '../hooks.ts';
import { BoundsOracle } from './bounds-oracle.ts';
import { codeOf } from './oracle-bench.ts';

/** A world of one node, with so much waiting on it. */
function boundsWith(
  waiting: { writes?: number; reads?: number },
  { metrics = {}, calls = 0 }: { metrics?: object; calls?: number } = {},
): BoundsOracle {
  const all = { writes: 0, writeBytes: 0, reads: 0, requests: 0, calls: 0, ...waiting };
  const raft = { metrics: { isRunning: true, waiting: all, sessions: { open: 0 }, ...metrics } };
  const state = { leadership: { calls: { size: calls }, progress: { size: 2 } } };
  const world = { now: 1, nodes: new Map([['a', { id: 'a', isUp: true, raft, state }]]) };
  const config = completeConfig({ maxPendingWrites: 10, snapshotAfterEntries: 20 });
  return new BoundsOracle(world as unknown as SimWorld, config);
}

const message = { from: 'a', to: 'b', kind: 'appendEntries' } as SimMessage;

test('a queue beyond its bound is seen (S24)', () => {
  expect(codeOf(() => boundsWith({ writes: 10 }).look())).toBe('none');
  expect(codeOf(() => boundsWith({ writes: 11 }).look())).toBe('S24');
  expect(codeOf(() => boundsWith({}, { calls: 1000 }).look())).toBe('S24');
});

test('a world in which nothing but events happens is seen (S24)', () => {
  const bounds = boundsWith({});
  const pass = (count: number): string =>
    codeOf(() => {
      for (let at = 0; at < count; at += 1) bounds.settled();
    });

  expect(pass(100_000)).toBe('none');
  expect(pass(200_000)).toBe('S24');
});

test('a log that grows though a snapshot is due is seen (S24)', () => {
  const after = (entries: number, snapshotFailure?: string): string => {
    const [applied, snapshot] = [100 + entries, 100].map((index) => ({ term: 1, index }));
    const bounds = boundsWith({}, { metrics: { applied, snapshot, snapshotFailure } });
    return codeOf(() => bounds.checkLogs(['a']));
  };

  expect(after(520)).toBe('none');
  expect(after(521, 'no room on the disk')).toBe('none');
  expect(after(521)).toBe('S24');
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
