import type { Storage } from '../contract/storage.ts';
import type { FileSystem } from '../platform/file-system.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import {
  FileSnapshotStore,
  type FileSnapshotStoreOptions,
} from './snapshots/file-snapshot-store.ts';
import { WalLogStore } from './wal/wal-log-store.ts';

export type {
  LogRecord,
  StorageFault,
  StorageFinding,
  StorageSummary,
} from './findings.ts';
export { type InspectOptions, inspectStorage } from './inspect-storage.ts';
export { WalLogStore } from './wal/wal-log-store.ts';

export interface WalOptions {
  /** Size of one file of the log, in bytes; at least 4 KiB. Default 16 MiB. */
  readonly segmentBytes?: number;
  /**
   * Below this the store says that it is low on room (`isLow`); at least one segment. Default: room
   * for two.
   */
  readonly minFreeBytes?: number;
  /**
   * Make each segment before it is needed, in the background. Without it there is one file less,
   * and the write that needs a new segment waits until that is made. Default `true`.
   */
  readonly preallocate?: boolean;
  /**
   * Writes resolve before they are on the disk, snapshots too. Faster, and wrong: after a power cut
   * the node forgets what it has promised, its vote included. For tests and throw-away clusters.
   */
  readonly unsafeNoSync?: boolean;
  /**
   * Small writes of the log, of up to 64 KiB, are done by the event loop itself as long as the disk
   * is quick: half a millisecond for each, on average, or less. That saves two thread switches,
   * which take longer than such a write. A disk that hangs holds up the whole process then, as if
   * it were stopped, and the others elect another leader. With `false`, and elsewhere than on
   * Linux, threads of Node's pool write. Default `true`.
   */
  readonly blockingWrites?: boolean;
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
 * The log is in `directory/log`, snapshots are in `directory/snapshots`. The lock of the log stands
 * for both.
 *
 * @throws {LockedError} if the directory is in use.
 * @throws {DamagedError} if what is there is not what was written; see its `file` and `offset`.
 */
export async function walStorage(directory: string, options: WalOptions = {}): Promise<WalStorage> {
  const { segmentBytes = 16 * mebibyte, files = nodeFileSystem } = options;
  demand(
    Number.isSafeInteger(segmentBytes) && segmentBytes >= 4096 && segmentBytes <= 2 ** 30,
    `segmentBytes must be a whole number of bytes from 4096 to 2^30; it is ${String(segmentBytes)}.`,
  );
  const { minFreeBytes = 2 * segmentBytes } = options;
  demand(
    Number.isSafeInteger(minFreeBytes) && minFreeBytes >= segmentBytes,
    `minFreeBytes must be at least segmentBytes (${segmentBytes}), the room for the next segment; it is ${String(minFreeBytes)}.`,
  );
  for (const name of ['preallocate', 'unsafeNoSync', 'blockingWrites'] as const) {
    const value: unknown = options[name] ?? false;
    demand(typeof value === 'boolean', `${name} must be true or false; it is ${String(value)}.`);
  }
  const { unsafeNoSync = false } = options;
  const log = await WalLogStore.open({
    directory: `${directory}/log`,
    files,
    runtime: options.runtime ?? nodeRuntime,
    segmentBytes: Math.ceil(segmentBytes / 4096) * 4096,
    minFreeBytes,
    preallocate: options.preallocate ?? true,
    unsafeNoSync,
    blockingWrites: options.blockingWrites ?? true,
  });
  const snapshots = await openSnapshots(directory, { files, unsafeNoSync }, log);
  return {
    log,
    snapshots,
    async [Symbol.asyncDispose]() {
      // The log has the lock, so it goes last.
      try {
        await snapshots[Symbol.asyncDispose]();
      } finally {
        await log[Symbol.asyncDispose]();
      }
    },
  };
}

async function openSnapshots(
  directory: string,
  options: Pick<FileSnapshotStoreOptions, 'files' | 'unsafeNoSync'>,
  log: WalLogStore,
): Promise<FileSnapshotStore> {
  try {
    return await FileSnapshotStore.open({ directory: `${directory}/snapshots`, ...options });
  } catch (error) {
    await log[Symbol.asyncDispose]();
    throw error;
  }
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message);
}
