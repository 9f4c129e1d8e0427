import { findLeftoverWords, findTestLeftovers } from './leftovers.ts';
import { findBrokenLinks } from './links.ts';
import { findOrphans } from './orphans.ts';
import { findOutsideWorld } from './outside-world.ts';
import type { Finding, ProjectFile } from './project-files.ts';
import { findForbiddenImports } from './rooms.ts';
import { findOversize } from './sizes.ts';
import { isSource, parseSource } from './source-file.ts';

/** Everything in these files that breaks a rule of the house which a program can check. */
export function findUntidiness(files: readonly ProjectFile[]): readonly Finding[] {
  const sources = files.filter(isSource).map(parseSource);
  return [
    ...sources.flatMap(findForbiddenImports),
    ...sources.flatMap(findOutsideWorld),
    ...sources.flatMap(findOversize),
    ...sources.flatMap(findTestLeftovers),
    ...findOrphans(sources, files),
    ...files.flatMap(findLeftoverWords),
    ...findBrokenLinks(files),
  ];
}
