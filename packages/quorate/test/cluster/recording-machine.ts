import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import type { LogId } from '../../src/core/types.ts';

/** Answers each command with its position among all commands, and remembers them. */
export class RecordingMachine implements StateMachine<unknown, number> {
  readonly commands: unknown[] = [];
  readonly logIds: LogId[] = [];
  /** How many commands came in each batch. */
  readonly batchSizes: number[] = [];
  /** Asked before each batch: throw to fail, return a promise to be slow. */
  onApply: (batch: readonly Committed<unknown>[]) => void | Promise<void> = () => undefined;
  /** Asked by the leader before a command is logged. */
  onValidate: (command: unknown) => void | Promise<void> = () => undefined;
  #isApplying = false;

  apply(batch: readonly Committed<unknown>[]): number[] | Promise<number[]> {
    if (this.#isApplying) throw new Error('Two calls of apply overlap.');
    const pause = this.onApply(batch);
    if (pause === undefined) return this.#record(batch);
    this.#isApplying = true;
    return pause.then(() => {
      this.#isApplying = false;
      return this.#record(batch);
    });
  }

  validate(command: unknown): void | Promise<void> {
    return this.onValidate(command);
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [];
  }

  async restore(): Promise<void> {}

  #record(batch: readonly Committed<unknown>[]): number[] {
    this.batchSizes.push(batch.length);
    return batch.map(({ logId, command }) => {
      this.logIds.push(logId);
      return this.commands.push(command);
    });
  }
}
