import { expect, test } from 'vitest';
import { Marks } from '../../src/server/member/marks.ts';

test('the newest 64 marks are remembered', () => {
  const marks = new Marks();
  for (let index = 1; index <= 100; index += 1) marks.keep({ index, revision: 1, hash: 'x' });

  expect(marks.at(36)).toBeUndefined();
  expect(marks.at(37)?.index).toBe(37);
  expect(marks.newest?.index).toBe(100);
});

test('what was remembered goes when the state is replaced', () => {
  const marks = new Marks();
  marks.keep({ index: 1, revision: 1, hash: 'x' });

  marks.clear();

  expect(marks.at(1)).toBeUndefined();
  expect(marks.newest).toBeUndefined();
});
