// Runs the memory store's suites under Mocha.

import { memoryStorage } from 'quorate/storage/memory';
import {
  logStoreSuite,
  recoverySuite,
  snapshotStoreSuite,
  type TestFunction,
} from 'quorate/testing';

// Mocha puts `it` among the globals before it loads this file.
const { it } = globalThis as unknown as { readonly it: TestFunction };

logStoreSuite({ test: it, open: async () => memoryStorage().log });
snapshotStoreSuite({ test: it, open: async () => memoryStorage().snapshots });
recoverySuite({ test: it, open: async () => memoryStorage() });
