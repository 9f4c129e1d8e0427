import { cp, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { compileDependent, compileLibrary, type Dependent } from './commands.ts';
import { projectRoot } from './project.ts';

const source = path.join(projectRoot, 'packages', 'quorate');

/** The part of package.json that is read here. */
export type PackageJson = {
  readonly exports: Readonly<Record<string, { readonly types: string }>>;
};

export function readPackageJson(): Promise<PackageJson> {
  return readFile(path.join(source, 'package.json'), 'utf8').then(
    (text) => JSON.parse(text) as PackageJson,
  );
}

/**
 * Lays out the library in `folder` as it would be published, freshly compiled. Returns the
 * compiler's output if it refused.
 */
export async function stagePackage(folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const { exitCode, output } = await compileLibrary(path.join(folder, 'dist'));
  if (exitCode !== 0) return output;
  await copyParts(source, folder);
  return undefined;
}

/** The same for a package made of the library, which is staged in `library`. */
export async function stageDependent(
  name: Dependent,
  folder: string,
  library: string,
): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const { exitCode, output } = await compileDependent(name, path.join(folder, 'dist'), {
    library: path.join(library, 'dist'),
    folder: path.dirname(folder),
  });
  if (exitCode !== 0) return output;
  await copyParts(path.join(projectRoot, 'packages', name), folder);
  return undefined;
}

async function copyParts(from: string, to: string): Promise<void> {
  const { files } = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8')) as {
    readonly files: readonly string[];
  };
  for (const name of ['package.json', ...files.filter((file) => file !== 'dist')]) {
    await cp(path.join(from, name), path.join(to, name), { recursive: true });
  }
}
