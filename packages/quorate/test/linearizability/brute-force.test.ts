import { describe, expect, test } from 'vitest';

import type { ClientOperation } from '../../src/testing/linearizability/history.ts';
import {
  type KeyValueInput,
  keyValueModel,
} from '../../src/testing/linearizability/key-value-model.ts';
import type { SequentialModel } from '../../src/testing/linearizability/model.ts';
import {
  type RegisterInput,
  registerModel,
} from '../../src/testing/linearizability/register-model.ts';
import {
  checkLinearizable,
  type LinearizabilityVerdict,
} from '../../src/testing/linearizability.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';
import { isLinearizableByDefinition } from './brute-force.ts';

// Few clients, few values and answers that are often wrong: both verdicts come by the hundred.

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const historyCount = isFull ? 12_000 : 2_000;

function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[random.below(items.length)] as Item;
}

interface Kind<State, Input, Output> {
  readonly name: string;
  readonly model: SequentialModel<State, Input, Output>;
  readonly input: (random: SeededRandom) => Input;
  readonly output: (random: SeededRandom, input: Input) => Output;
}

const values = [1, 2, 3] as const;

const registers: Kind<number | undefined, RegisterInput<number>, number | boolean | undefined> = {
  name: 'registers',
  model: registerModel<number>(),
  input: (random) => {
    const value = pick(random, values);
    const type = pick(random, ['read', 'read', 'write', 'write', 'compareAndSet'] as const);
    return type === 'compareAndSet'
      ? { type, expected: pick(random, values), value }
      : type === 'write'
        ? { type, value }
        : { type };
  },
  output: (random, { type }) => {
    if (type === 'read') return pick(random, [undefined, ...values, ...values]);
    return type === 'write' ? undefined : pick(random, [true, false]);
  },
};

const plainRegisters: typeof registers = {
  ...registers,
  name: 'registers without compare-and-set',
  input: (random) => {
    const isRead = random.below(2) === 0;
    return isRead ? { type: 'read' } : { type: 'write', value: pick(random, values) };
  },
};

const texts = ['a', 'b', 'aa'] as const;

const keyValues: Kind<string, KeyValueInput, string | boolean | undefined> = {
  name: 'appended texts',
  model: keyValueModel(),
  input: (random) => {
    const type = pick(random, ['get', 'get', 'append', 'append', 'put'] as const);
    const key = 'k';
    return type === 'get' ? { type, key } : { type, key, value: pick(random, texts) };
  },
  output: (random, { type }) => {
    return type === 'get' ? pick(random, ['', 'a', 'b', 'aa', 'ab', 'ba', 'aab']) : undefined;
  },
};

const swappedTexts: typeof keyValues = {
  ...keyValues,
  name: 'texts with compare-and-set',
  input: (random) => {
    if (random.below(3) > 0) return keyValues.input(random);
    const expected = pick(random, ['', ...texts]);
    return { type: 'compareAndSet', key: 'k', expected, value: pick(random, texts) };
  },
  output: (random, input) => {
    if (input.type === 'compareAndSet') return pick(random, [true, false]);
    return keyValues.output(random, input);
  },
};

function randomHistory<State, Input, Output>(
  random: SeededRandom,
  { input, output }: Kind<State, Input, Output>,
): readonly ClientOperation<Input, Output>[] {
  const history: ClientOperation<Input, Output>[] = [];
  const unknownOneIn = 2 + random.below(5);
  for (let client = 0; client < 2 + random.below(3); client += 1) {
    let clock = random.below(4);
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      const calledAt = clock;
      const returnedAt = calledAt + random.below(5);
      clock = returnedAt + random.below(3);
      const call = { client, input: input(random), calledAt };
      if (random.below(unknownOneIn) === 0) history.push(call);
      else history.push({ ...call, returnedAt, output: output(random, call.input) });
    }
  }
  return history.slice(0, 7);
}

/** Where the checker and the definition differ, and how often they said what. */
function compare<State, Input, Output>(
  kind: Kind<State, Input, Output>,
): { readonly wrong: readonly string[]; readonly good: number; readonly bad: number } {
  const wrong: string[] = [];
  let good = 0;
  for (let number = 0; number < historyCount; number += 1) {
    const seed = `${kind.name} ${number}`;
    const history = randomHistory(new SeededRandom(seed), kind);
    const isGood = isLinearizableByDefinition(history, kind.model);
    const verdict = checkLinearizable(history, kind.model);
    if (isGood) good += 1;
    const wanted = isGood ? 'linearizable' : 'not-linearizable';
    const isRight = verdict.type === wanted && isProof(history, verdict, kind.model);
    if (!isRight) wrong.push(`seed "${seed}": ${JSON.stringify(history)}: ${verdict.text}`);
  }
  return { wrong, good, bad: historyCount - good };
}

/**
 * Whether the operations that are shown as a contradiction are one by themselves, and still are
 * beside all others, of which those that overlap or follow the shown ones have lost their answers.
 */
function isProof<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  verdict: LinearizabilityVerdict<State, Input, Output>,
  model: SequentialModel<State, Input, Output>,
): boolean {
  if (verdict.type !== 'not-linearizable') return true;
  const { operations, starts } = verdict.contradiction;
  const shown = operations.filter(({ returnedAt }) => returnedAt !== undefined);
  const from = Math.min(...shown.map(({ calledAt }) => calledAt));
  const weaker = history.map((one) => {
    const isBefore = one.returnedAt !== undefined && one.returnedAt < from;
    const isShown = shown.some((other) => nameOf(other) === nameOf(one));
    const { client, input, calledAt } = one;
    return isBefore || isShown ? one : { client, input, calledAt };
  });
  if (isLinearizableByDefinition(weaker, model)) return false;
  // An unknown operation may be in a later start already, and would take effect twice here.
  const isFirst = starts.length === 1 && starts[0] === model.init('');
  if (!isFirst && shown.length < operations.length) return true;
  return !starts.some((state) => isLinearizableByDefinition(operations, model, state));
}

function nameOf({ client, calledAt, returnedAt }: ClientOperation<unknown, unknown>): string {
  return `${client} ${calledAt} ${returnedAt}`;
}

describe('the checker says what the definition says, and shows what contradicts, about', () => {
  test.each([
    ['registers', () => compare(registers)],
    ['registers without compare-and-set', () => compare(plainRegisters)],
    ['appended texts', () => compare(keyValues)],
    ['texts with compare-and-set', () => compare(swappedTexts)],
  ])('%s', (_, run) => {
    const { wrong, good, bad } = run();

    expect(wrong).toEqual([]);
    expect(Math.min(good, bad)).toBeGreaterThan(historyCount / 20);
  });
});
