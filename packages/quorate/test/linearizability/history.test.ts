import { describe, expect, test } from 'vitest';

import {
  type ClientOperation,
  HistoryRecorder,
} from '../../src/testing/linearizability/history.ts';
import {
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from '../../src/testing/linearizability/register-model.ts';
import { checkLinearizable } from '../../src/testing/linearizability.ts';

type Operation = ClientOperation<RegisterInput<number>, RegisterOutput<number>>;

const read = { client: 'a', input: { type: 'read' }, calledAt: 1 } as const;

describe('a history that no client can have seen is refused:', () => {
  test.each<[string, unknown, string]>([
    ['no array', {}, 'A history must be an array of operations; it is object.'],
    ['no operation', [7], 'Operation 0 must be an object; it is 7.'],
    ['no client', [{ ...read, client: {} }], 'must have a string or number as `client`'],
    ['no time', [{ ...read, calledAt: '1' }], 'a finite number as `calledAt`; it is 1.'],
    ['no number', [{ ...read, calledAt: Number.NaN }], 'a finite number as `calledAt`; it is NaN'],
    ['an endless call', [{ ...read, returnedAt: Infinity }], 'or none if its outcome is unknown'],
    [
      'time that runs back',
      [{ ...read, returnedAt: 0 }],
      'returned at 0, before it was called at 1',
    ],
    ['an answer without a return', [{ ...read, output: 1 }], 'has an output and no `returnedAt`'],
    ['an operation twice', [read, read], 'Operation 1 stands twice in the history'],
    [
      'two calls at once',
      [
        { ...read, returnedAt: 5 },
        { ...read, calledAt: 3, returnedAt: 4 },
      ],
      'Client a called at 3, while its call of 1 was open until 5.',
    ],
  ])('%s', (_, history, message) => {
    const check = (): unknown =>
      checkLinearizable(history as readonly Operation[], registerModel());

    expect(check).toThrow(message);
  });

  test('an operation that the model does not know', () => {
    const history = [{ ...read, input: { type: 'add' }, returnedAt: 2, output: 1 }];

    const check = (): unknown =>
      checkLinearizable(history as unknown as readonly Operation[], registerModel());

    expect(check).toThrow('A register knows read, write and compareAndSet; the operation has type');
  });
});

describe('the recorder', () => {
  test('notes calls in the order in which it is told, and leaves out what failed', () => {
    const recorder = new HistoryRecorder<string, number>();

    const first = recorder.call('a', 'x');
    recorder.call('b', 'y');
    recorder.call('c', 'z').failed();
    first.returned(7);

    expect(recorder.history).toEqual([
      { client: 'a', input: 'x', calledAt: 1, returnedAt: 4, output: 7 },
      { client: 'b', input: 'y', calledAt: 2 },
    ]);
  });

  test('refuses to end a call twice', () => {
    const recorder = new HistoryRecorder<string, number>();
    const call = recorder.call('a', 'x');
    call.returned(1);

    expect(() => call.failed()).toThrow('A call must be ended once; call 1 of client a');
  });
});
