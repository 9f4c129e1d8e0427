import path from 'node:path';

import { parseSync, visitorKeys } from 'oxc-parser';

import { lineAt, type ProjectFile } from './project-files.ts';

/** A node of the syntax tree, as far as the rules look into it. */
export type SyntaxNode = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
};

/** A node on the way down, with the node that holds it and under which key. */
export type Place = {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode | undefined;
  readonly key: string;
};

/** A module that a file names in an import or an export, or as the type of an import. */
export type ImportedModule = {
  readonly specifier: string;
  readonly line: number;
  readonly isTypeOnly: boolean;
};

/** A program text of the project, parsed. */
export type SourceFile = ProjectFile & {
  readonly places: readonly Place[];
  readonly comments: readonly { readonly start: number; readonly end: number }[];
  readonly imports: readonly ImportedModule[];
  lineOf(node: { readonly start: number }): number;
};

export function isSource(file: ProjectFile): boolean {
  return /\.(ts|mts|mjs|js)$/.test(file.path) && !file.path.endsWith('.d.ts');
}

export function isTest(file: ProjectFile): boolean {
  return file.path.endsWith('.test.ts');
}

/** Throws if the text has a syntax error, with the place. */
export function parseSource(file: ProjectFile): SourceFile {
  const parsed = parseSync(file.path, file.text, { sourceType: 'module' });
  const error = parsed.errors[0];
  if (error !== undefined) {
    const line = lineAt(file.text, error.labels[0]?.start ?? 0);
    throw new SyntaxError(`${file.path}:${line}: ${error.message}`);
  }
  const places = placesIn(parsed.program as unknown as SyntaxNode);
  return {
    ...file,
    places,
    comments: parsed.comments,
    imports: importsIn(places, file.text),
    lineOf: (node) => lineAt(file.text, node.start),
  };
}

/** The file that a relative import of `from` names, as a path from the top of the project. */
export function resolveRelative(from: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(from), specifier);
}

/** Every node below `root`, parents first. */
function placesIn(root: SyntaxNode): readonly Place[] {
  const places: Place[] = [];
  const visit = (node: SyntaxNode, parent: SyntaxNode | undefined, key: string): void => {
    places.push({ node, parent, key });
    for (const childKey of visitorKeys[node.type] ?? []) {
      const value = node[childKey];
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isSyntaxNode(child)) visit(child, node, childKey);
      }
    }
  };
  visit(root, undefined, '');
  return places;
}

function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}

const importingNodes = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

function importsIn(places: readonly Place[], text: string): readonly ImportedModule[] {
  const imports: ImportedModule[] = [];
  for (const { node } of places) {
    if (!importingNodes.has(node.type)) continue;
    const source = node['source'];
    if (!isSyntaxNode(source) || typeof source['value'] !== 'string') continue;
    const kind = node['importKind'] ?? node['exportKind'];
    imports.push({
      specifier: source['value'],
      line: lineAt(text, node.start),
      isTypeOnly: node.type === 'TSImportType' || kind === 'type',
    });
  }
  return imports;
}
