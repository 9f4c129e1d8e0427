import path from 'node:path';

import type { Finding, ProjectFile } from './project-files.ts';
import { isTest, resolveRelative, type SourceFile } from './source-file.ts';

/**
 * Files that nobody uses: not a test, not imported, and not named in any other file as a program
 * is by a script, a page or the code that starts it.
 */
export function findOrphans(
  sources: readonly SourceFile[],
  files: readonly ProjectFile[],
): readonly Finding[] {
  const imported = new Set<string>();
  for (const source of sources) {
    for (const { specifier } of source.imports) {
      if (specifier.startsWith('.')) imported.add(resolveRelative(source.path, specifier));
    }
  }
  return sources
    .filter((source) => !imported.has(source.path) && !isTest(source) && !isFoundByPlace(source))
    .filter((source) => !isNamed(source, files))
    .map((source) => ({
      path: source.path,
      line: 1,
      message: 'Nobody imports this file, and no script or page names it.',
    }));
}

/** Settings of tools and benchmarks, which are found by their place. */
function isFoundByPlace(source: SourceFile): boolean {
  return /^(bench\/)?[^/]+$/.test(source.path);
}

/**
 * A library file counts as named only in package.json, maybe as what is built of it; elsewhere the
 * last two parts must stand.
 */
function isNamed(source: SourceFile, files: readonly ProjectFile[]): boolean {
  const isLibrary = /^packages\/[^/]+\/src\//.test(source.path);
  const folder = path.posix.basename(path.posix.dirname(source.path));
  const base = path.posix.basename(source.path);
  // A neighbour names a program without its folder, as in `new URL('./main.ts', ...)`.
  const names = [`${folder}/${base}`, `./${base}`, `'${base}'`];
  return files.some((file) => {
    if (file.path === source.path) return false;
    if (isLibrary) {
      const built = `dist/${folder}/${base.replace(/\.ts$/, '.js')}`;
      const isPackage = file.path.endsWith('package.json');
      return isPackage && [names[0] ?? '', built].some((name) => file.text.includes(name));
    }
    const isNeighbour = path.posix.dirname(file.path) === path.posix.dirname(source.path);
    return names.some((name, index) => (index === 0 || isNeighbour) && file.text.includes(name));
  });
}
