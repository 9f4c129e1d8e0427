import type { SnapshotReceiver, SnapshotWhole } from '../../contract/snapshot-store.ts';
import { StoppedError } from '../../errors.ts';
import type { Draft } from './draft.ts';

/** What the store does for its receivers. */
export interface ReceiverOwner {
  /** @throws {StoppedError} if another receiver is the latest, or none. */
  demandLatest(receiver: Receiver): void;
  finish(receiver: Receiver, whole: SnapshotWhole): Promise<void>;
  discard(receiver: Receiver): Promise<void>;
  /** The disk did not take what was received. */
  failed(receiver: Receiver, cause: unknown): Promise<void>;
}

/** Receives one snapshot, until it is whole or another receiver begins. */
export class Receiver implements SnapshotReceiver {
  readonly #owner: ReceiverOwner;
  #part: Draft | undefined = undefined;
  #isBusy = false;

  constructor(owner: ReceiverOwner) {
    this.#owner = owner;
  }

  /** Where it goes on; it is handed out only once it knows. */
  begin(part: Draft): void {
    this.#part = part;
  }

  get offset(): number {
    return this.#part?.whole.size ?? 0;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#alone(async (part) => {
      try {
        await part.add(chunk, () => this.#owner.demandLatest(this));
      } catch (error) {
        // If its time was over, it is of no interest that the disk failed as well.
        this.#owner.demandLatest(this);
        await this.#owner.failed(this, error);
        throw error;
      }
    });
  }

  finish(whole: SnapshotWhole): Promise<void> {
    return this.#alone(() => this.#owner.finish(this, whole));
  }

  discard(): Promise<void> {
    return this.#owner.discard(this);
  }

  async #alone(call: (part: Draft) => Promise<void>): Promise<void> {
    this.#owner.demandLatest(this);
    if (this.#part === undefined) throw new StoppedError('This snapshot receiver never began.');
    if (this.#isBusy) {
      throw new TypeError('A snapshot receiver does one thing at a time; await the call before.');
    }
    this.#isBusy = true;
    try {
      await call(this.#part);
    } finally {
      this.#isBusy = false;
    }
  }
}
