import { type EdgeMask, findCycle, findCycleWithOne, maskOf } from './list-append/cycles.ts';
import {
  type DependencyGraph,
  dependencies,
  type Edge,
  type EdgeType,
} from './list-append/dependencies.ts';
import { demandHistory, type ListTransaction } from './list-append/history.ts';
import { observe, type ReadAnomalyName } from './list-append/observations.ts';

export type { ListTransaction } from './list-append/history.ts';

/**
 * A cycle of dependencies, named as Adya (1999) does: of writes alone; with reads of what was
 * written; with one read of what is then overwritten; with several of those. `-realtime`: it takes
 * the order of time to see it, so it is serializable and still not strictly so.
 */
export type CycleName =
  | 'G0'
  | 'G1c'
  | 'G-single'
  | 'G2'
  | `${'G0' | 'G1c' | 'G-single' | 'G2'}-realtime`;

export interface TransactionAnomaly {
  readonly name: CycleName | ReadAnomalyName;
  readonly text: string;
}

interface Search {
  readonly name: CycleName;
  readonly mask: EdgeMask;
  readonly once?: EdgeType;
}

/** From the worst to the mildest; a cycle is named by the first that finds it. */
const searches: readonly Search[] = [
  { name: 'G0', mask: maskOf('ww') },
  { name: 'G1c', mask: maskOf('ww', 'wr') },
  { name: 'G-single', mask: maskOf('ww', 'wr'), once: 'rw' },
  { name: 'G2', mask: maskOf('ww', 'wr', 'rw') },
  { name: 'G0-realtime', mask: maskOf('ww', 'time') },
  { name: 'G1c-realtime', mask: maskOf('ww', 'wr', 'time') },
  { name: 'G-single-realtime', mask: maskOf('ww', 'wr', 'time'), once: 'rw' },
  { name: 'G2-realtime', mask: maskOf('ww', 'wr', 'rw', 'time') },
];

/**
 * What of a history no order of its transactions one after the other explains, in which none
 * stands before one that had returned before it was called: empty if the history is strictly
 * serializable. Of cycles the worst is told.
 *
 * The verdict is exact: lists tell the whole order of the appends that anybody has read, and those
 * that nobody has read came behind them.
 *
 * @throws {RangeError} if an element is appended twice in the history, or times contradict.
 */
export function checkTransactions(
  history: readonly ListTransaction[],
): readonly TransactionAnomaly[] {
  demandHistory(history);
  const seen = observe(history);
  const cycle = worstCycle(dependencies(history, seen));
  return [...seen.anomalies, ...(cycle === undefined ? [] : [cycle])];
}

function worstCycle(graph: DependencyGraph): TransactionAnomaly | undefined {
  for (const { name, mask, once } of searches) {
    const cycle = once === undefined ? findCycle(graph, mask) : findCycleWithOne(graph, once, mask);
    if (cycle !== undefined) return { name, text: textOf(name, cycle, graph) };
  }
  return undefined;
}

/** One line for each step; moments of time between two transactions are one step. */
function textOf(
  name: string,
  cycle: readonly Edge[],
  { transactionCount }: DependencyGraph,
): string {
  const isTransaction = (node: number): boolean => node < transactionCount;
  const start = cycle.findIndex(({ from }) => isTransaction(from));
  const turned = [...cycle.slice(start), ...cycle.slice(0, start)];
  const lines: string[] = [];
  let from = turned[0]?.from ?? 0;
  for (const { type, to, why } of turned) {
    if (!isTransaction(to)) continue;
    lines.push(`  T${from} before T${to} (${type}): ${sentence(type, { from, to, why })}.`);
    from = to;
  }
  return [
    `${name}: each of these came before the next, and the last before the first.`,
    ...lines,
  ].join('\n');
}

function sentence(type: EdgeType, { from, to, why }: Pick<Edge, 'from' | 'to' | 'why'>): string {
  if (type === 'rw') return `T${from}: ${why}`;
  return type === 'ww' ? why : `T${to}: ${why}`;
}
