import type { SnapshotStore } from '../../contract/snapshot-store.ts';
import type { TestFunction } from '../suite.ts';

/**
 * A snapshot store to be tested. Every case opens a store of its own. A case whose hook is missing
 * is skipped, and its name says which hook it needs.
 */
export interface SnapshotStoreSuiteOptions {
  readonly test: TestFunction;
  /** Opens an empty store, one that shares nothing with those opened before. */
  readonly open: () => Promise<SnapshotStore>;
  /**
   * Closes the store the hard way, as a process that dies, and opens what is left. Leave it out for
   * a volatile store. The store may be one that was disposed. No call of it is under way then.
   */
  readonly reopen?: (store: SnapshotStore) => Promise<SnapshotStore>;
  /**
   * Runs `work` on an empty store, again and again, and cuts the power at every step in turn: the
   * call that is under way rejects, and so does `work`. Opens what each cut may leave on the disk,
   * hands it to `check`, and disposes it. Rejects if `check` does. Returns how many states were
   * checked.
   */
  readonly powerCut?: (
    work: (store: SnapshotStore) => Promise<void>,
    check: (store: SnapshotStore) => Promise<void>,
  ) => Promise<number>;
  /** Flips a bit in the content of the current snapshot. */
  readonly damage?: (store: SnapshotStore) => Promise<void>;
  /** Makes the next write to the disk fail with a system error of this code, once. */
  readonly failWrite?: (store: SnapshotStore, code: 'EIO' | 'ENOSPC') => void | Promise<void>;
  /** How much space the store takes, in bytes. */
  readonly storedBytes?: (store: SnapshotStore) => Promise<number>;
  /** The size of the large snapshot. Default 8 MiB. */
  readonly largeSnapshotBytes?: number;
}
