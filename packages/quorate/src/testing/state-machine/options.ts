import type { StateMachine } from '../../contract/state-machine.ts';
import type { TestFunction } from '../suite.ts';

/** A state machine to be tested. Every case opens machines of its own. */
export interface StateMachineSuiteOptions<Command, Response> {
  readonly test: TestFunction;
  /** Opens a machine to which nothing was applied, one that shares nothing with the others. */
  readonly open: () => Promise<StateMachine<Command, Response>>;
  /**
   * At least four commands, which are applied in this order. Take such whose responses depend on
   * the commands before them, and so that the second half is not the first once more.
   */
  readonly commands: readonly Command[];
  /**
   * Returns the state in a form that `assert.deepStrictEqual` can compare. Without it, states count
   * as equal when the same commands get equal responses afterwards.
   */
  readonly stateOf?: (machine: StateMachine<Command, Response>) => unknown;
}
