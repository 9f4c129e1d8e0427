import type { Storage } from '../contract/storage.ts';
import type { FileSystem } from '../platform/file-system.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { MemorySnapshotStore } from './memory/snapshot-store.ts';
import { WalLogStore } from './wal/wal-log-store.ts';

export { WalLogStore } from './wal/wal-log-store.ts';

export interface WalOptions {
  /** Size of one file of the log, in bytes; at least 4 KiB. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** Below this the store says that it is low on room. Default: room for two segments. */
  readonly minFreeBytes?: number;
  /**
   * Writes resolve before they are on the disk. Faster, and wrong: after a power cut the node
   * forgets what it has promised, its vote included. For tests and throw-away clusters.
   */
  readonly unsafeNoSync?: boolean;
  /** The files to work with. Default: Node's. */
  readonly files?: FileSystem;
  /** Default: Node's. */
  readonly runtime?: Runtime;
}

/** A log store that has a name for how much room there is. */
export interface WalStorage extends Storage {
  readonly log: WalLogStore;
}

const mebibyte = 1024 * 1024;

/**
 * Opens the durable storage of one node in `directory`, which is made if it is not there.
 *
 * The log is in `directory/log`. Snapshots are kept in memory in this version, so nothing is purged
 * yet, and a restart replays the log.
 *
 * @throws {LockedError} if the directory is in use.
 * @throws {DamagedError} if what is there is not what was written; see its `file` and `offset`.
 */
export async function walStorage(directory: string, options: WalOptions = {}): Promise<WalStorage> {
  const { segmentBytes = 16 * mebibyte, files = nodeFileSystem } = options;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 4096) {
    throw new RangeError(
      `segmentBytes must be a whole number of bytes, at least 4096; it is ${String(segmentBytes)}.`,
    );
  }
  const log = await WalLogStore.open({
    directory: `${directory}/log`,
    files,
    runtime: options.runtime ?? nodeRuntime,
    segmentBytes: Math.ceil(segmentBytes / 4096) * 4096,
    minFreeBytes: options.minFreeBytes ?? 2 * segmentBytes,
    unsafeNoSync: options.unsafeNoSync ?? false,
  });
  const snapshots = new MemorySnapshotStore();
  return {
    log,
    snapshots,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      await snapshots[Symbol.asyncDispose]();
    },
  };
}
