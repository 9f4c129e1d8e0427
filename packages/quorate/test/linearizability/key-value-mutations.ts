import type { KeyValueOperation } from '../../src/testing/linearizability/key-value-model.ts';

// Each makes a good history bad, for sure, since every text is put or appended once; `undefined`
// where the history has no place for it.

type Known = KeyValueOperation & { readonly returnedAt: number };
type History = readonly KeyValueOperation[];
export type KeyValueMutation = (history: History) => History | undefined;

export const keyValueMutations: Readonly<Record<string, KeyValueMutation>> = {
  'an appended text that was lost': (history) =>
    firstGet(history, (value, get) => {
      const append = appends(history, get).find((one) => isBefore(one, get));
      return append === undefined ? undefined : value.replace(textOf(append), '');
    }),
  'an appended text that is there twice': (history) =>
    firstGet(history, (value, get) => {
      const append = appends(history, get).find((one) => value.includes(textOf(one)));
      return append === undefined ? undefined : value + textOf(append);
    }),
  'appended texts in the wrong order': (history) =>
    firstGet(history, (value, get) => {
      const mine = appends(history, get).filter((one) => value.includes(textOf(one)));
      const first = mine.find((one) => mine.some((other) => isBefore(one, other)));
      const second = mine.find((one) => first !== undefined && isBefore(first, one));
      return first === undefined || second === undefined ? undefined : swap(value, first, second);
    }),
  'two gets that saw different orders': (history) =>
    firstGet(history, (value, get) => {
      const earlier = gets(history, get).find((one) => {
        return isBefore(one, get) && textsIn(one).length >= 2;
      });
      const [first, second] = earlier === undefined ? [] : textsIn(earlier);
      if (first === undefined || second === undefined) return undefined;
      return swapTexts(value, first, second);
    }),
  'a value that shrinks': (history) =>
    firstGet(history, (value, get) => {
      const earlier = gets(history, get).find((one) => isBefore(one, get) && one.output !== '');
      return earlier === undefined ? undefined : value.slice(0, String(earlier.output).length - 3);
    }),
  'a text that was got before it was appended': (history) =>
    firstGet(history, (value, get) => {
      const append = appends(history, get).find((one) => isBefore(get, one));
      return append === undefined ? undefined : value + textOf(append);
    }),
  'half of a text': (history) =>
    firstGet(history, (value) => (value === '' ? undefined : value.slice(0, -1))),
  'the value of another key': (history) =>
    firstGet(history, (value, get) => {
      const other = known(history).find(({ input, output }) => {
        return input.type === 'get' && input.key !== get.input.key && output !== '';
      });
      return value === '' || other === undefined ? undefined : String(other.output);
    }),
  'nothing after an append': (history) =>
    firstGet(history, (_, get) => {
      return appends(history, get).some((one) => isBefore(one, get)) ? '' : undefined;
    }),
  'an append that was never made': (history) => {
    const get = known(history).find(({ input, output }) => input.type === 'get' && output !== '');
    const [first] = get === undefined ? [] : textsIn(get);
    return history.filter(({ input }) => input.type === 'get' || input.value !== first);
  },
  'an unknown append that was got and then vanished': (history) => {
    for (const append of known(history).filter(({ input }) => input.type === 'append')) {
      const [first, second] = gets(history, append).filter(({ output }) => {
        return String(output).includes(textOf(append));
      });
      if (first === undefined || second === undefined || !isBefore(first, second)) continue;
      const { client, input, calledAt } = append;
      const unknown = history.map((one) => (one === append ? { client, input, calledAt } : one));
      return answered(unknown, second, String(second.output).replace(textOf(append), ''));
    }
    return undefined;
  },
  'an unknown append that took effect twice': (history) => {
    for (const append of known(history).filter(({ input }) => input.type === 'append')) {
      const get = gets(history, append).find(({ output }) => {
        return String(output).includes(textOf(append));
      });
      if (get === undefined) continue;
      const { client, input, calledAt } = append;
      const unknown = history.map((one) => (one === append ? { client, input, calledAt } : one));
      return answered(unknown, get, String(get.output) + textOf(append));
    }
    return undefined;
  },
};

/** Gives the first get for which there is one another answer. */
function firstGet(
  history: History,
  change: (value: string, get: Known) => string | undefined,
): History | undefined {
  for (const get of known(history).filter(({ input }) => input.type === 'get')) {
    const output = change(String(get.output), get);
    if (output !== undefined && output !== get.output) return answered(history, get, output);
  }
  return undefined;
}

function known(history: History): readonly Known[] {
  return history.filter((one): one is Known => one.returnedAt !== undefined);
}

/** Of the same key. */
function appends(history: History, { input }: KeyValueOperation): readonly Known[] {
  return known(history).filter((one) => {
    return one.input.type === 'append' && one.input.key === input.key;
  });
}

/** Of the same key. */
function gets(history: History, { input }: KeyValueOperation): readonly Known[] {
  return known(history).filter((one) => one.input.type === 'get' && one.input.key === input.key);
}

function isBefore(one: Known, other: Known): boolean {
  return one.returnedAt < other.calledAt;
}

function textOf({ input }: KeyValueOperation): string {
  if (input.type === 'get') throw new Error('A get writes no text.');
  return input.value;
}

/** Texts of made histories are `<7>`, those of the recorded ones `x 0 7 y`. */
function textsIn(get: Known): readonly string[] {
  return String(get.output).match(/<\d+>|x \d+ \d+ y/g) ?? [];
}

function swap(value: string, first: Known, second: Known): string {
  return swapTexts(value, textOf(first), textOf(second));
}

function swapTexts(value: string, first: string, second: string): string {
  return value.replace(first, '\0').replace(second, first).replace('\0', second);
}

function answered(history: History, operation: Known, output: string): History {
  return history.map((one) =>
    one.client === operation.client && one.calledAt === operation.calledAt
      ? { ...operation, output }
      : one,
  );
}
