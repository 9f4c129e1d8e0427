import { expect, test } from 'vitest';
import { Budget } from './budget.ts';
import { reduce, reducePairs } from './reduce.ts';

function newBudget(runs = 10_000): Budget {
  return new Budget({ runs, ms: 60_000 }, () => 0);
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

/** Whether what is needed is there, in any company. */
function needs(...needed: readonly number[]) {
  return (items: readonly number[]): readonly number[] | undefined =>
    needed.every((item) => items.includes(item)) ? items : undefined;
}

test('what is left cannot spare any item', async () => {
  const budget = newBudget();

  const left = await reduce(numbers(1000), needs(3, 500, 501, 999), budget);

  expect(left).toEqual([3, 500, 501, 999]);
  expect(budget.runCount).toBeLessThan(300);
});

test('nothing is left where nothing is needed', async () => {
  expect(await reduce(numbers(37), needs(), newBudget())).toEqual([]);
  expect(await reduce([], needs(), newBudget())).toEqual([]);
});

test('nothing goes where everything is needed', async () => {
  expect(await reduce(numbers(9), needs(...numbers(9)), newBudget())).toEqual(numbers(9));
});

test('what an attempt itself leaves out stays out', async () => {
  const withoutOdd = (items: readonly number[]): readonly number[] | undefined =>
    items.includes(6) ? items.filter((item) => item % 2 === 0 && item >= 4) : undefined;

  expect(await reduce(numbers(20), withoutOdd, newBudget())).toEqual([6]);
});

test('two items that need each other go together', async () => {
  const balanced = (items: readonly number[]): readonly number[] | undefined =>
    items.includes(2) === items.includes(5) && items.includes(3) ? items : undefined;

  const single = await reduce(numbers(7), balanced, newBudget());
  const pairs = await reducePairs(single, balanced, newBudget());

  expect(pairs).toEqual([3]);
});

test('a budget ends the search', async () => {
  const budget = newBudget(5);

  const left = await reduce(numbers(100), needs(50), budget);

  expect(budget.isOver).toBe(true);
  expect(budget.runCount).toBe(5);
  expect(left).toContain(50);
});
