import { formatFinding } from './project-files.ts';
import { findUntidiness } from './tidy.ts';

/** What the tidy test would print about a project of these files, path to text. */
export function findingsIn(tree: Readonly<Record<string, string>>): readonly string[] {
  const files = Object.entries(tree).map(([path, text]) => ({ path, text }));
  return findUntidiness(files).map(formatFinding);
}

/** Findings about one library file; the files that it imports are there and used. */
export function findingsInSource(path: string, text: string): readonly string[] {
  const source = `packages/quorate/src/${path}`;
  const user = { path: 'packages/quorate/test/user.test.ts', text: `import '../src/${path}';` };
  return findingsIn({ [source]: text, [user.path]: user.text });
}
