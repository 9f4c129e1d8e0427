import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A file of the project: its path from the top with `/`, and its text. */
export type ProjectFile = { readonly path: string; readonly text: string };

/** Something that breaks a rule. Printed as `path:line: message`, which editors can follow. */
export type Finding = { readonly path: string; readonly line: number; readonly message: string };

const ignoredFolders = new Set(['node_modules', 'dist', 'coverage', 'data', '.git']);
const binaryExtensions = new Set(['.png', '.jpg', '.gif', '.ico', '.gz', '.tgz', '.node']);

/** All files of the project that are written by hand. Walks folders, since a copy has no git. */
export function readProject(root: string): readonly ProjectFile[] {
  const files: ProjectFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && !ignoredFolders.has(entry.name)) visit(name);
      if (!entry.isFile() || entry.name === 'package-lock.json') continue;
      if (binaryExtensions.has(path.extname(name))) files.push({ path: name, text: '' });
      else files.push({ path: name, text: readFileSync(path.join(root, name), 'utf8') });
    }
  };
  visit('');
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

export function formatFinding(finding: Finding): string {
  return `${finding.path}:${finding.line}: ${finding.message}`;
}

/** The line, from 1, in which the character at `offset` stands. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}
