import { expect, test } from 'vitest';

import type { ClientOperation } from '../../src/testing/linearizability/history.ts';
import { keyValueModel } from '../../src/testing/linearizability/key-value-model.ts';
import type { SequentialModel } from '../../src/testing/linearizability/model.ts';
import { registerModel } from '../../src/testing/linearizability/register-model.ts';
import { checkLinearizable } from '../../src/testing/linearizability.ts';
import { labelledFiles, readKeyValueHistory, readRegisterHistory } from './history-files.ts';

test.each(labelledFiles())('$name gets its verdict', ({ name, model, isLinearizable }) => {
  const wanted = isLinearizable ? 'linearizable' : 'not-linearizable';

  const verdict =
    model === 'register'
      ? checkLinearizable(readRegisterHistory(name), registerModel<number>())
      : checkLinearizable(readKeyValueHistory(name), keyValueModel());

  expect(verdict.type).toBe(wanted);
  expect(verdict.text.split('\n').length).toBeLessThan(30);
});

test('there are recorded histories of both models with both verdicts', () => {
  const kinds = labelledFiles().map(({ model, isLinearizable }) => `${model} ${isLinearizable}`);

  expect(new Set(kinds)).toEqual(
    new Set(['register true', 'register false', 'kv true', 'kv false']),
  );
  expect(kinds.length).toBe(labelledFiles().length);
  expect(kinds.length).toBeGreaterThan(50);
});

const good = labelledFiles().filter(({ isLinearizable }) => isLinearizable);

test('a recorded good history stays good when the outcome of any one call becomes unknown', () => {
  const verdicts = good.flatMap(({ name, model }) => {
    return model === 'register'
      ? verdictsWithOneUnknown(readRegisterHistory(name), registerModel<number>())
      : verdictsWithOneUnknown(readKeyValueHistory(name), keyValueModel());
  });

  expect(verdicts.length).toBeGreaterThan(1000);
  expect(new Set(verdicts)).toEqual(new Set(['linearizable']));
});

/** What is said when one call was never answered, for each call in turn. */
function verdictsWithOneUnknown<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): readonly string[] {
  return history.map(({ client, input, calledAt }, at) => {
    return checkLinearizable(history.with(at, { client, input, calledAt }), model).type;
  });
}
