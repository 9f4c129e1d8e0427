import { settle, VirtualRuntime } from '../node/virtual-runtime.ts';

/** Time, and turns of the event loop too, that pass when the test says so. */
export class StepRuntime extends VirtualRuntime {
  #yielded: (() => void)[] = [];

  override yieldToIo(run: () => void): void {
    this.#yielded.push(run);
  }

  /** Lets promises run until nothing but timers and turns is left. */
  settle(): Promise<void> {
    return settle();
  }

  /** One turn of the event loop, in which no time passes. */
  async turn(): Promise<void> {
    await settle();
    for (const run of this.#yielded.splice(0)) run();
    await settle();
  }
}
