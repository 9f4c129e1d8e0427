import type { RocksState } from '@quorate/rocksdb';
import type { Committed, DurableStateMachine, LibraryRecord, SnapshotMeta } from 'quorate';
import type { Applied, KvStateMachineOptions } from '../store/machine.ts';
import { applyCommand, keysIn, readCommand, type Told } from './applying.ts';
import { loadRocks } from './load-rocks.ts';
import { RocksKvStore, type RocksStoreOptions } from './store.ts';

export interface RocksMachineOptions extends KvStateMachineOptions {
  /** See `RocksStoreOptions`. */
  readonly tailBytes?: RocksStoreOptions['tailBytes'];
  /** See `RocksStateOptions`. */
  readonly writeBufferBytes?: number | undefined;
}

/**
 * The store on RocksDB as what Raft replicates: it keeps how far it has applied with its state, so
 * a start applies what came after that, and nothing else.
 */
export class RocksKvMachine implements DurableStateMachine<Uint8Array, Uint8Array> {
  readonly store: RocksKvStore;
  readonly #state: RocksState;
  readonly #onApplied: ((applied: Applied) => void) | undefined;

  private constructor(
    state: RocksState,
    store: RocksKvStore,
    onApplied: ((applied: Applied) => void) | undefined,
  ) {
    this.#state = state;
    this.store = store;
    this.#onApplied = onApplied;
  }

  /**
   * Opens the state in a folder, which is made if it is not there.
   *
   * @throws {Error} that says what to install, if `@quorate/rocksdb` is not there.
   * @throws {LockedError | DamagedError | UnsupportedError} as `RocksState.open`.
   */
  static async open(
    directory: string,
    { onApplied, onCompacting, tailBytes, writeBufferBytes }: RocksMachineOptions = {},
  ): Promise<RocksKvMachine> {
    const { RocksState: State } = await loadRocks();
    const state = await State.open(
      directory,
      writeBufferBytes === undefined ? {} : { writeBufferBytes },
    );
    try {
      const store = await RocksKvStore.open(state, { onCompacting, tailBytes });
      return new RocksKvMachine(state, store, onApplied);
    } catch (error) {
      await state.close();
      throw error;
    }
  }

  async apply(
    batch: readonly Committed<Uint8Array>[],
    seal: (responses: readonly Uint8Array[]) => readonly LibraryRecord[],
  ): Promise<Uint8Array[]> {
    const { store } = this;
    const draft = await store.draft();
    const commands = batch.map(({ logId, command }) => readCommand(command, logId.index));
    await draft.load([...new Set(commands.flatMap((command) => [...keysIn(command)]))]);
    const responses: Uint8Array[] = [];
    const told: Told = { leases: [], marks: [] };
    for (const command of commands) responses.push(await applyCommand(draft, command, told));
    await store.take(draft, seal(responses));
    const index = batch.at(-1)?.logId.index;
    if (index !== undefined) {
      this.#onApplied?.({ index, revision: store.revision, ...told, restored: false });
    }
    store.trimTail();
    return responses;
  }

  async snapshot(): Promise<AsyncIterable<Uint8Array>> {
    return this.store.snapshot({ reuses: true });
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const { store } = this;
    const { index } = meta.lastLogId;
    await store.restore(chunks, { id: meta.id, index }, records);
    this.#onApplied?.({ index, revision: store.revision, leases: [], marks: [], restored: true });
  }

  libraryRecords(): AsyncIterable<LibraryRecord> {
    return this.#state.libraryRecords();
  }

  async flush(): Promise<void> {
    await this.#state.flush();
  }

  /** Ends all reading, and gives the folder free. */
  async close(): Promise<void> {
    await this.store.close();
    await this.#state.close();
  }
}
