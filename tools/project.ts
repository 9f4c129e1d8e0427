import { mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** The top folder of the project. */
export const projectRoot: string = path.dirname(import.meta.dirname);

/** A program that a dependency of the project brings. */
export function installedProgram(name: string): string {
  return path.join(projectRoot, 'node_modules', '.bin', name);
}

/**
 * Calls `work` with a new folder outside the tree and removes the folder afterwards. What runs in
 * it finds the installed packages.
 */
export async function withTemporaryFolder<Result>(
  name: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `quorate-${name}-`));
  try {
    await symlink(path.join(projectRoot, 'node_modules'), path.join(folder, 'node_modules'));
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
