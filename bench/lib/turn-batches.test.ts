import { expect, test } from 'vitest';
import { TurnBatches } from './turn-batches.ts';

/** Answers each number with its double, and remembers what was asked together. */
class Doubles {
  readonly asked: { readonly numbers: readonly number[]; readonly timeoutMs: number }[] = [];
  readonly batches = new TurnBatches<number, number>(async (numbers, timeoutMs) => {
    this.asked.push({ numbers, timeoutMs });
    if (numbers.includes(13)) throw new Error('Not this one.');
    return numbers.filter((number) => number !== 99).map((number) => 2 * number);
  });

  ask(number: number, { bytes = 1, timeoutMs = 10 } = {}): Promise<number> {
    return this.batches.ask(number, bytes, timeoutMs);
  }
}

test('what is asked in one turn is sent together, and each has its own answer', async () => {
  const doubles = new Doubles();

  const answers = await Promise.all([doubles.ask(1), doubles.ask(2), doubles.ask(3)]);
  const later = await doubles.ask(4);

  expect([...answers, later]).toEqual([2, 4, 6, 8]);
  expect(doubles.asked.map(({ numbers }) => numbers)).toEqual([[1, 2, 3], [4]]);
});

test('a batch that is full, or has another deadline, does not wait', async () => {
  const doubles = new Doubles();

  await Promise.all([
    doubles.ask(1, { bytes: 60_000 }),
    doubles.ask(2),
    doubles.ask(3, { timeoutMs: 20 }),
  ]);

  expect(doubles.asked).toEqual([
    { numbers: [1], timeoutMs: 10 },
    { numbers: [2], timeoutMs: 10 },
    { numbers: [3], timeoutMs: 20 },
  ]);
});

test('all of a batch fail together, and only they', async () => {
  const doubles = new Doubles();

  const together = await Promise.allSettled([doubles.ask(1), doubles.ask(13)]);

  expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(doubles.ask(5)).resolves.toBe(10);
  await expect(doubles.ask(99)).rejects.toThrow('1 answers were wanted; got 0.');
});
