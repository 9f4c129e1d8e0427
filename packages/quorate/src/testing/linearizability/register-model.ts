import { type ClientOperation, isKnown } from './history.ts';
import type { Need, SequentialModel, Step } from './model.ts';

export type RegisterValue = string | number | bigint | boolean | undefined;

/** `key` names the register; without it there is one. */
export type RegisterInput<Value extends RegisterValue> = { readonly key?: string } & (
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: Value }
  | { readonly type: 'compareAndSet'; readonly expected: Value; readonly value: Value }
);

/** What was read; whether a compare-and-set took effect; nothing for a write. */
export type RegisterOutput<Value extends RegisterValue> = Value | boolean | undefined;

export type RegisterOperation<Value extends RegisterValue> = ClientOperation<
  RegisterInput<Value>,
  RegisterOutput<Value>
>;

export type RegisterModel<Value extends RegisterValue> = SequentialModel<
  Value | undefined,
  RegisterInput<Value>,
  RegisterOutput<Value>
>;

/** Registers with read, write and compare-and-set, each by itself. They begin as `initial`. */
export function registerModel<Value extends RegisterValue = string | number>(
  options: { readonly initial?: Value } = {},
): RegisterModel<Value> {
  return {
    init: () => options.initial,
    step,
    partition: (input) => input.key ?? '',
    visible,
    needs,
    describeInput,
    describeOutput: (output, input) => (input.type === 'write' ? 'done' : show(output)),
    describeState: show,
  };
}

function step<Value extends RegisterValue>(
  state: Value | undefined,
  input: RegisterInput<Value>,
): Step<Value | undefined, RegisterOutput<Value>> {
  switch (input.type) {
    case 'read':
      return { state, output: state };
    case 'write':
      return { state: input.value, output: undefined };
    case 'compareAndSet': {
      const isExpected = Object.is(state, input.expected);
      return { state: isExpected ? input.value : state, output: isExpected };
    }
    default:
      throw unknownInput(input);
  }
}

function unknownInput(input: never): TypeError {
  const { type } = input as { readonly type?: unknown };
  return new TypeError(
    `A register knows read, write and compareAndSet; the operation has type ${String(type)}.`,
  );
}

/**
 * A value that nobody read and no compare-and-set expected is the last one, or overwritten unseen.
 * But a compare-and-set that was refused may have found it, whichever of such values it was.
 */
function visible<Value extends RegisterValue>(
  unknown: readonly RegisterOperation<Value>[],
  known: readonly RegisterOperation<Value>[],
): ReadonlyMap<RegisterOperation<Value>, RegisterInput<Value>> {
  const seen = new Set<RegisterOutput<Value>>();
  for (const operation of [...known, ...unknown]) {
    const { input } = operation;
    if (input.type === 'read' && isKnown(operation)) seen.add(operation.output);
    if (input.type === 'compareAndSet') seen.add(input.expected);
  }
  const isRefused = known.some(({ input, output }) => {
    return input.type === 'compareAndSet' && output === false;
  });
  const kept = new Map<RegisterOperation<Value>, RegisterInput<Value>>();
  let unseen: RegisterInput<Value> | undefined;
  for (const operation of unknown) {
    const { input } = operation;
    if (input.type === 'read') continue;
    const isUnseen = !seen.has(input.value);
    if (isUnseen && !isRefused) continue;
    if (isUnseen && input.type === 'write') unseen ??= input;
    kept.set(operation, isUnseen && input.type === 'write' ? (unseen ?? input) : input);
  }
  return kept;
}

/** A read and a compare-and-set that took effect say what the value was. */
function needs<Value extends RegisterValue>(
  operations: readonly RegisterOperation<Value>[],
): readonly Need<Value | undefined, RegisterInput<Value>, RegisterOutput<Value>>[] {
  const by = new Map<Value | undefined, RegisterOperation<Value>[]>();
  const from = new Map<Value | undefined, RegisterOperation<Value>[]>();
  for (const operation of operations) {
    const { input, output } = operation;
    if (input.type !== 'read') addTo(from, input.value, operation);
    if (!isKnown(operation)) continue;
    if (input.type === 'read') addTo(by, output as Value | undefined, operation);
    if (input.type === 'compareAndSet' && output === true) addTo(by, input.expected, operation);
  }
  return [...by].map(([state, some]) => ({ state, by: some, from: from.get(state) ?? [] }));
}

function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function describeInput<Value extends RegisterValue>(input: RegisterInput<Value>): string {
  if (input.type === 'read') return 'read';
  if (input.type === 'write') return `write ${show(input.value)}`;
  return `compare-and-set ${show(input.expected)} to ${show(input.value)}`;
}

function show(value: RegisterValue): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
