import { complaintInKv, kvSources } from './kv-rooms.ts';
import type { Finding } from './project-files.ts';
import { type ImportedModule, resolveRelative, type SourceFile } from './source-file.ts';

// Who may import whom. The rooms are the folders of packages/quorate/src, and the arrows are those
// of ARCHITECTURE.md.

const library = 'packages/quorate/src/';

/** The rooms that a room may import besides itself. Nobody is allowed `testing`. */
const allowedRooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  errors: ['core'],
  contract: ['core', 'errors'],
  platform: ['errors'],
  storage: ['core', 'contract', 'errors', 'platform'],
  network: ['core', 'contract', 'errors', 'platform'],
  node: ['core', 'contract', 'errors', 'platform'],
  testing: ['core', 'contract', 'errors', 'platform', 'storage', 'network', 'node'],
  index: ['core', 'contract', 'errors', 'platform', 'node'],
};

/** Rooms that know only the shape of what they import. */
const typeOnlyRooms = new Set(['errors']);

/** The room of a library file, such as `core`; a file beside the folders is its own room. */
export function roomOf(filePath: string): string | undefined {
  if (!filePath.startsWith(library)) return undefined;
  return filePath.slice(library.length).split('/')[0]?.replace(/\.ts$/, '');
}

export function findForbiddenImports(file: SourceFile): readonly Finding[] {
  const findings: Finding[] = [];
  for (const imported of file.imports) {
    const message = complaintAbout(file.path, imported);
    if (message !== undefined) findings.push({ path: file.path, line: imported.line, message });
  }
  return findings;
}

function complaintAbout(from: string, imported: ImportedModule): string | undefined {
  const { specifier } = imported;
  const isRelative = specifier.startsWith('.');
  const room = roomOf(from);
  if (room !== undefined) {
    if (isRelative) return complaintInside(room, resolveRelative(from, specifier), imported);
    if (specifier.startsWith('node:')) return undefined;
    return `The library imports its own files and node: modules only, not "${specifier}".`;
  }
  if (from.startsWith(kvSources)) return complaintInKv(from, imported);
  const sources = /^packages\/(?!quorate\/)[^/]+\/src\//.exec(from)?.[0];
  if (sources !== undefined) return complaintBeside(sources, from, imported);
  const isUser = /^(examples|bench)\/|^packages\/(?!quorate\/)/.test(from);
  // Tests of one package may use the tools that the tests of the library are made of.
  const ownTools = /^packages\/[^/]+\/test\//.test(from) ? 'packages/quorate/test/' : undefined;
  const target = isRelative ? resolveRelative(from, specifier) : '';
  if (ownTools !== undefined && target.startsWith(ownTools)) return undefined;
  if (isUser && target.startsWith('packages/quorate/')) {
    return `"${specifier}" reaches into the library; import "quorate" or a public subpath.`;
  }
  return undefined;
}

/** Of a package beside the library: it builds on the contracts, never on one implementation. */
function complaintBeside(
  sources: string,
  from: string,
  { specifier }: ImportedModule,
): string | undefined {
  if (specifier.startsWith('quorate/')) {
    return `A package beside the library imports "quorate" alone, not "${specifier}".`;
  }
  if (!specifier.startsWith('.')) return undefined;
  if (resolveRelative(from, specifier).startsWith(sources)) return undefined;
  return `"${specifier}" leaves the sources of the package; import "quorate".`;
}

function complaintInside(
  room: string,
  target: string,
  imported: ImportedModule,
): string | undefined {
  const allowed = allowedRooms[room];
  if (allowed === undefined) return `"${room}" is no room; see allowedRooms in test/tidy/rooms.ts.`;
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return `"${imported.specifier}" leaves the sources of the library.`;
  if (targetRoom === room) return undefined;
  if (!allowed.includes(targetRoom)) {
    const may = allowed.length === 0 ? 'nothing outside itself' : allowed.join(', ');
    return `${room} must not import ${targetRoom}; it may import ${may}.`;
  }
  if (typeOnlyRooms.has(room) && !imported.isTypeOnly) {
    return `${room} may import types of ${targetRoom} only; write "import type".`;
  }
  return undefined;
}
