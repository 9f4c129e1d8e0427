import { expect, test } from 'vitest';
import type { Done } from './history.ts';
import type { Operation, OperationAnswer } from './protocol.ts';
import { judgeKey } from './verdict.ts';

type Step = readonly [operation: Operation, answer: OperationAnswer, client?: string];

/** What happened, one after the other. */
function history(...steps: readonly Step[]): readonly Done[] {
  return steps.map(([operation, answer, client = 'c'], at) => ({
    client,
    operation,
    answer,
    calledAt: 2 * at + 1,
    returnedAt: 2 * at + 2,
    node: 'a',
  }));
}

const list = 'list.0.0';
const register = 'register.0.0';
const count = 'count.c';
const ok: OperationAnswer = { outcome: 'ok' };
const unknown: OperationAnswer = { outcome: 'unknown', reason: 'no answer' };
const failed: OperationAnswer = { outcome: 'failed', reason: 'refused' };
const value = (text: string | number | boolean): OperationAnswer => ({
  outcome: 'ok',
  value: text,
});
const get = (key: string): Operation => ({ type: 'get', key, mode: 'quorum' });
const append = (piece: string): Operation => {
  return { type: 'append', key: list, value: piece, via: 'plain' };
};
const put = (text: string): Operation => ({
  type: 'put',
  key: register,
  value: text,
  via: 'plain',
});
const add: Operation = { type: 'add', key: count, via: 'session' };

function codes(key: string, ...steps: readonly Step[]): readonly string[] {
  return judgeKey(key, history(...steps)).findings.map(({ code }) => code);
}

test('a list that shows everything once, and of the unknown some, is right', () => {
  const found = codes(
    list,
    [get(list), ok],
    [append('1;'), ok],
    [append('2;'), unknown],
    [append('3;'), unknown],
    [append('4;'), failed],
    [get(list), value('1;3;')],
    [append('5;'), ok],
    [get(list), value('1;3;5;2;')],
  );

  expect(found).toEqual([]);
});

test('a list that lost, repeated or kept what it should not is caught', () => {
  expect(codes(list, [append('1;'), ok], [get(list), ok])).toEqual(['lost-write']);
  expect(codes(list, [append('1;'), ok], [get(list), value('1;1;')])).toEqual(['repeated-write']);
  expect(codes(list, [append('1;'), failed], [get(list), value('1;')])).toEqual([
    'refused-write-took-effect',
  ]);
});

test('a list in the wrong order, or read as it was before, is not linearizable', () => {
  const both = [append('1;'), ok] as const;
  const wrongOrder = codes(list, both, [append('2;'), ok], [get(list), value('2;1;')]);
  const goneBack = codes(
    list,
    both,
    [append('2;'), unknown],
    [get(list), value('1;2;')],
    [get(list), value('1;')],
    [get(list), value('1;2;')],
  );
  const forked = codes(
    list,
    [append('1;'), unknown],
    [append('2;'), unknown],
    [get(list), value('1;')],
    [get(list), value('2;')],
  );

  expect(wrongOrder).toEqual(['not-linearizable']);
  expect(goneBack).toEqual(['not-linearizable']);
  expect(forked).toEqual(['not-linearizable']);
});

test('many appends at the same time are judged at once', () => {
  const pieces = Array.from({ length: 40 }, (_, at) => `${at};`);
  const atOnce = pieces.map((piece, at): Done => {
    const [done] = history([append(piece), ok, `c${at}`]);
    return { ...(done as Done), calledAt: at, returnedAt: 100 + at };
  });
  const [last] = history([get(list), value(pieces.toReversed().join(''))]);
  const read = { ...(last as Done), client: 'end', calledAt: 200, returnedAt: 201 };
  const neverSeen = atOnce.map((done, at): Done => {
    return { ...done, client: `n${at}`, operation: append(`never ${at};`), answer: unknown };
  });

  expect(judgeKey(list, [...atOnce, ...neverSeen, read]).findings).toEqual([]);
});

test('a register that is read as it was before is not linearizable, and drawn', () => {
  const stale = history([put('1'), ok], [put('2'), ok], [get(register), value('1')]);

  const { findings, picture } = judgeKey(register, stale);

  expect(findings.map(({ code }) => code)).toEqual(['not-linearizable']);
  expect(findings[0]?.text).toContain(register);
  expect(picture?.()).toContain('<svg');
});

test('a register takes a compare-and-set for what it says, and nothing that was refused', () => {
  const cas = (from: string, to: string): Operation => {
    return { type: 'cas', key: register, from, value: to, via: 'session' };
  };
  const right = codes(
    register,
    [put('1'), ok],
    [cas('1', '2'), value(true)],
    [cas('1', '3'), value(false)],
    [put('4'), unknown],
    [cas('4', '5'), value(true)],
    [get(register), value('5')],
  );
  const twice = codes(
    register,
    [put('1'), ok],
    [cas('1', '2'), value(true)],
    [cas('1', '3'), value(true)],
  );

  const refused = codes(register, [put('1'), failed], [get(register), value('1')]);

  expect(right).toEqual([]);
  expect(twice).toEqual(['not-linearizable']);
  expect(refused).toEqual(['not-linearizable']);
});

test('a count that counts each addition once is right, and one that does not is caught', () => {
  const right = codes(
    count,
    [add, value(1)],
    [add, unknown],
    [add, value(2)],
    [add, value(4)],
    [get(count), value('4')],
  );
  const twice = codes(count, [add, value(1)], [add, value(3)]);
  const lost = codes(count, [add, value(1)], [add, value(2)], [get(count), value('1')]);

  expect(right).toEqual([]);
  expect(twice).toEqual(['not-exactly-once']);
  expect(lost).toEqual(['not-exactly-once']);
});
