import { describe, test } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { logStoreSuite } from '../../src/testing/log-store-suite.ts';
import { recoverySuite } from '../../src/testing/recovery-suite.ts';
import { snapshotStoreSuite } from '../../src/testing/snapshot-store-suite.ts';

describe('the log in memory', () => {
  logStoreSuite({ test, open: async () => memoryStorage().log });
});

describe('snapshots in memory', () => {
  snapshotStoreSuite({ test, open: async () => memoryStorage().snapshots });
});

describe('nodes on storage in memory', () => {
  recoverySuite({ test, open: async () => memoryStorage() });
});
