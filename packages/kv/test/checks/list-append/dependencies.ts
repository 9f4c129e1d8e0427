import type { ListTransaction } from './history.ts';
import { hasAnswer, type Observations } from './observations.ts';

/** Bits, so that a search can say which of them it follows. */
export const edgeTypes = {
  /** The second overwrites, here: appends behind, what the first has written. */
  ww: 1,
  /** The second reads what the first has written. */
  wr: 2,
  /** The first reads a state that the second then changes. */
  rw: 4,
  /** The first had returned before the second was called. */
  time: 8,
} as const;

export type EdgeType = keyof typeof edgeTypes;

export interface Edge {
  readonly type: EdgeType;
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export interface DependencyGraph {
  /** The transactions, by their place in the history, and moments of time behind them. */
  readonly nodeCount: number;
  readonly transactionCount: number;
  /** By node. */
  readonly edges: readonly (readonly Edge[])[];
}

/** Which transaction must have come before which, in any order that explains what was read. */
export function dependencies(
  history: readonly ListTransaction[],
  seen: Observations,
): DependencyGraph {
  const edges: Edge[][] = history.map(() => []);
  const add = (type: EdgeType, from: number | undefined, to: number | undefined, why: string) => {
    if (from === undefined || to === undefined || from === to) return;
    edges[from]?.push({ type, from, to, why });
  };
  for (const key of seen.writers.keys()) addOfKey(key, { seen, add });
  addTime(history, { edges, seen });
  return { nodeCount: edges.length, transactionCount: history.length, edges };
}

interface Adding {
  readonly seen: Observations;
  readonly add: (
    type: EdgeType,
    from: number | undefined,
    to: number | undefined,
    why: string,
  ) => void;
}

function addOfKey(key: string, { seen, add }: Adding): void {
  const order = seen.orders.get(key) ?? [];
  const writers = seen.writers.get(key) ?? new Map<number, number>();
  // Lists only grow: what took effect and is in no list that was read came after all of them.
  const read = new Set(order);
  const unread = [...writers].filter(
    ([element, writer]) => seen.committed.has(writer) && !read.has(element),
  );
  for (const [at, element] of order.entries()) {
    const next = order[at + 1];
    const writer = writers.get(element);
    if (next !== undefined) {
      add('ww', writer, writers.get(next), `${next} stands behind ${element} in ${key}`);
      continue;
    }
    for (const [later, to] of unread) {
      add('ww', writer, to, `${later} is in no list of ${key}, so it is behind ${element}`);
    }
  }
  for (const { transaction, key: ofRead, list } of seen.reads) {
    if (ofRead !== key) continue;
    const last = list.at(-1);
    const from = last === undefined ? undefined : writers.get(last);
    add('wr', from, transaction, `it read ${last} of ${key}`);
    const next = order[list.length];
    if (next !== undefined) {
      add('rw', transaction, writers.get(next), `it did not read ${next} of ${key}`);
      continue;
    }
    for (const [later, to] of unread) {
      add('rw', transaction, to, `it did not read ${later} of ${key}`);
    }
  }
}

/**
 * Who returned before whom was called, by a chain of moments: each transaction leads to the moment
 * of its return, and the last moment before a call leads to who was called.
 */
function addTime(
  history: readonly ListTransaction[],
  { edges, seen }: { readonly edges: Edge[][]; readonly seen: Observations },
): void {
  const moments = history.flatMap((one, transaction) => {
    if (!seen.committed.has(transaction)) return [];
    const called = { at: one.calledAt, isReturn: false, transaction };
    if (one.returnedAt === undefined || !hasAnswer(one)) return [called];
    return [called, { at: one.returnedAt, isReturn: true, transaction }];
  });
  // At the same time they overlap: calls first.
  moments.sort(
    (left, right) => left.at - right.at || Number(left.isReturn) - Number(right.isReturn),
  );
  let last: number | undefined;
  const time = (from: number, to: number): void => {
    const why = 'it was called after that had returned';
    edges[from]?.push({ type: 'time', from, to, why });
  };
  for (const { isReturn, transaction } of moments) {
    if (!isReturn) {
      if (last !== undefined) time(last, transaction);
      continue;
    }
    const moment = edges.push([]) - 1;
    if (last !== undefined) time(last, moment);
    time(transaction, moment);
    last = moment;
  }
}
