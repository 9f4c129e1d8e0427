import type { LogId, SnapshotMeta } from '../core/types.ts';

/** A command that a quorum has stored. It will never be taken back. */
export interface Committed<Command> {
  readonly logId: LogId;
  readonly command: Command;
}

/**
 * What the application replicates. Every node applies the same commands in the same order, so
 * `apply` must be deterministic: no clock, no randomness, no reading of anything but the commands
 * and the state they built. Calls never overlap.
 */
export interface StateMachine<Command, Response> {
  /**
   * Applies commands in order and returns one response for each. On the node where a command was
   * written, its response answers the writer; elsewhere it is dropped. A refusal the application
   * expects ("no such account") is a response. A throw stops the node.
   */
  apply(batch: readonly Committed<Command>[]): readonly Response[] | Promise<readonly Response[]>;

  /**
   * Freezes the state and returns it as chunks. The state must be frozen when the promise
   * resolves; the chunks are read later, while new commands are already being applied. A chunk is
   * done with when the next one is asked for, which may have its memory: a large state whose
   * chunks are all new memory costs collections of the whole heap.
   */
  snapshot(): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>>;

  /** Replaces the whole state by a snapshot's content. A throw stops the node. */
  restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void>;

  /**
   * Looks at a command on the leader before it enters the log; throw to refuse it. The state seen
   * here may change before the command is applied, so this saves work and decides nothing.
   */
  validate?(command: Command): void | Promise<void>;
}

/** A small thing the library asks a durable state machine to keep for it; no value: remove it. */
export interface LibraryRecord {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * A state machine with its state on its own disk (RocksDB, SQL). It is not rebuilt from snapshot
 * and log at start, so what the library knows with it (how far it has applied, client sessions)
 * must move in the same atomic write. A machine with `libraryRecords` is taken for one.
 *
 * Nothing here has to survive power loss the moment it resolves: at start the library goes on after
 * the last `seal` that is there, and restores its newest snapshot if the log no longer reaches back
 * that far. What must hold is that state and records are always of the same moment.
 */
export interface DurableStateMachine<Command, Response>
  extends Omit<StateMachine<Command, Response>, 'apply' | 'restore'> {
  /**
   * As `StateMachine.apply`; keeps what `seal(responses)` returns in the same atomic write. The
   * batch may be empty: then there is nothing but the records.
   */
  apply(
    batch: readonly Committed<Command>[],
    seal: (responses: readonly Response[]) => readonly LibraryRecord[],
  ): readonly Response[] | Promise<readonly Response[]>;

  /**
   * Replaces the whole state by a snapshot's content and all library records by `records`, all or
   * nothing: after a crash the old state is there with the old records, or the new with the new.
   */
  restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void>;

  /** Streams back all records that are kept. */
  libraryRecords(): AsyncIterable<LibraryRecord>;

  /**
   * Makes everything applied so far survive power loss. Called after a snapshot was saved, before
   * the log behind it is purged; it saves restoring that snapshot after a power loss.
   */
  flush?(): Promise<void>;
}

/** A state machine of either kind: what `Raft.start` takes. */
export interface AnyStateMachine<Command, Response>
  extends Omit<StateMachine<Command, Response>, 'apply' | 'restore'>,
    Pick<DurableStateMachine<Command, Response>, 'apply' | 'restore'>,
    Partial<Pick<DurableStateMachine<Command, Response>, 'libraryRecords' | 'flush'>> {}
