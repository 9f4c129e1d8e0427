import type { DurableStateMachine, StateMachine } from '../../contract/state-machine.ts';
import type { TestFunction } from '../suite.ts';

interface CommonOptions<Command, Response, Machine> {
  readonly test: TestFunction;
  /**
   * Opens a machine to which nothing was applied, one that shares nothing with the others. Those
   * with `Symbol.asyncDispose` are disposed of at the end of their case.
   */
  readonly open: () => Promise<Machine>;
  /**
   * At least four commands, which are applied in this order. Take such whose responses depend on
   * the commands before them, and so that the second half is not the first once more.
   */
  readonly commands: readonly Command[];
  /**
   * Returns the state in a form that `assert.deepStrictEqual` can compare. Without it, states count
   * as equal when the same commands get equal responses afterwards.
   */
  readonly stateOf?: (
    machine: StateMachine<Command, Response> | DurableStateMachine<Command, Response>,
  ) => unknown;
}

/** What the suite does to a machine with its state on a disk. */
export interface DurableMachineHooks<Machine> {
  /** Closes the machine in order and opens it again on the same disk. */
  readonly reopen: (machine: Machine) => Promise<Machine>;
  /**
   * Opens what would be there if the process died right now, such as a copy of the files. The
   * machine itself goes on, and may be in the middle of `apply` or `restore`.
   */
  readonly afterCrash: (machine: Machine) => Promise<Machine>;
}

/** A state machine to be tested. Every case opens machines of its own. */
export type StateMachineSuiteOptions<Command, Response> =
  | (CommonOptions<Command, Response, StateMachine<Command, Response>> & {
      readonly durable?: undefined;
    })
  | DurableSuiteOptions<Command, Response>;

/** The same for a machine that keeps its state, and the library's records, on a disk of its own. */
export type DurableSuiteOptions<Command, Response> = CommonOptions<
  Command,
  Response,
  DurableStateMachine<Command, Response>
> & {
  readonly durable: DurableMachineHooks<DurableStateMachine<Command, Response>>;
};
