import { describe, expect, test } from 'vitest';
import type { LogIndex, Term } from '../../src/core/types.ts';
import { type PendingWrite, type WriteBounds, Writes } from '../../src/node/writes.ts';
import { commandData } from './entries.ts';

/** What became of each write, in the order in which it was known. */
type Outcome = readonly [write: number, outcome: string];

class WritesUnderTest {
  readonly writes: Writes;
  readonly outcomes: Outcome[] = [];
  #count = 0;

  constructor(bounds: Partial<WriteBounds> = {}) {
    const roomy = { maxPendingWrites: 1000, maxPendingBytes: 1e6, maxCommandBytes: 1e6 };
    this.writes = new Writes({ ...roomy, ...bounds });
  }

  add(size = 1): void {
    this.#count += 1;
    const number = this.#count;
    const write: PendingWrite = {
      data: commandData(number, size),
      resolve: ({ logId, response }) => {
        this.outcomes.push([number, `${String(response)} at ${logId.index}`]);
      },
      reject: (reason) => {
        this.outcomes.push([number, reason instanceof Error ? reason.name : String(reason)]);
      },
    };
    try {
      this.writes.reserve(write);
      this.writes.add(write);
    } catch (error) {
      this.#count -= 1;
      throw error;
    }
  }

  /** Proposes `count` new writes as one batch that begins at `index`. */
  propose(count: number, term: Term, index: LogIndex): void {
    for (let at = 0; at < count; at += 1) this.add();
    const { pending } = this.writes.takeWaiting(1);
    this.writes.accepted(pending, { type: 'accepted', first: { term, index }, count });
  }

  /** The state machine answers the entries from `from` (in) to `to` (out). */
  apply(term: Term, from: LogIndex, to: LogIndex): void {
    const indexes = Array.from({ length: to - from }, (_, at) => from + at);
    this.writes.applied(
      indexes.map((index) => ({ logId: { term, index }, command: index })),
      indexes.map(() => 'done'),
    );
  }
}

describe('writes', () => {
  test('are answered in the order of the log, however their batches are applied', () => {
    const under = new WritesUnderTest();
    under.propose(3, 1, 5);
    under.propose(2, 1, 8);

    under.apply(1, 5, 6);
    under.apply(1, 6, 9);
    under.apply(1, 9, 10);

    expect(under.outcomes).toEqual([
      [1, 'done at 5'],
      [2, 'done at 6'],
      [3, 'done at 7'],
      [4, 'done at 8'],
      [5, 'done at 9'],
    ]);
  });

  test('of other leaders have nobody who waits for them here', () => {
    const under = new WritesUnderTest();
    under.apply(1, 1, 4);
    under.propose(1, 2, 6);

    under.apply(1, 4, 6);
    under.apply(2, 6, 8);

    expect(under.outcomes).toEqual([[1, 'done at 6']]);
  });

  test('that are not committed when leadership is lost reject, the others are still answered', () => {
    const under = new WritesUnderTest();
    under.propose(3, 1, 5);

    under.writes.loseAfter(6);
    under.apply(1, 5, 7);

    expect(under.outcomes).toEqual([
      [3, 'LeadershipLostError'],
      [1, 'done at 5'],
      [2, 'done at 6'],
    ]);
  });

  test('a batch that is half answered keeps its place when a later one is lost', () => {
    const under = new WritesUnderTest();
    under.propose(3, 1, 5);
    under.propose(2, 1, 8);
    under.apply(1, 5, 6);

    under.writes.loseAfter(7);
    under.apply(1, 6, 8);

    expect(under.outcomes).toEqual([
      [1, 'done at 5'],
      [4, 'LeadershipLostError'],
      [5, 'LeadershipLostError'],
      [2, 'done at 6'],
      [3, 'done at 7'],
    ]);
  });

  test('a batch that is half answered loses only its end', () => {
    const under = new WritesUnderTest();
    under.propose(4, 1, 5);
    under.apply(1, 5, 6);

    under.writes.loseAfter(6);
    under.apply(1, 6, 7);
    under.propose(1, 3, 20);
    under.apply(3, 20, 21);

    expect(under.outcomes).toEqual([
      [1, 'done at 5'],
      [3, 'LeadershipLostError'],
      [4, 'LeadershipLostError'],
      [2, 'done at 6'],
      [5, 'done at 20'],
    ]);
  });

  test('the lost error names the entry, and that it may come to be', () => {
    const writes = new Writes({ maxPendingWrites: 10, maxPendingBytes: 100, maxCommandBytes: 100 });
    const reasons: unknown[] = [];
    const write = {
      data: commandData(1),
      resolve: () => {},
      reject: (one: unknown) => reasons.push(one),
    };
    writes.reserve(write);
    writes.add(write);
    const { pending } = writes.takeWaiting(1);
    writes.accepted(pending, { type: 'accepted', first: { term: 2, index: 7 }, count: 1 });

    writes.loseAfter(6);

    expect(reasons).toMatchObject([
      { code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true, logId: { term: 2, index: 7 } },
    ]);
  });

  test('that were logged are told apart from those that were not when the node stops', () => {
    const under = new WritesUnderTest();
    under.propose(2, 1, 5);
    under.apply(1, 5, 6);
    under.add();

    under.writes.rejectAll((maybeApplied) => (maybeApplied ? 'perhaps' : 'never'));

    expect(under.outcomes).toEqual([
      [1, 'done at 5'],
      [2, 'perhaps'],
      [3, 'never'],
    ]);
  });
});

