import type { Storage } from '../../contract/storage.ts';
import type { TestFunction } from '../suite.ts';

/** A storage on which real nodes are started, stopped and started again. */
export interface RecoverySuiteOptions {
  readonly test: TestFunction;
  /** Opens an empty storage, one that shares nothing with those opened before. */
  readonly open: () => Promise<Storage>;
  /**
   * Closes the storage the hard way, as a process that dies, and opens what is left. Leave it out
   * for a volatile storage: then the next node gets the same object, as it is.
   */
  readonly reopen?: (storage: Storage) => Promise<Storage>;
}
