import { expect, test } from 'vitest';
import { HistoryRecorder } from '../../../src/testing/linearizability/history.ts';
import { checkLinearizable } from '../../../src/testing/linearizability.ts';
import type { Response } from '../machine.ts';
import { historyModel, type Input } from './history-model.ts';

/** One call after another; `undefined` is an unknown outcome. */
function verdictOf(calls: readonly (readonly [Input, Response['value'] | undefined, boolean?])[]) {
  const recorder = new HistoryRecorder<Input, Response>();
  for (const [at, [input, value, ok = true]] of calls.entries()) {
    const call = recorder.call(`c${at}`, input);
    if (value !== undefined) call.returned({ ok, value });
  }
  return checkLinearizable(recorder.history, historyModel).type;
}

const put = (value: string): Input => ({ op: 'put', key: 'x', value });
const read: Input = { op: 'read', key: 'x' };
const append = (value: string): Input => ({ op: 'append', key: 'l', value });
const add = (amount: number): Input => ({ op: 'add', key: 'n', amount });

test('what one copy would answer is linearizable', () => {
  expect(
    verdictOf([
      [read, null],
      [put('a'), 'a'],
      [{ op: 'cas', key: 'x', from: 'a', to: 'b' }, 'b'],
      [{ op: 'cas', key: 'x', from: 'a', to: 'c' }, 'b', false],
      [append('1'), ['1']],
      [append('2'), ['1', '2']],
      [add(1), 1],
      [add(2), 3],
    ]),
  ).toBe('linearizable');
});

test('a stale read, a lost append and an amount that counted twice are not', () => {
  expect(
    verdictOf([
      [put('a'), 'a'],
      [put('b'), 'b'],
      [read, 'a'],
    ]),
  ).toBe('not-linearizable');
  expect(
    verdictOf([
      [append('1'), ['1']],
      [append('2'), ['2']],
    ]),
  ).toBe('not-linearizable');
  expect(
    verdictOf([
      [add(1), 1],
      [add(2), 4],
    ]),
  ).toBe('not-linearizable');
});

test('an unknown write may have happened or not, and what was seen of it stays so', () => {
  expect(
    verdictOf([
      [put('a'), undefined],
      [read, 'a'],
    ]),
  ).toBe('linearizable');
  expect(
    verdictOf([
      [put('a'), undefined],
      [read, null],
    ]),
  ).toBe('linearizable');
  expect(
    verdictOf([
      [put('a'), undefined],
      [read, 'a'],
      [read, null],
    ]),
  ).toBe('not-linearizable');
  expect(
    verdictOf([
      [add(4), undefined],
      [add(1), 5],
    ]),
  ).toBe('linearizable');
  expect(
    verdictOf([
      [add(4), undefined],
      [add(1), 5],
      [add(2), 3],
    ]),
  ).toBe('not-linearizable');
});
