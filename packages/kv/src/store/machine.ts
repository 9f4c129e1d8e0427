import type { Committed, SnapshotMeta, StateMachine } from 'quorate';
import type { LeaseId, Revision } from '../types.ts';
import { KvStore } from './store.ts';

/** The hash of the state at an operation `mark`, the same on every member. */
export interface Mark {
  /** The log index of the command that it was in. */
  readonly index: number;
  readonly revision: Revision;
  readonly hash: string;
}

/** What one batch of commands, or a restored snapshot, did to the store. */
export interface Applied {
  /** The log index of the last command. */
  readonly index: number;
  readonly revision: Revision;
  /**
   * Leases that were granted or revoked, in order; one that was both is there twice. Empty after a
   * restore: then any of them may have changed.
   */
  readonly leases: readonly LeaseId[];
  readonly marks: readonly Mark[];
  readonly restored: boolean;
}

export interface KvStateMachineOptions {
  /** Told after each batch and after a restore, when the store is as it says. Must not throw. */
  readonly onApplied?: (applied: Applied) => void;
  /** Told before a compaction takes effect: the last moment for what it makes unreadable. */
  readonly onCompacting?: () => void;
}

/** The store as what Raft replicates: commands in, results out, both as bytes. */
export class KvStateMachine implements StateMachine<Uint8Array, Uint8Array> {
  readonly store: KvStore;
  readonly #onApplied: ((applied: Applied) => void) | undefined;

  constructor({ onApplied, onCompacting }: KvStateMachineOptions = {}) {
    this.store = new KvStore(onCompacting === undefined ? {} : { onCompacting });
    this.#onApplied = onApplied;
  }

  apply(batch: readonly Committed<Uint8Array>[]): Uint8Array[] {
    const { store } = this;
    const responses: Uint8Array[] = [];
    const leases: LeaseId[] = [];
    const marks: Mark[] = [];
    let index = 0;
    for (const { logId, command } of batch) {
      index = logId.index;
      responses.push(store.apply(command, index));
      const { changedLeases, marks: hashes } = store.takeNews();
      for (const id of changedLeases) leases.push(id);
      for (const { revision, hash } of hashes) marks.push({ index, revision, hash });
    }
    this.#onApplied?.({ index, revision: store.revision, leases, marks, restored: false });
    return responses;
  }

  async snapshot(): Promise<Iterable<Uint8Array>> {
    return this.store.snapshot({ reuses: true });
  }

  async restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void> {
    const { store } = this;
    const { index } = meta.lastLogId;
    await store.restore(chunks, { id: meta.id, index });
    this.#onApplied?.({ index, revision: store.revision, leases: [], marks: [], restored: true });
  }
}
