import type { Committed, StateMachine } from 'quorate';

/** Answers every command with nothing: what is left is the cost of the library. */
export class EmptyStateMachine implements StateMachine<Uint8Array, undefined> {
  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    return new Array<undefined>(batch.length).fill(undefined);
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [];
  }

  async restore(): Promise<void> {}
}
