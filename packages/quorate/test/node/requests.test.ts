import { expect, test } from 'vitest';
import type { Answer } from '../../src/core/action.ts';
import { Requests } from '../../src/node/requests.ts';

const done: Answer = { type: 'done' };

test('each request gets its own answer, once', () => {
  const requests = new Requests(10);
  const answers: string[] = [];
  const first = requests.open(
    () => answers.push('first'),
    () => {},
  );
  const second = requests.open(
    () => answers.push('second'),
    () => {},
  );

  requests.answer(second, done);
  requests.answer(first, done);
  requests.answer(first, done);

  expect(answers).toEqual(['second', 'first']);
});

test('those that are not answered are all told why, the newest too', () => {
  const requests = new Requests(3);
  const reasons: unknown[] = [];
  for (let opened = 0; opened < 3; opened += 1) {
    requests.open(
      () => expect.unreachable(),
      (reason) => reasons.push(`${opened} ${String(reason)}`),
    );
  }

  expect(requests.count).toBe(3);
  requests.failAll('over');

  expect(reasons).toEqual(['0 over', '1 over', '2 over']);
  expect(requests.count).toBe(0);
});

test('a forgotten request takes no place, and its answer goes nowhere', () => {
  const requests = new Requests(1);
  const answers: string[] = [];
  const first = requests.open(
    () => answers.push('first'),
    () => {},
  );

  requests.forget(first);
  requests.open(
    () => answers.push('second'),
    () => {},
  );
  requests.answer(first, done);

  expect(answers).toEqual([]);
});

test('one request more than the bound is refused with the name of the bound', () => {
  const requests = new Requests(1);
  const nothing = (): void => {};
  const open = requests.open(nothing, nothing);

  expect(() => requests.open(nothing, nothing)).toThrow(
    '1 calls are waiting already, and maxWaitingCalls is 1. Try again later.',
  );
  requests.answer(open, done);
  requests.open(nothing, nothing);
});

test('an answer to a request that was never opened is a broken invariant', () => {
  expect(() => new Requests(1).answer(1, done)).toThrow('request 1 was never opened');
});

test('all that is open fails together, and one that asks again meanwhile is not lost', () => {
  const requests = new Requests(2);
  const reasons: unknown[] = [];
  requests.open(
    () => {},
    (reason) => {
      reasons.push(reason);
      requests.open(
        () => reasons.push('answered'),
        () => reasons.push('failed again'),
      );
    },
  );

  requests.failAll('stopped');
  requests.answer(2, done);

  expect(reasons).toEqual(['stopped', 'answered']);
});
