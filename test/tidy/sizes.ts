import type { Finding } from './project-files.ts';
import { type Place, type SourceFile, type SyntaxNode } from './source-file.ts';

const maxFileLines = 350;
const maxFunctionLines = 60;
const maxCommentColumns = 100;

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
]);

export function findOversize(file: SourceFile): readonly Finding[] {
  return [...findLongFile(file), ...findLongFunctions(file), ...findWideComments(file)];
}

function findLongFile(file: SourceFile): readonly Finding[] {
  const lineCount = file.text.trimEnd().split('\n').length;
  if (lineCount <= maxFileLines) return [];
  const message = `The file has ${lineCount} lines; ${maxFileLines} is the end. Split it by idea.`;
  return [{ path: file.path, line: maxFileLines + 1, message }];
}

function findLongFunctions(file: SourceFile): readonly Finding[] {
  const findings: Finding[] = [];
  for (const place of file.places) {
    const { node } = place;
    if (!functionTypes.has(node.type) || isGroupOfTests(place)) continue;
    const line = file.lineOf(node);
    const lineCount = file.text.slice(node.start, node.end).split('\n').length;
    if (lineCount <= maxFunctionLines) continue;
    const message = `The function has ${lineCount} lines; ${maxFunctionLines} is a screen.`;
    findings.push({ path: file.path, line, message });
  }
  return findings;
}

/** Whether the function does little else than to register tests; a group is as long as they are. */
function isGroupOfTests({ node }: Place): boolean {
  const body = node['body'] as SyntaxNode;
  if (body.type !== 'BlockStatement') return false;
  return (body['body'] as readonly SyntaxNode[]).some((statement) => {
    const expression = statement['expression'] as SyntaxNode | undefined;
    if (statement.type !== 'ExpressionStatement' || expression === undefined) return false;
    return registeringNames.has(calledName(expression) ?? '');
  });
}

const registeringNames = new Set(['test', 'it', 'describe']);

/** `test` for `test(...)`, `test.each(...)(...)` and the like. */
function calledName(expression: SyntaxNode): string | undefined {
  if (expression.type === 'Identifier') return String(expression['name']);
  const inner = expression['callee'] ?? expression['object'];
  return inner === undefined ? undefined : calledName(inner as SyntaxNode);
}

/** The formatter keeps code within the width, but leaves comments as they are. */
function findWideComments(file: SourceFile): readonly Finding[] {
  const findings: Finding[] = [];
  const lines = file.text.split('\n');
  for (const comment of file.comments) {
    const from = file.lineOf(comment);
    const to = file.lineOf({ start: comment.end });
    for (let line = from; line <= to; line += 1) {
      const text = lines[line - 1] ?? '';
      if (text.length <= maxCommentColumns || text.includes('://')) continue;
      const message = `The comment is ${text.length} columns wide; ${maxCommentColumns} is the end.`;
      findings.push({ path: file.path, line, message });
    }
  }
  return findings;
}
