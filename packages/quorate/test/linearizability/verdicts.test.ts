import { describe, expect, test } from 'vitest';

import {
  type ClientOperation,
  HistoryRecorder,
} from '../../src/testing/linearizability/history.ts';
import {
  type KeyValueOperation,
  keyValueModel,
} from '../../src/testing/linearizability/key-value-model.ts';
import type { SequentialModel } from '../../src/testing/linearizability/model.ts';
import {
  type RegisterInput,
  type RegisterOperation,
  registerModel,
} from '../../src/testing/linearizability/register-model.ts';
import { checkLinearizable } from '../../src/testing/linearizability.ts';
import { goodRegisterHistory } from './made-histories.ts';

const registers = registerModel<number>({ initial: 0 });

function operation(
  client: string,
  input: RegisterInput<number>,
  [calledAt, returnedAt, output]: readonly [number, number?, (number | boolean)?],
): RegisterOperation<number> {
  if (returnedAt === undefined) return { client, input, calledAt };
  return { client, input, calledAt, returnedAt, output };
}

const read: RegisterInput<number> = { type: 'read' };
const write = (value: number): RegisterInput<number> => ({ type: 'write', value });

describe('an operation of unknown outcome', () => {
  const unknown = operation('a', write(1), [1]);

  test.each([
    ['never', [0, 0, 0]],
    ['at once', [1, 1, 1]],
    ['much later', [0, 0, 1]],
  ])('may take effect %s', (_, seen) => {
    const reads = seen.map((value, at) => operation('b', read, [10 * at + 2, 10 * at + 3, value]));

    expect(checkLinearizable([unknown, ...reads], registers).type).toBe('linearizable');
  });

  test('may not take effect and be undone', () => {
    const reads = [1, 0].map((value, at) => operation('b', read, [10 * at, 10 * at + 3, value]));

    const verdict = checkLinearizable([unknown, ...reads], registers);

    expect(verdict.type).toBe('not-linearizable');
  });
});

test('calls at the same moment as a return overlap it', () => {
  const history = [operation('a', write(1), [1, 2]), operation('b', read, [2, 3, 0])];

  expect(checkLinearizable(history, registers).type).toBe('linearizable');
});

test('keys do not disturb each other, and the contradiction names its key', () => {
  const history = [
    {
      client: 1,
      input: { type: 'put', key: 'a', value: 'x' },
      calledAt: 1,
      returnedAt: 2,
      output: undefined,
    },
    { client: 1, input: { type: 'get', key: 'b' }, calledAt: 3, returnedAt: 4, output: '' },
    { client: 1, input: { type: 'get', key: 'a' }, calledAt: 5, returnedAt: 6, output: '' },
  ] as const;

  const verdict = checkLinearizable(history, keyValueModel());

  expect(verdict).toMatchObject({ type: 'not-linearizable', contradiction: { partition: 'a' } });
});

test('a contradiction in a long history is told in a few lines', () => {
  const good = goodRegisterHistory('long', { clients: 4, operations: 400 });
  const end = Math.max(...good.map(({ returnedAt = 0 }) => returnedAt));
  const history = [
    ...good,
    operation('new', write(-1), [end + 1, end + 2]),
    operation('new', write(-2), [end + 3, end + 4]),
    operation('new', read, [end + 5, end + 6, -1]),
  ];

  const verdict = checkLinearizable(history, registers);

  expect(verdict.text).toBe(
    [
      `Not linearizable: no order explains what client new saw at ${end + 6}. The 402 returns ` +
        'before it fit, of 403 operations.',
      'Begin with -1; these contradict (? is any answer, or none):',
      `  client new: write -2 -> done [${end + 3}, ${end + 4}]`,
      `  client new: read -> -1 [${end + 5}, ${end + 6}]`,
      'The order that gets furthest:',
      '  client new: write -2 -> done, which leaves -2',
      'Then -2 is left, and next:',
      '  client new: read -> -1: would return -2',
    ].join('\n'),
  );
});

test('a contradiction begins with all that an unknown operation can have left', () => {
  const input = { type: 'get', key: 'a' } as const;
  const append = (value: string) => ({ type: 'append', key: 'a', value }) as const;
  const history: readonly KeyValueOperation[] = [
    { client: 1, input: append('x'), calledAt: 1 },
    { client: 2, input: append('y'), calledAt: 2, returnedAt: 3, output: undefined },
    ...Array.from({ length: 11 }, (_, at) => {
      return { client: 2, input, calledAt: 2 * at + 4, returnedAt: 2 * at + 5, output: 'xy' };
    }),
    { client: 2, input, calledAt: 30, returnedAt: 31, output: 'y' },
  ];

  const verdict = checkLinearizable(history, keyValueModel());

  expect(verdict).toMatchObject({ contradiction: { starts: ['y', 'xy'], last: history[13] } });
});

