import { expect, test } from 'vitest';
import { type Reader, Reads } from '../../src/node/reads.ts';
import { VirtualRuntime } from './virtual-runtime.ts';

interface Outcomes {
  readonly indexes: number[];
  readonly reasons: unknown[];
}

function addReader(reads: Reads, outcomes: Outcomes): void {
  reads.add({
    resolve: (index) => outcomes.indexes.push(index),
    reject: (reason) => outcomes.reasons.push(reason),
  });
}

function waiting(reads: Reads): readonly Reader[] {
  return reads.takeWaiting().get('quorum') ?? [];
}

const readTimeoutMs = 1000;

function open(maxWaitingCalls = 10): {
  reads: Reads;
  outcomes: Outcomes;
  runtime: VirtualRuntime;
} {
  const runtime = new VirtualRuntime();
  const reads = new Reads({ id: 'a', maxWaitingCalls, readTimeoutMs, runtime });
  return { reads, outcomes: { indexes: [], reasons: [] }, runtime };
}

test('a read whose index is applied resolves at once', () => {
  const { reads, outcomes } = open();
  addReader(reads, outcomes);

  reads.readable(waiting(reads), 5, 5);

  expect(outcomes.indexes).toEqual([5]);
});

test('a read whose index is not applied waits for the state machine', () => {
  const { reads, outcomes } = open();
  addReader(reads, outcomes);
  addReader(reads, outcomes);
  reads.readable(waiting(reads), 5, 3);

  reads.applied(4);
  expect(outcomes.indexes).toEqual([]);
  reads.applied(6);
  reads.applied(7);

  expect(outcomes.indexes).toEqual([5, 5]);
});

test('a read that is answered after its index was applied does not wait for the next write', () => {
  const { reads, outcomes } = open();
  addReader(reads, outcomes);
  reads.applied(5);

  reads.readable(waiting(reads), 5, 4);

  expect(outcomes.indexes).toEqual([5]);
});

test('one read more than maxWaitingCalls is refused, also while others wait to be applied', () => {
  const { reads, outcomes } = open(2);
  addReader(reads, outcomes);
  reads.readable(waiting(reads), 5, 3);
  addReader(reads, outcomes);

  expect(() => addReader(reads, outcomes)).toThrow(
    '2 reads are waiting already, and maxWaitingCalls is 2. Try again later.',
  );
  reads.applied(5);
  addReader(reads, outcomes);
});

test('a node that stops rejects the reads of every stage', () => {
  const { reads, outcomes } = open();
  addReader(reads, outcomes);
  reads.readable(waiting(reads), 5, 3);
  addReader(reads, outcomes);

  reads.rejectAll('stopped');

  expect(outcomes).toEqual({ indexes: [], reasons: ['stopped', 'stopped'] });
});

test('a read whose index the state machine does not reach ends in time, and says how far it is', async () => {
  const { reads, outcomes, runtime } = open();
  addReader(reads, outcomes);
  const early = waiting(reads);
  await runtime.advance(600);
  addReader(reads, outcomes);
  reads.readable([...early, ...waiting(reads)], 9, 3);
  reads.applied(5);

  await runtime.advance(399);
  expect(outcomes).toEqual({ indexes: [], reasons: [] });
  await runtime.advance(1);
  expect(outcomes.reasons).toMatchObject([
    {
      code: 'RAFT_BEHIND',
      maybeApplied: false,
      message:
        'The state of node a did not get to entry 9, which the read needs, within readTimeoutMs (1000): it has applied 5. Read on another node, or try again.',
    },
  ]);
  reads.applied(9);

  expect(outcomes.indexes).toEqual([9]);
  expect(reads.count).toBe(0);
});

test('a read that is not told its index ends in time, and what comes later finds it gone', async () => {
  const { reads, outcomes, runtime } = open(1);
  addReader(reads, outcomes);
  const asked = waiting(reads);

  await runtime.advance(readTimeoutMs);
  expect(outcomes.reasons).toMatchObject([
    {
      code: 'RAFT_BEHIND',
      message: expect.stringContaining(
        'Node a did not find out within readTimeoutMs (1000)',
      ) as unknown,
    },
  ]);
  addReader(reads, outcomes);
  reads.readable(asked, 3, 3);
  reads.readable(asked, 9, 3);
  reads.reject(asked, 'late');
  reads.applied(9);

  expect(outcomes).toMatchObject({ indexes: [], reasons: [{ code: 'RAFT_BEHIND' }] });
  expect(reads.count).toBe(1);
});

test('a read that nobody has taken yet ends in time', async () => {
  const { reads, outcomes, runtime } = open();
  addReader(reads, outcomes);

  await runtime.advance(readTimeoutMs);

  expect(outcomes.reasons).toMatchObject([{ code: 'RAFT_BEHIND' }]);
  expect(reads.isWaiting).toBe(false);
});

test('reads that were answered leave no timer that goes on for ever, and none after the end', async () => {
  const { reads, outcomes, runtime } = open();
  addReader(reads, outcomes);
  reads.readable(waiting(reads), 1, 1);

  await runtime.advance(readTimeoutMs);
  expect(runtime.timerCount).toBe(0);
  addReader(reads, outcomes);
  reads.rejectAll('stopped');

  expect(runtime.timerCount).toBe(0);
  expect(outcomes).toEqual({ indexes: [1], reasons: ['stopped'] });
});

test('a read that ends says how far the node is, also if nothing was applied since its start', async () => {
  const { reads, outcomes, runtime } = open();
  addReader(reads, outcomes);
  reads.readable(waiting(reads), 9, 7);

  await runtime.advance(readTimeoutMs);

  expect(String(outcomes.reasons[0])).toContain('it has applied 7');
});
