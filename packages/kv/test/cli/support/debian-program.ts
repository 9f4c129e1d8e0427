import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { inPath } from '../../../../../bench/lib/etcd/etcd-program.ts';

const run = promisify(execFile);
const cacheFolder = path.join(
  ...[import.meta.dirname, '..', '..', '..', '..', '..', 'node_modules', '.cache', 'quorate-test'],
);
const installTimeoutMs = 120_000;

/** A program that Debian has. */
export interface Wanted {
  readonly name: string;
  /** What it consists of, as far as small systems lack it. */
  readonly packages: readonly string[];
  /** Where it lies in them. */
  readonly file: string;
}

export interface Found {
  readonly program: string;
  /** What the packages were unpacked into; `undefined` if the program is installed. */
  readonly root: string | undefined;
}

/**
 * Finds a program, or brings it by `apt-get` and unpacks it beside the installed packages: nothing
 * is added to the system. Where that cannot be done, says what is missing.
 */
export async function findProgram({
  name,
  packages,
  file,
}: Wanted): Promise<Found | { readonly missing: string }> {
  const installed = await inPath(name);
  if (installed !== undefined) return { program: installed, root: undefined };
  const root = path.join(cacheFolder, name);
  if (!existsSync(root)) {
    try {
      await unpack(packages, root);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const missing = `There is no ${name} here, and "apt-get download" did not bring it ("apt-get update" may have to come first; or install ${packages.join(' ')}): ${why}`;
      return { missing };
    }
  }
  return { program: path.join(root, file), root };
}

async function unpack(packages: readonly string[], root: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(`${root}-`);
  try {
    const options = { cwd: folder, timeout: installTimeoutMs };
    await run('apt-get', ['download', ...packages], options);
    for (const file of await readdir(folder)) {
      if (file.endsWith('.deb')) await run('dpkg-deb', ['--extract', file, 'content'], options);
    }
    await rename(path.join(folder, 'content'), root);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
