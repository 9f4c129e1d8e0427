import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkAppends, checkTotal, type Outcome } from './exactly-once.ts';

const outcomes = fc.constantFrom<Outcome>('done', 'refused', 'unknown');

test('a total is what is done and any of what is open', () => {
  const drawn = fc.record({
    amount: fc.integer({ min: -9, max: 9 }),
    outcome: outcomes,
    luck: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(drawn, { maxLength: 30 }), (increments) => {
      const total = increments
        .filter(({ outcome, luck }) => outcome === 'done' || (outcome === 'unknown' && luck))
        .reduce((sum, { amount }) => sum + amount, 0);

      expect(checkTotal(increments, total)).toEqual([]);
    }),
  );
});

test('one that took effect twice or not at all is in no total', () => {
  const done = [3, 5].map((amount) => ({ amount, outcome: 'done' as const }));
  const open = [10, 20].map((amount) => ({ amount, outcome: 'unknown' as const }));
  const refused = { amount: 1, outcome: 'refused' as const };

  expect(checkTotal([...done, refused], 8)).toEqual([]);
  expect(checkTotal([...done, refused], 9)).toEqual([expect.stringContaining('is 9, not 8')]);
  expect(checkTotal(done, 13)).toHaveLength(1);
  expect(checkTotal([...done, ...open], 28)).toEqual([]);
  expect(checkTotal([...done, ...open], 27)).toEqual([expect.stringContaining('no choice')]);
  expect(checkTotal([...done, ...open], 48)).toEqual([expect.stringContaining('8 to 38')]);
});

test('with very many open ones the bounds still count', () => {
  const open = Array.from({ length: 40 }, (_, at) => ({
    amount: 2 ** (at % 25),
    outcome: 'unknown' as const,
  }));

  expect(checkTotal(open, 77)).toEqual([]);
  expect(checkTotal(open, -1)).toHaveLength(1);
});

test('appends stand in the list once each, as far as they are known to', () => {
  const appends = [
    { client: 'a', element: 1, outcome: 'done' },
    { client: 'b', element: 2, outcome: 'unknown' },
    { client: 'a', element: 3, outcome: 'done' },
    { client: 'c', element: 4, outcome: 'refused' },
  ] as const;

  expect(checkAppends(appends, [1, 3])).toEqual([]);
  expect(checkAppends(appends, [1, 2, 3])).toEqual([]);
  expect(checkAppends(appends, [1, 3, 2])).toEqual([]);
  expect(checkAppends(appends, [3])).toEqual(['1 of a was lost.']);
  expect(checkAppends(appends, [1, 3, 2, 2])).toEqual(['2 took effect 2 times.']);
  expect(checkAppends(appends, [1, 3, 4])).toEqual(['4 was refused, and took effect.']);
  expect(checkAppends(appends, [1, 3, 5])).toEqual(['5 is in the list, and nobody appended it.']);
  expect(checkAppends(appends, [3, 1])).toEqual(['3 of a stands before 1, which was done first.']);
});
