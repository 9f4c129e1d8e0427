import type { LogStore } from '../../contract/log-store.ts';
import type { TestFunction } from '../suite.ts';

/**
 * A log store to be tested. Every case opens a store of its own. A case whose hook is missing is
 * skipped, and its name says which hook it needs.
 */
export interface LogStoreSuiteOptions {
  readonly test: TestFunction;
  /** Opens an empty store, one that shares nothing with those opened before. */
  readonly open: () => Promise<LogStore>;
  /**
   * Closes the store the hard way, as a process that dies, and opens what is left. Leave it out for
   * a volatile store. The store may be one that was disposed, that refused a write, or that
   * `powerCut` handed out.
   */
  readonly reopen?: (store: LogStore) => Promise<LogStore>;
  /**
   * Runs `work` on an empty store, again and again, and cuts the power at every step in turn: the
   * write that is under way rejects, and so does `work`. Opens what each cut may leave on the disk,
   * hands it to `check`, and disposes it. Rejects if `check` does. Returns how many states were
   * checked.
   */
  readonly powerCut?: (
    work: (store: LogStore) => Promise<void>,
    check: (store: LogStore) => Promise<void>,
  ) => Promise<number>;
  /** Flips a bit of the stored entry at this index. */
  readonly damage?: (store: LogStore, index: number) => Promise<void>;
  /** Makes the next write of the store fail with this system error, and only that one. */
  readonly failWrite?: (store: LogStore, code: 'EIO' | 'ENOSPC') => void;
  /** Opens the same directory a second time. Also called once the store is disposed. */
  readonly openTwice?: (store: LogStore) => Promise<LogStore>;
  /** Set it for a store that has the optional `write`, and its cases are run as well. */
  readonly hasWrite?: true;
  /** The length of the long log, from 100 on. Default 20,000. */
  readonly longLogEntries?: number;
}
