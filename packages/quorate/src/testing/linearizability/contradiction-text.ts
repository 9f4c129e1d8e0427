import type { Contradiction } from './contradiction.ts';
import type { ClientOperation } from './history.ts';
import type { FullModel } from './model.ts';

const maxShownOperations = 16;

/** Tells a contradiction in a few lines. */
export function contradictionText<State, Input, Output>(
  found: Omit<Contradiction<State, Input, Output>, 'text'>,
  context: { readonly full: FullModel<State, Input, Output>; readonly total: number },
): string {
  const { full, total } = context;
  const { last, deadEnd } = found;
  const say = (operation: ClientOperation<Input, Output>): string => {
    return `client ${String(operation.client)}: ${describeOperation(operation, full)}`;
  };
  const where = found.partition === '' ? '' : ` at ${JSON.stringify(found.partition)}`;
  const order = deadEnd.order.map(({ operation, state }) => {
    return `${say(operation)}, which leaves ${full.state(state)}`;
  });
  const refused = deadEnd.refused.map((operation) => {
    const would = full.step(deadEnd.state, operation.input).output;
    const note = full.accepts(would, operation.output as Output)
      ? 'fits here, and leads no further'
      : `would return ${full.output(would, operation.input)}`;
    return `${say(operation)}: ${note}`;
  });
  return [
    `Not linearizable${where}: no order explains what client ${String(last.client)} saw at ` +
      `${last.returnedAt}. The ${found.returnedBefore} returns before it fit, of ${total} operations.`,
    `Begin with ${found.starts.map((state) => full.state(state)).join(' or ')}; these contradict (? is any answer, or none):`,
    ...listed(found.operations.map((operation) => `${say(operation)} ${interval(operation)}`)),
    deadEnd.order.length === 0 ? 'None of them can come first:' : 'The order that gets furthest:',
    ...listed(order),
    ...(deadEnd.order.length === 0 ? [] : [`Then ${full.state(deadEnd.state)} is left, and next:`]),
    ...listed(refused),
  ].join('\n');
}

/** `read -> 3`, or `write 3 -> ?` for an operation of which the outcome is unknown. */
export function describeOperation<State, Input, Output>(
  operation: ClientOperation<Input, Output>,
  full: FullModel<State, Input, Output>,
): string {
  const { input } = operation;
  const output = operation.returnedAt === undefined ? '?' : full.output(operation.output, input);
  return `${full.input(input)} -> ${output}`;
}

function interval({ calledAt, returnedAt }: ClientOperation<unknown, unknown>): string {
  return `[${calledAt}, ${returnedAt ?? '?'}]`;
}

/** The last lines are those where the contradiction is. */
function listed(lines: readonly string[]): readonly string[] {
  const left = lines.length - maxShownOperations;
  const shown = lines.slice(-maxShownOperations).map((line) => `  ${line}`);
  return left > 0 ? [`  (${left} more)`, ...shown] : shown;
}
