import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isStrictlySerializable } from './list-append/brute-force.ts';
import type { ListOperation } from './list-append/history.ts';
import { goodHistories } from './list-append/made-histories.ts';
import { checkTransactions, type ListTransaction } from './transactions.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const histories = isFull ? 50_000 : 3000;
/** A history that fails is made smaller for so long at most, and then told. */
const bounded = { interruptAfterTimeLimit: isFull ? 600_000 : 20_000 } as const;

const append = (key: string, element: number): ListOperation => ({ type: 'append', key, element });
const read = (key: string, ...list: number[]): ListOperation => ({ type: 'read', key, list });

/** All at the same time, unless it says when. */
function transaction(
  operations: readonly ListOperation[],
  when: Partial<ListTransaction> = {},
): ListTransaction {
  return { client: 'a', calledAt: 0, returnedAt: 100, ...when, operations };
}

function unknown(operations: readonly ListOperation[], calledAt = 0): ListTransaction {
  return { client: 'u', calledAt, operations };
}

function namesIn(history: readonly ListTransaction[]): readonly string[] {
  return checkTransactions(history).map(({ name }) => name);
}

const bad: Readonly<Record<string, readonly ListTransaction[]>> = {
  internal: [transaction([append('x', 1), read('x')])],
  garbage: [transaction([read('x', 7)])],
  duplicate: [transaction([append('x', 1)]), transaction([read('x', 1, 1)])],
  'incompatible-order': [
    transaction([append('x', 1)]),
    transaction([append('x', 2)]),
    transaction([read('x', 1)]),
    transaction([read('x', 2, 1)]),
  ],
  G1a: [transaction([append('x', 1)], { failed: true }), transaction([read('x', 1)])],
  G1b: [transaction([append('x', 1), append('x', 2)]), transaction([read('x', 1)])],
  // Each has written behind the other.
  G0: [
    transaction([append('x', 1), append('y', 1)]),
    transaction([append('x', 2), append('y', 2)]),
    transaction([read('x', 1, 2), read('y', 2, 1)]),
  ],
  // Each has read what the other has written.
  G1c: [transaction([append('x', 1), read('y', 2)]), transaction([append('y', 2), read('x', 1)])],
  // A lost update: both read the empty list, and both appended.
  'G-single': [
    transaction([read('x'), append('x', 1)]),
    transaction([read('x'), append('x', 2)]),
    transaction([read('x', 1, 2)]),
  ],
  // Write skew: each reads what the other one changes.
  G2: [
    transaction([read('x'), append('y', 1)]),
    transaction([read('y'), append('x', 1)]),
    transaction([read('x', 1), read('y', 1)]),
  ],
  'G0-realtime': [
    transaction([append('x', 2)], { calledAt: 0, returnedAt: 1 }),
    transaction([append('x', 1)], { calledAt: 2, returnedAt: 3 }),
    transaction([read('x', 1, 2)]),
  ],
  // What was read was written later.
  'G1c-realtime': [
    transaction([read('x', 1)], { calledAt: 0, returnedAt: 1 }),
    transaction([append('x', 1)], { calledAt: 2, returnedAt: 3 }),
  ],
  // A stale read.
  'G-single-realtime': [
    transaction([append('x', 1)], { calledAt: 0, returnedAt: 1 }),
    transaction([read('x')], { calledAt: 2, returnedAt: 3 }),
  ],
  // Of two writes one reader has seen the first alone, and the other, after the second had
  // returned, not the first.
  'G2-realtime': [
    transaction([append('y', 1)], { calledAt: 0, returnedAt: 1 }),
    transaction([read('x')], { calledAt: 2, returnedAt: 3 }),
    transaction([append('x', 1)]),
    transaction([read('x', 1), read('y')]),
  ],
};

describe('a history that was planted with', () => {
  test.each(Object.entries(bad))('%s has that first', (name, history) => {
    expect(namesIn(history)[0]).toBe(name);
    expect(isStrictlySerializable(history)).toBe(false);
  });

  test('an append that was acknowledged and is lost is a stale read', () => {
    const history = [
      transaction([append('x', 1)], { returnedAt: 1 }),
      transaction([append('x', 2)], { calledAt: 2, returnedAt: 3 }),
      transaction([read('x', 1)], { calledAt: 4, returnedAt: 5 }),
    ];

    expect(namesIn(history)).toEqual(['G-single-realtime']);
  });

  test('half of a transaction whose fate is open shows that the other half is missing', () => {
    const half = unknown([append('x', 1), append('y', 1)]);
    const reader = transaction([read('x', 1), read('y')]);

    expect(namesIn([half, reader])).toEqual(['G-single']);
    expect(namesIn([half, transaction([read('x'), read('y')])])).toEqual([]);
    expect(namesIn([half, transaction([read('x', 1), read('y', 1)])])).toEqual([]);
  });
});

