import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import type { Entry, SnapshotMeta } from '../../src/core/types.ts';

/**
 * A snapshot as a walk knows it: the last entry it covers, which stands for all before it, and the
 * state machine's state, a hash of all that was applied.
 */
export interface SavedSnapshot {
  readonly meta: SnapshotMeta;
  readonly entry: Entry;
  readonly hash: number;
}

/** Every snapshot has as many bytes; enough to break off in the middle. */
export const snapshotSize = 4;

/** A snapshot on its way into a node's store. */
export interface Reception {
  readonly request: number;
  readonly rpc: InstallSnapshotRequest;
  readonly snapshot: SavedSnapshot;
  /** A newer one took over, so that it comes to nothing. */
  isOver: boolean;
  /** All of it is on the disk, and nobody was told. */
  isSaved: boolean;
}

/** A snapshot that is to become the state machine's state. */
export interface Restore {
  readonly snapshot: SavedSnapshot;
  /** How far the state machine was to apply before; that may go on for a while. */
  readonly applying: number;
}
