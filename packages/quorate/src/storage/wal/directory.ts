import { dirname } from 'node:path';
import type { FileSystem } from '../../platform/file-system.ts';

/**
 * Makes a directory whose name is on the disk, and those above it. A log in a directory that a
 * power cut takes away is lost, however well its files were written.
 */
export async function makeDurableDirectory(files: FileSystem, directory: string): Promise<void> {
  await files.makeDirectory(directory);
  for (let at = directory; dirname(at) !== at; at = dirname(at)) {
    try {
      await files.syncDirectory(dirname(at));
    } catch (error) {
      // We cannot have made anything where we may not even look, nor above it.
      if (isForbidden(error)) return;
      throw error;
    }
  }
}

/** What was being prepared when the last process ended. */
export async function removeLeftovers(files: FileSystem, directory: string): Promise<void> {
  for (const name of await files.readDirectory(directory)) {
    if (name.endsWith('.tmp')) await files.unlink(`${directory}/${name}`);
  }
}

function isForbidden(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM';
}