test('what was found is told step by step', () => {
  const [anomaly] = checkTransactions(bad['G-single'] ?? []);

  expect(anomaly?.text.split('\n')).toEqual([
    'G-single: each of these came before the next, and the last before the first.',
    expect.stringMatching(/^ {2}T\d before T\d \(rw\): T\d: it did not read \d of x\.$/),
    expect.stringMatching(/^ {2}T0 before T1 \(ww\): 2 stands behind 1 in x\.$/),
  ]);
});

test('transactions that overlap may take effect in any order', () => {
  const history = [
    transaction([append('x', 1), append('y', 1)]),
    transaction([read('x', 1), append('y', 2)]),
    transaction([read('x'), read('y')]),
    transaction([read('x', 1), read('y', 1)]),
  ];

  expect(checkTransactions(history)).toEqual([]);
});

test('a history that no client can have seen is refused', () => {
  const twice = [transaction([append('x', 1)]), transaction([append('x', 1)])];

  expect(() => checkTransactions(twice)).toThrow('x+1 is appended twice');
  expect(() => checkTransactions([transaction([], { calledAt: 101 })])).toThrow('before 101');
  expect(() => checkTransactions([transaction([{ type: 'read', key: 'x' }])])).toThrow('of x');
});

test('good histories of any shape are good', () => {
  const large = { clients: 8, transactions: 200, keys: 5, operations: 4 };
  fc.assert(
    fc.property(goodHistories(large), (history) => {
      expect(checkTransactions(history)).toEqual([]);
    }),
    { numRuns: isFull ? 2000 : 100, ...bounded },
  );
});

/** One of the ways in which a server can be wrong, or a client can have heard less. */
const mutation = fc.record({
  transaction: fc.nat(5),
  operation: fc.nat(2),
  kind: fc.constantFrom('shorten', 'swap', 'copy', 'refuse', 'forget', 'earlier', 'later'),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutated(
  history: readonly ListTransaction[],
  { kind, ...at }: Mutation,
): ListTransaction[] {
  const place = at.transaction % Math.max(1, history.length);
  return history.map((one, index) => {
    if (index !== place || one.returnedAt === undefined) return one;
    const { client, calledAt, returnedAt, operations } = one;
    if (kind === 'refuse') return { ...one, failed: true };
    if (kind === 'forget') return { client, calledAt, operations };
    if (kind === 'earlier') return { ...one, calledAt: calledAt / 4, returnedAt: returnedAt / 4 };
    if (kind === 'later') return { ...one, calledAt: calledAt + 9, returnedAt: returnedAt + 9 };
    return {
      ...one,
      operations: operations.map((operation, which) => {
        if (operation.type === 'append' || which !== at.operation % operations.length) {
          return operation;
        }
        return { ...operation, list: mutatedList(operation.list ?? [], kind) };
      }),
    };
  });
}

function mutatedList(list: readonly number[], kind: Mutation['kind']): readonly number[] {
  if (kind === 'shorten') return list.slice(0, -1);
  if (kind === 'swap') return [...list.slice(0, -2), ...list.slice(-2).toReversed()];
  return [...list, (list.at(-1) ?? 0) + 1];
}

test('the checker says what the definition says, whatever went wrong', () => {
  const small = { clients: 3, transactions: 6, keys: 2, operations: 3 };
  const verdicts = { good: 0, bad: 0 };
  fc.assert(
    fc.property(
      goodHistories(small),
      fc.array(mutation, { minLength: 1, maxLength: 4, size: 'max' }),
      (good, mutations) => {
        const history = mutations.reduce(mutated, good);
        const found = checkTransactions(history);
        const isGood = isStrictlySerializable(history);
        verdicts[isGood ? 'good' : 'bad'] += 1;

        expect({ found, isGood: found.length === 0 }).toEqual({ found, isGood });
      },
    ),
    { numRuns: histories, ...bounded },
  );

  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(histories / 20);
});
