import { BoundReached, Budget, type CheckBounds } from './linearizability/budget.ts';
import type { Contradiction } from './linearizability/contradiction.ts';
import { explain } from './linearizability/explain.ts';
import { type ClientOperation, checkHistory } from './linearizability/history.ts';
import { fillIn, type SequentialModel } from './linearizability/model.ts';
import { type Placed, search } from './linearizability/search.ts';

/** What a check found. `text` says it in a few lines. */
export type LinearizabilityVerdict<State, Input, Output> = { readonly text: string } & (
  | {
      readonly type: 'linearizable';
      /** For each partition an order that explains all that its clients saw. */
      readonly orders: ReadonlyMap<string, readonly Placed<State, Input, Output>[]>;
    }
  | {
      readonly type: 'not-linearizable';
      readonly contradiction: Contradiction<State, Input, Output>;
    }
  | {
      /** A bound was reached before the answer. Nothing that was looked at is wrong. */
      readonly type: 'unknown';
      readonly reason: string;
    }
);

/**
 * Says whether the clients could have seen this had there been one copy that does one thing after
 * another, each between its call and its return (Herlihy and Wing, 1990). Operations of unknown
 * outcome may take effect at any time after their call, or never.
 *
 * Deterministic: the same history gives the same verdict after the same steps. Time and memory are
 * bounded; where a bound is reached, the verdict is `unknown`.
 *
 * @throws TypeError or RangeError where the history or the model contradicts itself.
 */
export function checkLinearizable<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  bounds: CheckBounds = {},
): LinearizabilityVerdict<State, Input, Output> {
  checkHistory(history);
  const orders = new Map<string, readonly Placed<State, Input, Output>[]>();
  const unfinished: string[] = [];
  for (const [partition, operations] of partitionsOf(history, model)) {
    const full = fillIn(model, partition);
    const budget = new Budget(bounds);
    const result = unlessBounded(() => search(operations, { model, full, budget }));
    if (result instanceof BoundReached) {
      unfinished.push(`${nameOf(partition)}gave up ${result.message}`);
    } else if (result.order === undefined) {
      const contradiction = explain(operations, result, { model, partition, bounds });
      return { type: 'not-linearizable', contradiction, text: contradiction.text };
    } else orders.set(partition, result.order);
  }
  if (unfinished.length > 0) {
    const reason = unfinished.join('; ');
    return { type: 'unknown', reason, text: `Not known whether linearizable: ${reason}.` };
  }
  return { type: 'linearizable', orders, text: `Linearizable: ${history.length} operations.` };
}

/** The operations of each partition, by the time of their call. */
function partitionsOf<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): ReadonlyMap<string, readonly ClientOperation<Input, Output>[]> {
  const partitions = new Map<string, ClientOperation<Input, Output>[]>();
  for (const operation of history) {
    const partition: unknown = model.partition?.(operation.input) ?? '';
    if (typeof partition !== 'string') {
      throw new TypeError(
        `\`partition\` of the model must return a string; it returned ${String(partition)}.`,
      );
    }
    const operations = partitions.get(partition);
    if (operations === undefined) partitions.set(partition, [operation]);
    else operations.push(operation);
  }
  for (const operations of partitions.values()) {
    operations.sort((left, right) => left.calledAt - right.calledAt);
  }
  return partitions;
}

function nameOf(partition: string): string {
  return partition === '' ? '' : `${JSON.stringify(partition)} `;
}

function unlessBounded<Result>(run: () => Result): Result | BoundReached {
  try {
    return run();
  } catch (error) {
    if (error instanceof BoundReached) return error;
    throw error;
  }
}
