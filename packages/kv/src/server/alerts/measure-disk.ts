import { readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Measured } from './disk-room.ts';

/** Bytes that can be written to the disk that a folder is on. */
export type FreeBytes = (directory: string) => Promise<number>;

/** As the system says, to who is not its superuser. */
export const freeBytesOf: FreeBytes = async (directory) => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};

/** Asks the disk of a member's data, each time that it is called. */
export function measurerOf(
  directory: string,
  freeBytes: FreeBytes = freeBytesOf,
): () => Promise<Measured> {
  return async () => {
    const [free, logBytes, snapshotBytes] = await Promise.all([
      freeBytes(directory),
      bytesIn(path.join(directory, 'log')),
      bytesIn(path.join(directory, 'snapshots')),
    ]);
    return { freeBytes: free, logBytes, snapshotBytes };
  };
}

/** The sizes of the files in a folder, which has no more than a few dozen. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map(async (name) => {
    // It may have gone since, as files of the log do.
    const found = await stat(path.join(folder, name)).catch(() => undefined);
    return found?.isFile() === true ? found.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
