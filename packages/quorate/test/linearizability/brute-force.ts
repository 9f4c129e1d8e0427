import type { ClientOperation } from '../../src/testing/linearizability/history.ts';
import type { SequentialModel } from '../../src/testing/linearizability/model.ts';

/**
 * The definition, word for word: some order of all known and of any unknown operations, in which
 * none stands before one that had returned before it was called, gives every client what it saw.
 */
export function isLinearizableByDefinition<State, Input, Output>(
  operations: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  state: State = model.init(''),
): boolean {
  if (operations.every(({ returnedAt }) => returnedAt === undefined)) return true;
  return operations.some((operation) => {
    const rest = operations.filter((other) => other !== operation);
    const isTooEarly = rest.some(
      ({ returnedAt }) => returnedAt !== undefined && returnedAt < operation.calledAt,
    );
    if (isTooEarly) return false;
    const step = model.step(state, operation.input);
    if (operation.returnedAt !== undefined && !Object.is(step.output, operation.output)) {
      return false;
    }
    return isLinearizableByDefinition(rest, model, step.state);
  });
}
