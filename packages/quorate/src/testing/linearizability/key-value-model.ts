import { type ClientOperation, isKnown } from './history.ts';
import type { Need, SequentialModel, Step } from './model.ts';

export type KeyValueInput = { readonly key: string } & (
  | { readonly type: 'get' }
  | { readonly type: 'put' | 'append'; readonly value: string }
  | { readonly type: 'compareAndSet'; readonly expected: string; readonly value: string }
);

/** What was got; whether a compare-and-set took effect; nothing for a put and an append. */
export type KeyValueOutput = string | boolean | undefined;

export type KeyValueOperation = ClientOperation<KeyValueInput, KeyValueOutput>;

export type KeyValueModel = SequentialModel<string, KeyValueInput, KeyValueOutput>;

/** Strings by key with get, put, append and compare-and-set. Each begins as the empty string. */
export function keyValueModel(): KeyValueModel {
  return {
    init: () => '',
    step,
    partition: (input) => input.key,
    visible,
    needs,
    describeInput,
    describeOutput: (output) => (output === undefined ? 'done' : JSON.stringify(output)),
    describeState: (state) => JSON.stringify(state),
  };
}

function step(state: string, input: KeyValueInput): Step<string, KeyValueOutput> {
  switch (input.type) {
    case 'get':
      return { state, output: state };
    case 'put':
      return { state: input.value, output: undefined };
    case 'append':
      return { state: state + input.value, output: undefined };
    case 'compareAndSet': {
      const isExpected = state === input.expected;
      return { state: isExpected ? input.value : state, output: isExpected };
    }
    default:
      throw unknownInput(input);
  }
}

function unknownInput(input: never): TypeError {
  const { type } = input as { readonly type?: unknown };
  return new TypeError(
    `A key-value store knows get, put, append and compareAndSet; the operation has type ` +
      `${String(type)}.`,
  );
}

/** A text stays in the value until a put, so one that is in nothing that was got was unseen. */
function visible(
  unknown: readonly KeyValueOperation[],
  known: readonly KeyValueOperation[],
): ReadonlyMap<KeyValueOperation, KeyValueInput> {
  const isCompared = [...known, ...unknown].some(({ input }) => input.type === 'compareAndSet');
  const got = longest(known.filter(isKnown).map(({ output }) => String(output ?? '')));
  const kept = unknown.filter(({ input }) => {
    if (isCompared) return true;
    return input.type !== 'get' && got.some((value) => value.includes(input.value));
  });
  return new Map(kept.map((operation) => [operation, operation.input]));
}

/** Without those that another one begins with: in order, such a one follows right behind. */
function longest(values: readonly string[]): readonly string[] {
  const sorted = [...new Set(values)].sort();
  return sorted.filter((value, at) => sorted[at + 1]?.startsWith(value) !== true);
}

/** A get and a compare-and-set that took effect say what the whole value was. */
function needs(
  operations: readonly KeyValueOperation[],
): readonly Need<string, KeyValueInput, KeyValueOutput>[] {
  const by = new Map<string, KeyValueOperation[]>();
  const whole = new Map<string, KeyValueOperation[]>();
  const appended = new Map<string, KeyValueOperation[]>();
  for (const operation of operations) {
    const { input, output } = operation;
    if (input.type === 'append') addTo(appended, input.value, operation);
    else if (input.type !== 'get') addTo(whole, input.value, operation);
    if (!isKnown(operation)) continue;
    if (input.type === 'get') addTo(by, String(output), operation);
    if (input.type === 'compareAndSet' && output === true) addTo(by, input.expected, operation);
  }
  const lengths = [...new Set([...appended.keys()].map(({ length }) => length))];
  return [...by].map(([state, some]) => {
    const ends = lengths.filter((length) => length > 0 && length <= state.length);
    const appends = ends.flatMap((length) => appended.get(state.slice(-length)) ?? []);
    return { state, by: some, from: [...(whole.get(state) ?? []), ...appends] };
  });
}

function addTo<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function describeInput(input: KeyValueInput): string {
  if (input.type === 'get') return 'get';
  const value = JSON.stringify(input.value);
  if (input.type === 'compareAndSet') {
    return `compare-and-set ${JSON.stringify(input.expected)} to ${value}`;
  }
  return `${input.type} ${value}`;
}
