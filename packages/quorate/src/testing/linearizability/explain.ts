import { BoundReached, Budget, type CheckBounds } from './budget.ts';
import type { Contradiction } from './contradiction.ts';
import { contradictionText } from './contradiction-text.ts';
import { type ClientOperation, isKnown } from './history.ts';
import { type FullModel, fillIn, type SequentialModel } from './model.ts';
import { type SearchResult, type Start, search } from './search.ts';

export interface ExplainOptions<State, Input, Output> {
  readonly model: SequentialModel<State, Input, Output>;
  readonly partition: string;
  readonly bounds: CheckBounds;
}

/** Operations without an order, and the search that found none. */
interface Proof<State, Input, Output> {
  readonly operations: readonly ClientOperation<Input, Output>[];
  readonly starts: readonly Start<State, Input, Output>[];
  readonly result: SearchResult<State, Input, Output>;
}

/** So many known operations are looked at in the end; those that play no part are left out. */
const contextOperations = 12;
/** Of what is left then, the last one and what it contradicts say most. */
const briefContextOperations = 2;
/** From more states than these nobody wants to begin. */
const maxStarts = 4;
const maxEnds = 64;
const maxLateStarts = 8;
/** What one search may cost that makes the explanation shorter; it is not wrong without. */
const maxShrinkingSteps = 60_000;
const maxLateStartSteps = 4_000_000;
/** What they may cost together. */
const maxExplainingSteps = 8_000_000;

/** Explains operations of one partition in which a search has found no order. */
export function explain<State, Input, Output>(
  operations: readonly ClientOperation<Input, Output>[],
  result: SearchResult<State, Input, Output>,
  options: ExplainOptions<State, Input, Output>,
): Contradiction<State, Input, Output> {
  return new Explanation(operations, options).from(result);
}

class Explanation<State, Input, Output> {
  readonly #all: readonly ClientOperation<Input, Output>[];
  readonly #options: ExplainOptions<State, Input, Output>;
  readonly #full: FullModel<State, Input, Output>;
  #steps = 0;

  constructor(
    all: readonly ClientOperation<Input, Output>[],
    options: ExplainOptions<State, Input, Output>,
  ) {
    this.#all = all;
    this.#options = options;
    this.#full = fillIn(options.model, options.partition);
  }

