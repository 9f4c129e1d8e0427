import { describe, expect, test } from 'vitest';

import { keyValueModel } from '../../src/testing/linearizability/key-value-model.ts';
import { registerModel } from '../../src/testing/linearizability/register-model.ts';
import { checkLinearizable } from '../../src/testing/linearizability.ts';
import { readKeyValueHistory } from './history-files.ts';
import { keyValueMutations } from './key-value-mutations.ts';
import { goodKeyValueHistory, goodRegisterHistory } from './made-histories.ts';
import { registerMutations } from './register-mutations.ts';

const registers = registerModel<number>({ initial: 0 });
const seeds = Array.from({ length: 12 }, (_, at) => `${at}`);
const registerShape = { clients: 4, operations: 60 };
const keyValueShape = { clients: 4, operations: 80, keys: 2, puts: 'none' } as const;

describe('a register history is bad with', () => {
  test.each(Object.entries(registerMutations))('%s', (_, mutate) => {
    const broken = seeds
      .map((seed) => mutate(goodRegisterHistory(seed, registerShape)))
      .filter((history) => history !== undefined);

    const verdicts = broken.map((history) => checkLinearizable(history, registers));

    expect(broken.length).toBeGreaterThan(2);
    for (const verdict of verdicts) expect(verdict.type).toBe('not-linearizable');
    // What a person has to read is short, however long the history.
    for (const { text } of verdicts) expect(text.split('\n').length).toBeLessThan(16);
  });
});

describe('a key-value history is bad with', () => {
  test.each(Object.entries(keyValueMutations))('%s', (_, mutate) => {
    const good = seeds.map((seed) => goodKeyValueHistory(seed, keyValueShape));
    const broken = [...good, readKeyValueHistory('kv-c10-ok.txt')]
      .map(mutate)
      .filter((history) => history !== undefined);

    const verdicts = broken.map((history) => checkLinearizable(history, keyValueModel()));

    expect(broken.length).toBeGreaterThan(2);
    for (const verdict of verdicts) expect(verdict.type).toBe('not-linearizable');
    for (const { text } of verdicts) expect(text.split('\n').length).toBeLessThan(45);
  });
});

describe('a history is good', () => {
  test.each(seeds)('that one copy has made, with seed %s', (seed) => {
    const lost = { ...registerShape, unknownOneIn: 6 };

    const verdicts = [
      checkLinearizable(goodRegisterHistory(seed, registerShape), registers),
      checkLinearizable(goodRegisterHistory(seed, lost), registers),
      checkLinearizable(goodKeyValueHistory(seed, keyValueShape), keyValueModel()),
      checkLinearizable(goodKeyValueHistory(seed, { ...lost, keys: 2 }), keyValueModel()),
    ];

    expect(verdicts.map(({ type }) => type)).toEqual(Array(4).fill('linearizable'));
  });

  test('also when the outcome of any one of its calls becomes unknown', () => {
    const history = goodRegisterHistory('1', registerShape);
    for (const [at, { client, input, calledAt }] of history.entries()) {
      const unknown = history.with(at, { client, input, calledAt });

      expect(checkLinearizable(unknown, registers).type).toBe('linearizable');
    }
  });

  test('of thousands of operations, within a small part of the default bounds', () => {
    const shape = { clients: 8, operations: 3000, unknownOneIn: 50 };
    const bounds = { maxSteps: 3_000_000 };

    const verdicts = [
      checkLinearizable(goodRegisterHistory('1', shape), registers, bounds),
      checkLinearizable(goodKeyValueHistory('1', { ...shape, keys: 5 }), keyValueModel(), bounds),
    ];

    expect(verdicts.map(({ type }) => type)).toEqual(['linearizable', 'linearizable']);
  });
});
