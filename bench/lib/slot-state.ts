import type { Committed, StateMachine } from 'quorate';

/** What the library counts an entry as, besides its command. */
const frameBytes = 64;

/** A state of one size: each command replaces the bytes of one slot, in turn. */
export class SlotState implements StateMachine<Uint8Array, undefined> {
  readonly #slots: number;
  readonly #slotBytes: number;
  #bytes: Uint8Array;
  /** Bytes of all that was applied, as the policy of snapshots counts them. */
  appliedBytes = 0;
  /** The same at the moment of the newest snapshot. */
  frozenAtBytes = 0;

  constructor(slots: number, slotBytes: number) {
    this.#slots = slots;
    this.#slotBytes = slotBytes;
    this.#bytes = new Uint8Array(slots * slotBytes);
  }

  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    for (const { command, logId } of batch) {
      this.#bytes.set(command, (logId.index % this.#slots) * this.#slotBytes);
      this.appliedBytes += command.length + frameBytes;
    }
    return new Array<undefined>(batch.length).fill(undefined);
  }

  async snapshot(): Promise<Uint8Array[]> {
    this.frozenAtBytes = this.appliedBytes;
    return [this.#bytes.slice()];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let at = 0;
    const bytes = new Uint8Array(this.#bytes.length);
    for await (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#bytes = bytes;
  }
}
