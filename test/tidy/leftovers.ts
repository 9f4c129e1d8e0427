import { type Finding, lineAt, type ProjectFile } from './project-files.ts';
import { isTest, type SourceFile, type SyntaxNode } from './source-file.ts';

// Each word is put together here, so that this file does not break its own rules.

const leftoverWords = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['XX', 'X'],
  ['HA', 'CK'],
].map((parts) => parts.join(''));
const leftovers = new RegExp(`\\b(${leftoverWords.join('|')})\\b`);

/** Paths that mean something on one machine only. */
const machinePaths = new RegExp(
  [
    ['(?<![\\w.])', 'work/'],
    ['(?<![\\w.])', 'root/'],
    ['(?<![\\w.])', 'home/\\w'],
    ['(?<![\\w.])', 'Users/\\w'],
    ['https?:/', 'registry\\.'],
  ]
    .map((parts) => parts.join('/'))
    .join('|'),
);

/** Words that must not stay, in any text of the project. */
export function findLeftoverWords(file: ProjectFile): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [index, text] of file.text.split('\n').entries()) {
    const word = leftovers.exec(text)?.[0];
    const line = index + 1;
    if (word !== undefined) {
      findings.push({ path: file.path, line, message: `"${word}": do it now or write it down.` });
    }
    const machinePath = machinePaths.exec(text)?.[0];
    if (machinePath !== undefined) {
      const message = `"${machinePath}" means something on one machine only.`;
      findings.push({ path: file.path, line, message });
    }
  }
  return findings;
}

const testFunctions = new Set(['test', 'it', 'describe', 'suite']);
const skippingWords = new Set(['skip', 'skipIf', 'runIf', 'todo', 'fails']);

/** Tests that were narrowed down to one, skipped without a reason, or that sleep. */
export function findTestLeftovers(file: SourceFile): readonly Finding[] {
  if (!isTest(file)) return [];
  const findings: Finding[] = [];
  for (const { node } of file.places) {
    const message = complaintAboutCall(file, node);
    if (message !== undefined) {
      const property = (node['property'] ?? node) as SyntaxNode;
      findings.push({ path: file.path, line: file.lineOf(property), message });
    }
  }
  for (const { specifier, line } of file.imports) {
    if (specifier !== 'node:timers/promises') continue;
    const message = 'Tests do not sleep: wait for a state, or step virtual time.';
    findings.push({ path: file.path, line, message });
  }
  return findings;
}

function complaintAboutCall(file: SourceFile, node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  const object = node['object'] as SyntaxNode;
  const property = node['property'] as SyntaxNode;
  if (!testFunctions.has(String(object['name']))) return undefined;
  const name = String(property['name']);
  if (name === 'only') return 'With ".only" the other tests of the file do not run.';
  if (!skippingWords.has(name) || isExplained(file, file.lineOf(property))) return undefined;
  return `".${name}" needs its reason in a comment on this line or the line before.`;
}

function isExplained(file: SourceFile, line: number): boolean {
  return file.comments.some((comment) => {
    const lastLine = lineAt(file.text, comment.end);
    return lastLine === line || lastLine === line - 1;
  });
}