describe('writes over a snapshot that takes the place of the state', () => {
  test('that it covers took effect without a response, those after it are still answered', () => {
    const under = new WritesUnderTest();
    under.propose(3, 1, 5);
    under.propose(2, 1, 8);
    under.propose(2, 1, 10);

    under.writes.restored(8);
    under.apply(1, 9, 12);

    expect(under.outcomes).toEqual([
      [1, 'LeadershipLostError'],
      [2, 'LeadershipLostError'],
      [3, 'LeadershipLostError'],
      [4, 'LeadershipLostError'],
      [5, 'done at 9'],
      [6, 'done at 10'],
      [7, 'done at 11'],
    ]);
  });

  test('of a batch that is half answered keep their place', () => {
    for (const [covered, lost] of [
      [4, []],
      [6, []],
      [7, [3]],
      [9, [3, 4, 5]],
      [20, [3, 4, 5, 6]],
    ] as const) {
      const under = new WritesUnderTest();
      under.propose(6, 1, 5);
      under.apply(1, 5, 7);

      under.writes.restored(covered);
      under.apply(1, Math.max(7, covered + 1), 11);

      const outcomes = under.outcomes.slice(2);
      expect(outcomes.map(([write]) => write)).toEqual([3, 4, 5, 6]);
      const isLost = outcomes.filter(([, outcome]) => outcome === 'LeadershipLostError');
      expect(isLost.map(([write]) => write)).toEqual(lost);
    }
  });

  test('leave their room to others, and say that they may have been applied', async () => {
    const writes = new Writes({ maxPendingWrites: 1, maxPendingBytes: 9, maxCommandBytes: 9 });
    const write = (): Promise<unknown> => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const pending: PendingWrite = { data: commandData(1), resolve, reject };
      writes.reserve(pending);
      writes.add(pending);
      return promise;
    };
    const lost = write();
    const { pending } = writes.takeWaiting(1);
    writes.accepted(pending, { type: 'accepted', first: { term: 2, index: 7 }, count: 1 });

    writes.restored(7);

    await expect(lost).rejects.toMatchObject({
      code: 'RAFT_LEADERSHIP_LOST',
      maybeApplied: true,
      logId: { term: 2, index: 7 },
    });
    void write();
    expect(() => write()).toThrow('maxPendingWrites is 1');
  });
});

describe('the bounds on writes', () => {
  test('refuse one more than maxPendingWrites, and count it no longer once it is answered', () => {
    const under = new WritesUnderTest({ maxPendingWrites: 2 });
    under.propose(1, 1, 1);
    under.add();

    expect(() => under.add()).toThrow('2 writes are waiting already, and maxPendingWrites is 2');
    under.apply(1, 1, 2);
    under.add();
    expect(() => under.add()).toThrow('maxPendingWrites is 2');
  });

  test('leave the last sixteenth of maxPendingBytes to those that fit into it', () => {
    const under = new WritesUnderTest({ maxPendingBytes: 160 });

    under.add(140);
    expect(() => under.add(11)).toThrow('140 bytes are waiting already');
    under.add(10);
    under.add(10);

    const lone = new WritesUnderTest({ maxPendingBytes: 160 });
    lone.add(160);
    expect(() => lone.add(1)).toThrow('160 bytes are waiting already');
  });

  test('refuse more than maxPendingBytes, and forget what was answered, lost or rejected', () => {
    const under = new WritesUnderTest({ maxPendingBytes: 100 });
    const fill = (): void => {
      for (let at = 0; at < 20; at += 1) under.add(5);
      expect(() => under.add(1)).toThrow('100 bytes are waiting already');
    };

    fill();
    under.writes.reject(under.writes.takeWaiting(1).pending, 'refused');
    fill();
    const first = { term: 1, index: 1 };
    const { pending } = under.writes.takeWaiting(1);
    under.writes.accepted(pending, { type: 'accepted', first, count: 20 });
    under.apply(1, 1, 6);
    under.writes.loseAfter(5);
    fill();

    const small = new WritesUnderTest({ maxCommandBytes: 100 });
    expect(() => small.add(101)).toThrow('larger than maxCommandBytes, 100');
  });
});
