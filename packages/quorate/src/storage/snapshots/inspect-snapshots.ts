import type { EffectiveMembership, LogId, LogIndex } from '../../core/types.ts';
import { DamagedError } from '../../errors.ts';
import type { FileSystem } from '../../platform/file-system.ts';
import type { StorageFault, StorageFinding } from '../findings.ts';
import { openSaved } from './find-snapshots.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';

const snapshotPattern = /^\d{16}\.snap$/;
const leftoverPattern = /^\d{16}\.(part|tmp)$/;

/** The whole snapshots of a folder, the newest last; without one if there is no folder. */
export async function snapshotsIn(files: FileSystem, directory: string): Promise<string[]> {
  const names = await namesIn(files, directory);
  return names.filter((name) => snapshotPattern.test(name)).map((name) => `${directory}/${name}`);
}

/** Reads the snapshots of a folder, block by block, and changes nothing. */
export class SnapshotInspection {
  readonly #files: FileSystem;
  readonly #directory: string;
  /** What the newest one covers, if it is right. */
  newest: LogId | undefined = undefined;
  membership: EffectiveMembership | undefined = undefined;

  constructor(files: FileSystem, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** `purged`: up to which entry there is only a snapshot; it is asked when that is damaged. */
  async *run(purged: () => LogIndex): AsyncGenerator<StorageFinding, void, undefined> {
    const [files, directory] = [this.#files, this.#directory];
    for (const name of await namesIn(files, directory)) {
      if (leftoverPattern.test(name)) yield { type: 'leftover', file: `${directory}/${name}` };
    }
    const paths = await snapshotsIn(files, directory);
    for (const [at, file] of paths.entries()) {
      const isNewest = at === paths.length - 1;
      // A start removes it: the one after it is whole.
      if (isNewest) yield* this.#snapshot(file, purged);
      else yield { type: 'leftover', file };
    }
  }

  async *#snapshot(
    file: string,
    purged: () => LogIndex,
  ): AsyncGenerator<StorageFinding, void, undefined> {
    const pieceBytes = 1024 * 1024;
    const directory = new SnapshotDirectory({
      directory: this.#directory,
      files: this.#files,
      blockBytes: pieceBytes,
      pieceBytes,
      syncBytes: pieceBytes,
      unsafeNoSync: true,
    });
    try {
      const saved = await openSaved(directory, file);
      try {
        const { meta, size } = saved.snapshot;
        for await (const { length } of saved.snapshot.chunks()) {
          yield { type: 'progress', bytes: length };
        }
        this.newest = meta.lastLogId;
        this.membership = meta.membership;
        yield { type: 'snapshot', file, bytes: size, meta };
      } finally {
        await saved.close();
      }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      yield faultOf(error, purged());
    }
  }
}

function faultOf({ file, offset, message }: DamagedError, purged: LogIndex): StorageFault {
  const what = message.slice(message.indexOf(': ') + 2).split('. ')[0] ?? message;
  const wanted = 'a snapshot as it was written';
  const fault = { type: 'fault', file, offset, wanted, found: what, isFatal: true } as const;
  // What is behind that is in the log still.
  return purged === 0 ? fault : { ...fault, lost: { from: 1, to: purged } };
}

async function namesIn(files: FileSystem, directory: string): Promise<string[]> {
  try {
    return await files.readDirectory(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
