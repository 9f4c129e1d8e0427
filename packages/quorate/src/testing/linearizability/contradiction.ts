import type { ClientOperation } from './history.ts';
import type { DeadEnd } from './search.ts';

/** A small part of a history that shows that the whole cannot be. */
export interface Contradiction<State, Input, Output> {
  readonly partition: string;
  /**
   * Operations that cannot be put in order, whichever of `starts` they begin from. What returned
   * after `last` is given as unknown here, and so is what can be so without an order.
   */
  readonly operations: readonly ClientOperation<Input, Output>[];
  /** The first return with which there is no order. */
  readonly last: ClientOperation<Input, Output>;
  /** How many operations of the partition had returned before it. */
  readonly returnedBefore: number;
  /** The states that all operations before the shown ones can have left. */
  readonly starts: readonly State[];
  /** The order that gets furthest, and the operations of which none can come next. */
  readonly deadEnd: DeadEnd<State, Input, Output>;
  /** All of this in a few lines for people. */
  readonly text: string;
}
