import fc from 'fast-check';
import type { ListOperation, ListTransaction } from './history.ts';

export interface HistoryShape {
  readonly clients: number;
  readonly transactions: number;
  readonly keys: number;
  readonly operations: number;
}

/** One decision of who does what next. */
interface Draw {
  readonly client: number;
  readonly fate: number;
  readonly operations: readonly { readonly key: number; readonly isRead: boolean }[];
}

/**
 * Good ones by construction: one copy does one transaction after another, each at some moment
 * between its call and its return. Some clients hear nothing, some are refused.
 */
export function goodHistories({
  clients,
  transactions,
  keys,
  operations,
}: HistoryShape): fc.Arbitrary<ListTransaction[]> {
  const operation = fc.record({ key: fc.nat(keys - 1), isRead: fc.boolean() });
  const draw = fc.record({
    client: fc.nat(clients - 1),
    fate: fc.nat(19),
    operations: fc.array(operation, { minLength: 1, maxLength: operations, size: 'max' }),
  });
  return fc
    .array(draw, { minLength: 2, maxLength: 3 * transactions, size: 'max' })
    .map((draws) => play(draws, transactions));
}

interface Open {
  readonly client: number;
  readonly calledAt: number;
  readonly operations: readonly ListOperation[];
  readonly isDone: boolean;
  readonly isFailed?: boolean;
}

/**
 * A draw starts a transaction of a client that has none, or takes the one it has a step on. None is
 * left out afterwards: another may have read what it appended.
 */
function play(draws: readonly Draw[], most: number): ListTransaction[] {
  const lists = new Map<string, number[]>();
  const history: ListTransaction[] = [];
  const open = new Map<number, Open>();
  let clock = 0;
  let lastElement = 0;
  for (const { client, fate, operations } of draws) {
    clock += 1;
    const mine = open.get(client);
    if (mine === undefined) {
      if (history.length + open.size === most) continue;
      const drawn = operations.map(({ key, isRead }): ListOperation => {
        if (isRead) return { type: 'read', key: `k${key}` };
        lastElement += 1;
        return { type: 'append', key: `k${key}`, element: lastElement };
      });
      open.set(client, { client, calledAt: clock, operations: drawn, isDone: false });
    } else if (mine.isDone) {
      open.delete(client);
      const { calledAt, isFailed } = mine;
      const call = { client, operations: mine.operations, calledAt, returnedAt: clock };
      history.push(isFailed === true ? { ...call, failed: true } : call);
    } else if (fate === 0) {
      open.set(client, { ...mine, isDone: true, isFailed: true });
    } else {
      const done = apply(mine.operations, lists);
      if (fate > 1) open.set(client, { ...mine, operations: done, isDone: true });
      else {
        open.delete(client);
        history.push({ client, operations: mine.operations, calledAt: mine.calledAt });
      }
    }
  }
  for (const { client, calledAt, operations } of open.values()) {
    history.push({ client, calledAt, operations: operations.map(withoutAnswer) });
  }
  return history.sort((left, right) => left.calledAt - right.calledAt);
}

export function apply(
  operations: readonly ListOperation[],
  lists: Map<string, number[]>,
): ListOperation[] {
  return operations.map((operation) => {
    const list = lists.get(operation.key) ?? [];
    if (operation.type === 'read') return { ...operation, list: [...list] };
    lists.set(operation.key, [...list, operation.element]);
    return operation;
  });
}

function withoutAnswer(operation: ListOperation): ListOperation {
  return operation.type === 'append' ? operation : { type: 'read', key: operation.key };
}
