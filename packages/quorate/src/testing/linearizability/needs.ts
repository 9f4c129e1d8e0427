import type { Frontier } from './frontiers.ts';
import type { ClientOperation } from './history.ts';
import type { Need } from './model.ts';

/** A need by the numbers of the operations, in rising order. */
interface NumberedNeed {
  readonly state: number;
  readonly by: readonly number[];
  readonly fromKnown: readonly number[];
  readonly fromUnknown: readonly number[];
}

/** Finds the configurations in which a state that is still needed cannot come back. */
export class Needs<State, Input, Output> {
  readonly #byState = new Map<number, NumberedNeed>();
  /** By operation the needs that it may meet. */
  readonly #byOperation = new Map<number, NumberedNeed[]>();

  constructor(
    needs: readonly Need<State, Input, Output>[],
    operations: readonly ClientOperation<Input, Output>[],
    {
      knownCount,
      intern,
    }: { readonly knownCount: number; readonly intern: (state: State) => number },
  ) {
    const numbers = new Map(operations.map((operation, number) => [operation, number]));
    const numbersOf = (some: readonly ClientOperation<Input, Output>[]): readonly number[] => {
      const found = some.flatMap((operation) => numbers.get(operation) ?? []);
      return found.sort((left, right) => left - right);
    };
    for (const { state, by, from } of needs) {
      const sources = numbersOf(from);
      const need = {
        state: intern(state),
        by: numbersOf(by),
        fromKnown: sources.filter((number) => number < knownCount),
        fromUnknown: sources
          .filter((number) => number >= knownCount)
          .map((number) => number - knownCount),
      };
      this.#byState.set(need.state, need);
      for (const number of sources) {
        this.#byOperation.set(number, [...(this.#byOperation.get(number) ?? []), need]);
      }
    }
  }

  /** Whether no order can go on after `operation` led from one state to another. */
  isHopeless(
    step: { readonly from: number; readonly to: number; readonly operation: number },
    frontier: Frontier,
    isUsed: (unknown: number) => boolean,
  ): boolean {
    const isLost = (need: NumberedNeed): boolean => {
      return (
        need.state !== step.to &&
        hasUnplaced(need.by, frontier) &&
        !hasUnplaced(need.fromKnown, frontier) &&
        need.fromUnknown.every(isUsed)
      );
    };
    const left = this.#byState.get(step.from);
    if (left !== undefined && isLost(left)) return true;
    return this.#byOperation.get(step.operation)?.some(isLost) === true;
  }
}

/** Whether one of the known operations has not been placed; most likely the last one. */
function hasUnplaced(numbers: readonly number[], { low, extra }: Frontier): boolean {
  for (let at = numbers.length - 1; at >= 0; at -= 1) {
    const number = numbers[at] as number;
    if (number < low) return false;
    if (!extra.includes(number)) return true;
  }
  return false;
}
