import type { Storage } from '../contract/storage.ts';
import { MemoryLogStore } from './memory/log-store.ts';
import { MemorySnapshotStore } from './memory/snapshot-store.ts';

/**
 * Returns a new, empty storage that lives as long as the object. Everything is lost when the
 * process ends, so a node with it must never come back under its old id after that; it is meant for
 * tests, for trying things out, and as the shortest example of a store.
 *
 * A node does not dispose the storage it was given. After the node is closed, the same object can
 * be handed to a second `Raft.start`, which then continues where the first one ended.
 */
export function memoryStorage(): Storage {
  const log = new MemoryLogStore();
  const snapshots = new MemorySnapshotStore();
  return {
    log,
    snapshots,
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]();
      await snapshots[Symbol.asyncDispose]();
    },
  };
}
