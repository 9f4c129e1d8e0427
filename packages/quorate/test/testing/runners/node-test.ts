// Runs the memory store's suites under node:test.

import { test } from 'node:test';
import { memoryStorage } from 'quorate/storage/memory';
import { logStoreSuite, recoverySuite, snapshotStoreSuite } from 'quorate/testing';

logStoreSuite({ test, open: async () => memoryStorage().log });
snapshotStoreSuite({ test, open: async () => memoryStorage().snapshots });
recoverySuite({ test, open: async () => memoryStorage() });
