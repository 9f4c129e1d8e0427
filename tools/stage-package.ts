import { cp, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { compileLibrary } from './commands.ts';
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
  for (const name of ['package.json', 'src']) {
    await cp(path.join(source, name), path.join(folder, name), { recursive: true });
  }
  return undefined;
}
