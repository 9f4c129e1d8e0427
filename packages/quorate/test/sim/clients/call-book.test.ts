import { expect, test } from 'vitest';
import { NotLeaderError, SessionExpiredError, UnreachableError } from '../../../src/errors.ts';
import type { Outcome, SimWorld } from '../hooks.ts';
import { ApplyOracle } from '../oracle/apply-oracle.ts';
import { codeOf, OracleBench } from '../oracle/oracle-bench.ts';
import type { SimOracle } from '../oracle/sim-oracle.ts';
import { CallBook, type WriteAnswer } from './call-book.ts';

const put = { op: 'put', key: 'x', value: 'v1' } as const;
const read = { op: 'read', key: 'x' } as const;

/** A client of a cluster that has committed one entry of term 1, which may be its write. */
class Calling {
  readonly bench = new OracleBench();
  readonly book: CallBook;
  readonly #applies: ApplyOracle;

  constructor(mayRefuse?: (session: number) => boolean) {
    const { ledger } = this.bench;
    this.#applies = new ApplyOracle(ledger);
    if (mayRefuse !== undefined) this.#applies.mayRefuse = mayRefuse;
    const world = { trace: { note: () => undefined } } as unknown as SimWorld;
    const oracle = { ledger, applies: this.#applies } as unknown as SimOracle;
    this.book = new CallBook(world, oracle);
    this.bench.lead('a', 1, put);
  }

  takeEffect(): void {
    this.bench.commit('a', 1);
    this.#applies.decide();
  }

  write(outcome: Outcome<WriteAnswer> | undefined): string {
    const call = this.book.begin('c1', 'a', put);
    return codeOf(() => this.book.endWrite(call, outcome));
  }

  answer(index: number, value: string): string {
    const response = { ok: true, value };
    return this.write({ type: 'value', value: { logId: { term: 1, index }, response } });
  }
}

test('a write that is done and had its effect is fine, and stands in the history', () => {
  const it = new Calling();
  it.takeEffect();

  expect(it.answer(2, 'v1')).toBe('none');
  expect(it.book.history).toMatchObject([{ client: 'c1', input: put, output: { value: 'v1' } }]);
  expect(it.book.fates.get(JSON.stringify(put))).toBe('done');
});

test('a write that is said to be done and is not committed is seen (S22)', () => {
  expect(new Calling().answer(2, 'v1')).toBe('S22');
});

test('a write that is said to be done and never reached a state machine is seen (S22)', () => {
  const it = new Calling();
  it.bench.commit('a', 1);

  expect(it.answer(2, 'v1')).toBe('S22');
});

test('an answer that is not the one of the effect is seen (S23)', () => {
  const it = new Calling();
  it.takeEffect();

  expect(it.answer(2, 'v2')).toBe('S23');
});

test('a failure for good of what took effect is seen (S22)', () => {
  const it = new Calling();
  it.takeEffect();
  const error = new NotLeaderError('not here');

  expect(it.write({ type: 'error', error })).toBe('S22');
});

test('a call that failed for good is not in the history, and one of unknown fate is', () => {
  const it = new Calling();
  const error = new UnreachableError('perhaps', { maybeApplied: true });

  it.write({ type: 'error', error: new NotLeaderError('not here') });
  it.write({ type: 'down' });
  expect(it.book.history).toHaveLength(0);
  it.write({ type: 'error', error });
  it.write({ type: 'lost' });
  it.write(undefined);
  expect(it.book.history.map(({ returnedAt }) => returnedAt)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('a session that is said to be over, and by the log is not, is seen (S23)', () => {
  const refused = (isOver: boolean): string => {
    const { book } = new Calling((session) => isOver && session === 7);
    const call = book.begin('c1', 'a', put, 7);
    const error = new SessionExpiredError('Session 7 is over.');
    return codeOf(() => book.endWrite(call, { type: 'error', error }));
  };

  expect(refused(true)).toBe('none');
  expect(refused(false)).toBe('S23');
});

test('an error that is none of the library is seen (S22)', () => {
  expect(new Calling().write({ type: 'error', error: new TypeError('what?') })).toBe('S22');
});

test('a read below what was committed when it was asked is seen (S21)', () => {
  const it = new Calling();
  it.takeEffect();
  const served = (index: number): string => {
    const call = it.book.begin('c1', 'b', read);
    return codeOf(() => it.book.endRead(call, { type: 'value', value: { index, value: 'v1' } }));
  };

  expect(served(2)).toBe('none');
  expect(served(1)).toBe('S21');
});
