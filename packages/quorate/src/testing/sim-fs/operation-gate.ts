import { nodeRuntime } from '../../platform/runtime.ts';
import type { SimOperation } from './faults.ts';
import type { SeededRandom } from './random.ts';

/** How often a workload may be found with nothing under way and not at its end. */
const maxIdleTurns = 1000;

/** Holds every operation of a `SimFs` until it is let go on, so that a workload runs in steps. */
export class OperationGate {
  readonly #held: { operation: SimOperation; release: () => void }[] = [];
  #isOpen = false;

  readonly hold = async (operation: SimOperation): Promise<void> => {
    if (this.#isOpen) return;
    await new Promise<void>((release) => this.#held.push({ operation, release }));
  };

  /** The operations under way. */
  get held(): readonly SimOperation[] {
    return this.#held.map(({ operation }) => operation);
  }

  /** From now on nothing is held. */
  open(): void {
    this.#isOpen = true;
    for (const { release } of this.#held.splice(0)) release();
  }

  /**
   * Lets one operation after the other complete, in an order that `random` draws, until `running`
   * ends. Before each it waits until the program does nothing but wait for operations, and calls
   * `atStep`.
   */
  async drive<Result>(
    running: Promise<Result>,
    { random, atStep }: { random: SeededRandom; atStep: () => Promise<void> },
  ): Promise<Result> {
    let isDone = false;
    const done = (): void => void (isDone = true);
    running.then(done, done);
    let idleTurns = 0;
    for (;;) {
      await untilWaiting();
      if (isDone) return running;
      if (this.#held.length === 0) {
        idleTurns += 1;
        if (idleTurns < maxIdleTurns) continue;
        throw new Error(
          'The workload waits for something that is not an operation of its file system.',
        );
      }
      idleTurns = 0;
      await atStep();
      this.#held.splice(random.below(this.#held.length), 1)[0]?.release();
    }
  }
}

/** Resolves when every promise that could go on has gone on. */
function untilWaiting(): Promise<void> {
  return new Promise((resolve) => nodeRuntime.yieldToIo(resolve));
}
