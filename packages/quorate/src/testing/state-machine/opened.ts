import type { DurableStateMachine } from '../../contract/state-machine.ts';
import type { BenchOptions } from './bench.ts';
import type { DurableSuiteOptions, StateMachineSuiteOptions } from './options.ts';

/** Registers one case, which gets machines of its own. */
export type RegisterCase<Bench> = (name: string, run: (bench: Bench) => Promise<void>) => void;

/** What one case has opened, so that it can be closed at its end. */
export class Opened {
  readonly #machines = new Set<object>();

  /** Runs a case, then disposes of all machines that know how. */
  static async during(run: (opened: Opened) => Promise<void>): Promise<void> {
    const opened = new Opened();
    try {
      await run(opened);
    } finally {
      for (const machine of opened.#machines) {
        if (isDisposable(machine)) await machine[Symbol.asyncDispose]();
      }
    }
  }

  options<Command, Response>(
    options: Exclude<StateMachineSuiteOptions<Command, Response>, { durable: object }>,
  ): BenchOptions<Command, Response> {
    return { ...options, open: async () => this.#keep(await options.open()) };
  }

  durable<Command, Response>(
    options: DurableSuiteOptions<Command, Response>,
  ): DurableSuiteOptions<Command, Response> {
    type Machine = DurableStateMachine<Command, Response>;
    const { reopen, afterCrash } = options.durable;
    return {
      ...options,
      open: async () => this.#keep(await options.open()),
      durable: {
        reopen: async (machine: Machine) => this.#keep(await reopen(machine)),
        afterCrash: async (machine: Machine) => this.#keep(await afterCrash(machine)),
      },
    };
  }

  #keep<Machine extends object>(machine: Machine): Machine {
    this.#machines.add(machine);
    return machine;
  }
}

function isDisposable(machine: object): machine is AsyncDisposable {
  return Symbol.asyncDispose in machine;
}
