import type { RegisterOperation } from '../../src/testing/linearizability/register-model.ts';

// Each makes a good history bad, for sure, since every value is written once; `undefined` where the
// history has no place for it. The histories begin with 0.

type Known = RegisterOperation<number> & { readonly returnedAt: number };
type History = readonly RegisterOperation<number>[];
export type RegisterMutation = (history: History) => History | undefined;

export const registerMutations: Readonly<Record<string, RegisterMutation>> = {
  'a stale read': (history) => {
    for (const [old, newer] of overwrites(history)) {
      const read = reads(history).find((one) => isBefore(newer, one));
      if (read !== undefined) return answered(history, read, valueOf(old));
    }
    return undefined;
  },
  'a read of the first value after it was overwritten': (history) => {
    const write = writes(history).at(0);
    const read = reads(history).find((one) => write !== undefined && isBefore(write, one));
    return read === undefined ? undefined : answered(history, read, 0);
  },
  'a read of a value from the future': (history) => {
    for (const write of writes(history)) {
      const read = reads(history).find((one) => isBefore(one, write));
      if (read !== undefined) return answered(history, read, valueOf(write));
    }
    return undefined;
  },
  'a read of a value that nobody wrote': (history) => {
    const read = reads(history).at(-1);
    return read === undefined ? undefined : answered(history, read, -1);
  },
  'a write that was read and never made': (history) => {
    const read = reads(history).find(({ output }) => output !== 0);
    if (read === undefined) return undefined;
    return history.filter((one) => one.input.type === 'read' || valueOf(one) !== read.output);
  },
  'swapped returns of two reads': (history) => {
    for (const [old, newer] of overwrites(history)) {
      const first = reads(history).find(({ output }) => output === valueOf(old));
      const second = reads(history).find(({ output }) => output === valueOf(newer));
      if (first === undefined || second === undefined || !isBefore(first, second)) continue;
      return answered(answered(history, first, valueOf(newer)), second, valueOf(old));
    }
    return undefined;
  },
  'a value that comes back after it was overwritten': (history) => {
    for (const [old, newer] of overwrites(history)) {
      const seen = reads(history).find(({ output }) => output === valueOf(newer));
      const read = reads(history).find((one) => seen !== undefined && isBefore(seen, one));
      if (read !== undefined) return answered(history, read, valueOf(old));
    }
    return undefined;
  },
  'two compare-and-sets of one value that both took effect': (history) => {
    const swap = swaps(history).at(0);
    if (swap?.input.type !== 'compareAndSet') return undefined;
    const { calledAt, returnedAt, input, output } = swap;
    const other = { client: 'other', input: { ...input, value: -1 }, calledAt, returnedAt, output };
    return [...history, other];
  },
  'a compare-and-set that is said to have failed, and was read': (history) => {
    for (const swap of swaps(history)) {
      const isRead = reads(history).some(({ output }) => output === valueOf(swap));
      if (isRead) return answered(history, swap, false);
    }
    return undefined;
  },
  'a compare-and-set that took effect on a value that never was': (history) => {
    const swap = swaps(history).at(0);
    if (swap?.input.type !== 'compareAndSet') return undefined;
    return replaced(history, swap, { ...swap, input: { ...swap.input, expected: -1 } });
  },
  'a write that was called only after it was read': (history) => {
    for (const write of writes(history)) {
      const read = reads(history).find(({ output }) => output === valueOf(write));
      if (read === undefined) continue;
      const calledAt = Math.max(write.calledAt, read.returnedAt) + 0.25;
      const returnedAt = Math.max(write.returnedAt, calledAt + 0.25);
      return replaced(history, write, { ...write, client: 'late', calledAt, returnedAt });
    }
    return undefined;
  },
  'a read after an unknown write that flips back': (history) => {
    for (const [old, newer] of overwrites(history)) {
      const first = reads(history).find(({ output }) => output === valueOf(newer));
      const second = reads(history).find((one) => first !== undefined && isBefore(first, one));
      if (second === undefined) continue;
      const { client, input, calledAt } = newer;
      const unknown = replaced(history, newer, { client, input, calledAt });
      return answered(unknown, second, valueOf(old));
    }
    return undefined;
  },
  'an unknown write that was read before its call': (history) => {
    for (const write of writes(history)) {
      const read = reads(history).find((one) => isBefore(one, write));
      if (read === undefined) continue;
      const { client, input, calledAt } = write;
      return answered(replaced(history, write, { client, input, calledAt }), read, valueOf(write));
    }
    return undefined;
  },
};

function known(history: History): readonly Known[] {
  return history.filter((one): one is Known => one.returnedAt !== undefined);
}

function reads(history: History): readonly Known[] {
  return known(history).filter(({ input }) => input.type === 'read');
}

function writes(history: History): readonly Known[] {
  return known(history).filter(({ input }) => input.type === 'write');
}

function swaps(history: History): readonly Known[] {
  return known(history).filter(({ input, output }) => {
    return input.type === 'compareAndSet' && output === true;
  });
}

/** Two writes of which the first had certainly been made before the second was. */
function overwrites(history: History): readonly (readonly [Known, Known])[] {
  return writes(history).flatMap((newer) => {
    const older = writes(history).filter((one) => isBefore(one, newer));
    return older.map((old) => [old, newer] as const);
  });
}

function isBefore(one: Known, other: Known): boolean {
  return one.returnedAt < other.calledAt;
}

function valueOf({ input }: RegisterOperation<number>): number {
  if (input.type === 'read') throw new Error('A read writes no value.');
  return input.value;
}

function answered(history: History, operation: Known, output: number | boolean): History {
  return history.map((one) =>
    one.client === operation.client && one.calledAt === operation.calledAt
      ? { ...operation, output }
      : one,
  );
}

function replaced(
  history: History,
  operation: RegisterOperation<number>,
  by: RegisterOperation<number>,
): History {
  return history.map((one) => (one === operation ? by : one));
}
