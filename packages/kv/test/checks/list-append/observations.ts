import type { ListTransaction } from './history.ts';

/** What is wrong without looking at more than one transaction and the lists that it read. */
export type ReadAnomalyName =
  /** A transaction does not see its own appends, or sees a list change under it. */
  | 'internal'
  /** An element was read that nobody has appended. */
  | 'garbage'
  /** A list has an element twice: it was appended once and took effect twice. */
  | 'duplicate'
  /** Two lists of one key were read, and neither begins with the other. */
  | 'incompatible-order'
  /** An element was read that a refused transaction has appended (Adya 1999, G1a). */
  | 'G1a'
  /** A state was read that lies between two appends of one transaction (Adya 1999, G1b). */
  | 'G1b';

export interface ReadAnomaly {
  readonly name: ReadAnomalyName;
  readonly text: string;
}

/** The state that a transaction found before it changed anything of the key. */
export interface ExternalRead {
  readonly transaction: number;
  readonly key: string;
  readonly list: readonly number[];
}

export interface Observations {
  readonly anomalies: readonly ReadAnomaly[];
  readonly reads: readonly ExternalRead[];
  /** By key, the longest list that was read. */
  readonly orders: ReadonlyMap<string, readonly number[]>;
  /** By key and element, the transaction that appended it. */
  readonly writers: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Those that took effect for certain. */
  readonly committed: ReadonlySet<number>;
}

export function observe(history: readonly ListTransaction[]): Observations {
  const anomalies: ReadAnomaly[] = [];
  const writers = writersOf(history);
  const reads: ExternalRead[] = [];
  const lists: ExternalRead[] = [];
  for (const [transaction, one] of history.entries()) {
    if (!hasAnswer(one)) continue;
    for (const { operation, before, own } of expected(one)) {
      const { key, list = [] } = operation;
      lists.push({ transaction, key, list });
      const external = withoutEnd(list, own);
      if (external === undefined || (before !== undefined && !isSame(external, before))) {
        const wanted = `${showList([...(before ?? []), ...own])}${before ? '' : ' at its end'}`;
        const text = `T${transaction} read ${key} as ${showList(list)}; its own view is ${wanted}.`;
        anomalies.push({ name: 'internal', text });
      } else if (before === undefined) {
        reads.push({ transaction, key, list: external });
      }
    }
  }
  const orders = new Map<string, readonly number[]>();
  for (const { key, list } of lists) {
    if (list.length > (orders.get(key)?.length ?? 0)) orders.set(key, list);
  }
  const committed = new Set<number>();
  for (const [at, one] of history.entries()) if (hasAnswer(one)) committed.add(at);
  for (const { key, list } of lists) {
    for (const element of list) {
      const writer = writers.get(key)?.get(element);
      if (writer !== undefined) committed.add(writer);
    }
  }
  const rest = [...elementAnomalies(history, { lists, writers }), ...orderAnomalies(lists, orders)];
  const between = intermediateReads(history, { reads, writers });
  return { anomalies: [...anomalies, ...rest, ...between], reads, orders, writers, committed };
}

export function hasAnswer({ returnedAt, failed }: ListTransaction): boolean {
  return returnedAt !== undefined && failed !== true;
}

function writersOf(history: readonly ListTransaction[]): Map<string, Map<number, number>> {
  const writers = new Map<string, Map<number, number>>();
  for (const [transaction, { operations }] of history.entries()) {
    for (const operation of operations) {
      if (operation.type !== 'append') continue;
      const ofKey = writers.get(operation.key) ?? new Map<number, number>();
      ofKey.set(operation.element, transaction);
      writers.set(operation.key, ofKey);
    }
  }
  return writers;
}

interface Expected {
  readonly operation: { readonly key: string; readonly list?: readonly number[] };
  /** What it had read of the key before, without its own appends. */
  readonly before: readonly number[] | undefined;
  readonly own: readonly number[];
}

function* expected({ operations }: ListTransaction): Generator<Expected> {
  const found = new Map<string, readonly number[]>();
  const appended = new Map<string, readonly number[]>();
  for (const operation of operations) {
    const { key } = operation;
    const own = appended.get(key) ?? [];
    if (operation.type === 'append') {
      appended.set(key, [...own, operation.element]);
      continue;
    }
    const before = found.get(key);
    yield { operation, before, own };
    if (before === undefined) found.set(key, withoutEnd(operation.list ?? [], own) ?? []);
  }
}

interface Read {
  readonly lists: readonly ExternalRead[];
  readonly writers: Observations['writers'];
}

/** Elements that are there twice, from nowhere, from a refused one, or too early. */
function elementAnomalies(
  history: readonly ListTransaction[],
  { lists, writers }: Read,
): readonly ReadAnomaly[] {
  const anomalies: ReadAnomaly[] = [];
  for (const { transaction, key, list } of lists) {
    const twice = list.find((element, at) => list.indexOf(element) !== at);
    if (twice !== undefined) {
      const text = `T${transaction} read ${key} as ${showList(list)}, with ${twice} twice.`;
      anomalies.push({ name: 'duplicate', text });
    }
    for (const element of list) {
      const writer = writers.get(key)?.get(element);
      if (writer === undefined) {
        const text = `T${transaction} read ${element} of ${key}, which nobody has appended.`;
        anomalies.push({ name: 'garbage', text });
      } else if (history[writer]?.failed === true) {
        const text = `T${transaction} read ${element} of ${key}; T${writer} was refused.`;
        anomalies.push({ name: 'G1a', text });
      }
    }
  }
  return anomalies;
}

function orderAnomalies(
  lists: readonly ExternalRead[],
  orders: Observations['orders'],
): readonly ReadAnomaly[] {
  const anomalies: ReadAnomaly[] = [];
  for (const { transaction, key, list } of lists) {
    const longest = orders.get(key) ?? [];
    if (isSame(list, longest.slice(0, list.length))) continue;
    const text = `T${transaction} read ${key} as ${showList(list)}; others ${showList(longest)}.`;
    anomalies.push({ name: 'incompatible-order', text });
  }
  return anomalies;
}

function intermediateReads(
  history: readonly ListTransaction[],
  { reads, writers }: Pick<Observations, 'reads' | 'writers'>,
): readonly ReadAnomaly[] {
  const anomalies: ReadAnomaly[] = [];
  for (const { transaction, key, list } of reads) {
    const element = list.at(-1);
    const writer = element === undefined ? undefined : writers.get(key)?.get(element);
    if (element === undefined || writer === undefined) continue;
    const last = history[writer]?.operations.findLast(
      (operation) => operation.type === 'append' && operation.key === key,
    );
    if (last?.type !== 'append') continue;
    if (writer === transaction) {
      const text = `T${transaction} read ${element} of ${key} before it appended it.`;
      anomalies.push({ name: 'internal', text });
    } else if (last.element !== element) {
      const text =
        `T${transaction} read ${key} as ${showList(list)}; ` +
        `T${writer} appends ${last.element} behind that.`;
      anomalies.push({ name: 'G1b', text });
    }
  }
  return anomalies;
}

/** Without `end`, or nothing if it does not end so. */
function withoutEnd(
  list: readonly number[],
  end: readonly number[],
): readonly number[] | undefined {
  const length = list.length - end.length;
  if (length < 0 || !isSame(list.slice(length), end)) return undefined;
  return list.slice(0, length);
}

function isSame(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((element, at) => element === right[at]);
}

const mostShown = 12;

export function showList(list: readonly number[]): string {
  const shown = list.slice(-mostShown).join(' ');
  return `[${list.length > mostShown ? '… ' : ''}${shown}]`;
}
