import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const projectFolder = path.resolve(import.meta.dirname, '../../..');
const cacheFolder = path.join(projectFolder, 'node_modules', '.cache', 'quorate-bench', 'etcd');
const packageName = 'etcd-server';
const installTimeoutMs = 120_000;

/** Nothing to compare with. The message says what is missing. */
export class NoEtcdError extends Error {
  override readonly name = 'NoEtcdError';
}

/**
 * Returns the path of etcd's program: the installed one, or else the one of Debian's package, which
 * `apt-get` brings and which is unpacked beside the installed packages. So nothing is added to the
 * system, no service is started, and nobody has to be root.
 *
 * @throws {NoEtcdError} if there is none, and none can be had.
 */
export async function findEtcd({ mayInstall }: { readonly mayInstall: boolean }): Promise<string> {
  const installed = await inPath('etcd');
  if (installed !== undefined) return installed;
  const unpacked = path.join(cacheFolder, 'usr', 'bin', 'etcd');
  if (existsSync(unpacked)) return unpacked;
  if (!mayInstall) {
    throw new NoEtcdError(`There is no etcd here: install the package ${packageName}.`);
  }
  for (const program of ['apt-get', 'dpkg-deb']) {
    if ((await inPath(program)) !== undefined) continue;
    throw new NoEtcdError(
      `There is no etcd here, and no ${program} to get Debian's package ${packageName} with; ` +
        'put an etcd into the PATH.',
    );
  }
  await unpackPackage();
  return unpacked;
}

async function unpackPackage(): Promise<void> {
  await mkdir(path.dirname(cacheFolder), { recursive: true });
  const folder = await mkdtemp(`${cacheFolder}-`);
  try {
    const options = { cwd: folder, timeout: installTimeoutMs };
    await run('apt-get', ['download', packageName], options);
    const file = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get brought no package.');
    await run('dpkg-deb', ['--extract', file, 'content'], options);
    await rename(path.join(folder, 'content'), cacheFolder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NoEtcdError(
      `There is no etcd here, and "apt-get download ${packageName}" did not bring one ` +
        `("apt-get update" may have to come first): ${why}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function etcdVersion(program: string): Promise<string> {
  const { stdout } = await run(program, ['--version'], { timeout: 10_000 });
  return stdout.split('\n')[0]?.replace('etcd Version: ', '') ?? 'unknown';
}

/** The path of a program, if there is one of that name. */
export async function inPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // It is not here.
    }
  }
  return undefined;
}
