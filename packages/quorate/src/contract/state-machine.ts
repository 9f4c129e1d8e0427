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
   * resolves; the chunks are read later, while new commands are already being applied.
   */
  snapshot(): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>>;

  /** Replaces the whole state by a snapshot's content. */
  restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void>;

  /**
   * Looks at a command on the leader before it enters the log; throw to refuse it. The state seen
   * here may change before the command is applied, so this saves work and decides nothing.
   */
  validate?(command: Command): void | Promise<void>;
}
