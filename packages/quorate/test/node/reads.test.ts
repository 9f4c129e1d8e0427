import { expect, test } from 'vitest';
import { type Reader, Reads } from '../../src/node/reads.ts';

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

function open(maxReaders = 10): { reads: Reads; outcomes: Outcomes } {
  return { reads: new Reads(maxReaders), outcomes: { indexes: [], reasons: [] } };
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