test('the verdict on a good history has an order that explains it', () => {
  const history = goodRegisterHistory('1', { clients: 5, operations: 100, unknownOneIn: 8 });

  const verdict = checkLinearizable(history, registers);

  if (verdict.type !== 'linearizable') throw new Error(verdict.text);
  const order = verdict.orders.get('') ?? [];
  let state: number | undefined = 0;
  let latestCall = 0;
  const wrong = order.filter(({ operation: placed, state: after }) => {
    const step = registers.step(state, placed.input);
    const isKnown = placed.returnedAt !== undefined;
    const isSeen = !isKnown || step.output === placed.output;
    const isInTime = !isKnown || placed.returnedAt >= latestCall;
    state = after;
    latestCall = Math.max(latestCall, placed.calledAt);
    return !isSeen || !isInTime || step.state !== after;
  });
  expect(wrong).toEqual([]);
  const known = history.filter(({ returnedAt }) => returnedAt !== undefined);
  expect(known.every((one) => order.some((placed) => placed.operation === one))).toBe(true);
});

describe('where a bound is reached', () => {
  const history = goodRegisterHistory('1', { clients: 5, operations: 500 });

  test.each([
    [{ maxSteps: 50 }, 'gave up after 50 steps (maxSteps)'],
    [{ maxMemoryBytes: 20_000 }, 'gave up with about 20000 bytes in memory (maxMemoryBytes)'],
  ])('by %o the verdict is unknown, and says why', (bounds, reason) => {
    const verdict = checkLinearizable(history, registers, bounds);

    expect(verdict).toMatchObject({ type: 'unknown', reason });
  });

  test('by the caller the verdict is unknown, and says so', () => {
    const long = goodRegisterHistory('1', { clients: 5, operations: 2000 });

    const verdict = checkLinearizable(long, registers, { shouldStop: () => true });

    expect(verdict).toMatchObject({
      type: 'unknown',
      text: expect.stringContaining('shouldStop') as unknown,
    });
  });

  test('what contradicts in another part is found all the same', () => {
    const bad = operation('b', { ...read, key: 'other' }, [1, 2, 7]);

    const verdict = checkLinearizable([...history, bad], registers, { maxSteps: 50 });

    expect(verdict.type).toBe('not-linearizable');
  });

  test.each([0, -1, 1.5, Number.NaN])('a bound of %d is refused', (maxSteps) => {
    const check = (): unknown => checkLinearizable(history, registers, { maxSteps });

    expect(check).toThrow('`maxSteps` must be a whole number above 0');
  });
});

describe('a model of your own', () => {
  type Change = { readonly type: 'add' | 'remove'; readonly item: string };
  const sets: SequentialModel<ReadonlySet<string>, Change, boolean> = {
    init: () => new Set(),
    step: (state, { type, item }) => {
      const next = new Set(state);
      if (type === 'remove') return { output: next.delete(item), state: next };
      return { output: !state.has(item), state: next.add(item) };
    },
    stateKey: (state) => [...state].sort().join(),
  };

  test('is checked like the others', () => {
    const recorder = new HistoryRecorder<Change, boolean>();
    const first = recorder.call(1, { type: 'add', item: 'x' });
    const second = recorder.call(2, { type: 'add', item: 'x' });
    first.returned(false);
    second.returned(true);
    const good = recorder.history;
    recorder.call(3, { type: 'remove', item: 'x' }).returned(false);

    expect(checkLinearizable(good, sets).type).toBe('linearizable');
    expect(checkLinearizable(recorder.history, sets).type).toBe('not-linearizable');
  });

  test('must tell states that are objects apart', () => {
    const model = { ...sets, stateKey: undefined as never };
    const history: ClientOperation<Change, boolean>[] = [
      { client: 1, input: { type: 'add', item: 'x' }, calledAt: 1, returnedAt: 2, output: true },
    ];

    expect(() => checkLinearizable(history, model)).toThrow('give the model a `stateKey`');
  });

  test('must return a state and an output, and name parts by strings', () => {
    const history = [{ client: 1, input: 'x', calledAt: 1, returnedAt: 2, output: 1 }];
    const init = (): number => 0;
    const step = (): never => 7 as never;
    const partition = (): never => 7 as never;

    expect(() => checkLinearizable(history, { init, step })).toThrow('it returned 7');
    expect(() => checkLinearizable(history, { init, step, partition })).toThrow('it returned 7');
  });
});