  from(result: SearchResult<State, Input, Output>): Contradiction<State, Input, Output> {
    const starts = [{ state: this.#full.initial, used: [] }];
    const returns = this.#all
      .filter(isKnown)
      .sort((left, right) => returnOf(left) - returnOf(right));
    const { proof, at } = this.#firstImpossible(returns, { operations: this.#all, starts, result });
    const last = returns[at] as ClientOperation<Input, Output>;
    const shrunk = this.#shrink(this.#lateStart(proof, last, contextOperations), last);
    const late = this.#lateStart(shrunk, last, briefContextOperations);
    const brief = this.#withoutIdle(this.#shrink(late, last));
    const found = {
      partition: this.#options.partition,
      operations: brief.operations,
      last,
      returnedBefore: at,
      starts: this.#statesOf(brief.starts),
      deadEnd: brief.result.deadEnd,
    };
    const total = this.#all.length;
    return { ...found, text: contradictionText(found, { full: this.#full, total }) };
  }

  /** Cuts the history at the first return that cannot be. What returns later is open then. */
  #firstImpossible(
    returns: readonly ClientOperation<Input, Output>[],
    whole: Proof<State, Input, Output>,
  ): { readonly proof: Proof<State, Input, Output>; readonly at: number } {
    // The whole is impossible, and what is impossible stays so when more is known.
    let proof = whole;
    let from = 0;
    let to = returns.length - 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const operations = this.#upTo(returns, middle);
      const earlier = this.#prove(operations, whole.starts, this.#options.bounds);
      if (earlier === undefined) from = middle + 1;
      else {
        proof = earlier;
        to = middle;
      }
    }
    return { proof, at: to };
  }

  #upTo(
    returns: readonly ClientOperation<Input, Output>[],
    at: number,
  ): readonly ClientOperation<Input, Output>[] {
    const returned = new Set(returns.slice(0, at + 1));
    const end = returnOf(returns[at] as ClientOperation<Input, Output>);
    return this.#all
      .filter(({ calledAt }) => calledAt <= end)
      .map((operation) => (returned.has(operation) ? operation : opened(operation)));
  }

  /**
   * Replaces the operations before a moment without known calls under way by the states that they
   * can have left. Of those moments, one of the last that leave enough to understand.
   */
  #lateStart(
    whole: Proof<State, Input, Output>,
    last: ClientOperation<Input, Output>,
    context: number,
  ): Proof<State, Input, Output> {
    const known = whole.operations.filter(isKnown);
    const moments = quietMoments(known.slice(0, Math.max(0, known.length - context + 1)));
    for (const moment of moments.slice(-maxLateStarts).toReversed()) {
      if (moment > last.calledAt || this.#steps >= maxExplainingSteps) continue;
      const starts = this.#endsOf(whole, moment);
      if (starts === undefined) continue;
      const operations = whole.operations.filter(
        (operation) => operation.calledAt >= moment || !isKnown(operation),
      );
      const late = this.#prove(operations, starts, this.#boundsOf(maxLateStartSteps));
      if (late !== undefined) return late;
    }
    return whole;
  }

  /** All that the operations before the moment can have left, unless it is too much to tell. */
  #endsOf(
    whole: Proof<State, Input, Output>,
    moment: number,
  ): readonly Start<State, Input, Output>[] | undefined {
    const { model } = this.#options;
    const budget = new Budget(this.#boundsOf(maxLateStartSteps));
    const operations = whole.operations.filter(({ calledAt }) => calledAt < moment);
    const later = whole.operations.filter((one) => one.calledAt >= moment && isKnown(one));
    const { starts } = whole;
    const result = unlessBounded(() => {
      return search(operations, { model, full: this.#full, budget, starts, later, maxEnds });
    });
    this.#steps += budget.steps;
    if (result === undefined || result.ends.length > maxEnds) return undefined;
    return this.#statesOf(result.ends).length > maxStarts ? undefined : result.ends;
  }

  /** Takes away returns and answers as long as there is no order even so. */
  #shrink(
    from: Proof<State, Input, Output>,
    last: ClientOperation<Input, Output>,
  ): Proof<State, Input, Output> {
    let current = from;
    for (let size = current.operations.length; size >= 1; size = Math.floor(size / 2)) {
      let at = 0;
      while (at < current.operations.length && this.#steps < maxExplainingSteps) {
        const chosen = new Set(current.operations.slice(at, at + size));
        const operations = current.operations.map((operation) =>
          chosen.has(operation) && operation !== last ? opened(operation) : operation,
        );
        const isSame = operations.every(
          (operation, place) => operation === current.operations[place],
        );
        const smaller = isSame
          ? undefined
          : this.#prove(operations, current.starts, this.#boundsOf(maxShrinkingSteps));
        if (smaller === undefined) at += size;
        else {
          current = smaller;
          at += size;
        }
      }
    }
    return current;
  }

  #boundsOf(maxSteps: number): CheckBounds {
    const { bounds } = this.#options;
    return { ...bounds, maxSteps: Math.min(maxSteps, bounds.maxSteps ?? maxSteps) };
  }

  /** Nothing where there is an order, and where a bound is reached before it is known. */
  #prove(
    operations: readonly ClientOperation<Input, Output>[],
    starts: readonly Start<State, Input, Output>[],
    bounds: CheckBounds,
  ): Proof<State, Input, Output> | undefined {
    const { model } = this.#options;
    const budget = new Budget(bounds);
    const result = unlessBounded(() => {
      return search(operations, { model, full: this.#full, budget, starts });
    });
    this.#steps += budget.steps;
    if (result === undefined || result.order !== undefined) return undefined;
    return { operations, starts, result };
  }

  /**
   * Leaves out the unknown operations that took effect in no order that was tried: the search is
   * the same without them. A reader wants to see the answer that does not fit, so it goes on where
   * a needed state was lost.
   */
  #withoutIdle(proof: Proof<State, Input, Output>): Proof<State, Input, Output> {
    const { operations, starts } = proof;
    const { model } = this.#options;
    const budget = new Budget(this.#boundsOf(maxLateStartSteps));
    const options = { model, full: this.#full, budget, starts, needs: 'ignored' } as const;
    const result = unlessBounded(() => search(operations, options));
    if (result === undefined) return proof;
    const kept = operations.filter((one) => isKnown(one) || result.tried.has(one));
    return { operations: kept, starts, result };
  }

  #statesOf(starts: readonly Start<State, Input, Output>[]): readonly State[] {
    return [...new Map(starts.map(({ state }) => [this.#full.stateKey(state), state])).values()];
  }
}

/** The operation as if its client had never heard of it again. */
function opened<Input, Output>(
  operation: ClientOperation<Input, Output>,
): ClientOperation<Input, Output> {
  if (!isKnown(operation)) return operation;
  const { client, input, calledAt } = operation;
  return { client, input, calledAt };
}

/** The calls before which everything that was called has returned; by time, as the operations. */
function quietMoments<Input, Output>(
  known: readonly ClientOperation<Input, Output>[],
): readonly number[] {
  const moments: number[] = [];
  let lastReturn = Number.POSITIVE_INFINITY;
  for (const operation of known) {
    if (operation.calledAt > lastReturn) moments.push(operation.calledAt);
    const isFirst = lastReturn === Number.POSITIVE_INFINITY;
    lastReturn = isFirst ? returnOf(operation) : Math.max(lastReturn, returnOf(operation));
  }
  return moments;
}

function returnOf(operation: ClientOperation<unknown, unknown>): number {
  return operation.returnedAt ?? Number.POSITIVE_INFINITY;
}

function unlessBounded<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof BoundReached) return undefined;
    throw error;
  }
}
