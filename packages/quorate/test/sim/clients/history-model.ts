import type { ClientOperation } from '../../../src/testing/linearizability/history.ts';
import type { SequentialModel } from '../../../src/testing/linearizability/model.ts';
import type { Command, Response, Value } from '../machine.ts';
import { outcomeOf } from '../oracle/model.ts';

/** What a client asks for: a command of the log, or a read that is none. */
export type Input = Command | { readonly op: 'read'; readonly key: string };

export type SimOperation = ClientOperation<Input, Response>;

/** What the clients talk to, as one copy that does one thing after another, key by key. */
export const historyModel: SequentialModel<Value | null, Input, Response> = {
  init: () => null,
  step: (state, input) => {
    if (input.op === 'read') return { state, output: { ok: true, value: state } };
    const output = outcomeOf(state, input);
    const changes = output.ok && input.op !== 'get';
    return { state: changes ? output.value : state, output };
  },
  stateKey: (state) => JSON.stringify(state),
  accepts: (output, seen) => output.ok === seen.ok && isSame(output.value, seen.value),
  partition: ({ key }) => key,
  visible,
  describeInput: (input) => {
    switch (input.op) {
      case 'put':
      case 'append':
        return `${input.op} ${input.value}`;
      case 'cas':
        return `cas ${String(input.from)} to ${input.to}`;
      case 'add':
        return `add ${input.amount}`;
      default:
        return input.op;
    }
  },
  describeOutput: ({ ok, value }) => (ok ? show(value) : `no: ${show(value)}`),
  describeState: show,
};

/**
 * What nobody knows to have happened and nobody saw needs not be tried. Each written value is
 * written once and every answer shows the value that it left or found, so an unseen one was
 * overwritten before anybody looked, or came after all that is known. Amounts are powers of two,
 * so a sum that was seen says which of them are in it.
 */
function visible(
  unknown: readonly SimOperation[],
  known: readonly SimOperation[],
): ReadonlyMap<SimOperation, Input> {
  const seen = new Set<string>();
  let bits = 0n;
  for (const { output, input } of known) {
    const value = output?.value ?? null;
    if (typeof value === 'number') bits |= BigInt(value);
    for (const one of Array.isArray(value) ? value : [value]) seen.add(String(one));
    if (input.op === 'cas') seen.add(String(input.from));
  }
  for (const { input } of unknown) if (input.op === 'cas') seen.add(String(input.from));
  const isVisible = ({ input }: SimOperation): boolean => {
    switch (input.op) {
      case 'put':
      case 'append':
        return seen.has(input.value);
      case 'cas':
        return seen.has(input.to);
      case 'add':
        return (bits & BigInt(input.amount)) !== 0n;
      default:
        return false;
    }
  };
  return new Map(unknown.filter(isVisible).map((operation) => [operation, operation.input]));
}

function isSame(left: Value | null, right: Value | null): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return left === right;
  return left.length === right.length && left.every((one, at) => one === right[at]);
}

function show(value: Value | null): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}
