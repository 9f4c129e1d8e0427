import type { Finding } from './project-files.ts';
import { roomOf } from './rooms.ts';
import type { Place, SourceFile, SyntaxNode } from './source-file.ts';

// All time, chance and files come in through interfaces, so that a simulator can run the real code.

/** Globals that only the platform and the real wires may touch. */
const outsideGlobals = new Set(
  [
    'Date Temporal performance scheduler setTimeout setInterval setImmediate',
    'clearTimeout clearInterval clearImmediate crypto fetch WebSocket',
    'process console globalThis global',
  ].flatMap((names) => names.split(' ')),
);

/** What the core, which is a plain function, has no use for either. */
const asynchronousGlobals = new Set(['Promise', 'PromiseLike', 'queueMicrotask', 'AbortSignal']);

/** Names of Node itself, which the protocol and the contracts must not know. */
const nodeGlobals = new Set(['NodeJS', 'Buffer']);

/** Members of otherwise harmless globals. */
const outsideMembers = new Set(['Math.random', 'AbortSignal.timeout']);

/** Node modules without clock, chance or I/O of their own. */
const pureModules = new Set(
  [
    'node:assert node:assert/strict node:async_hooks node:buffer node:diagnostics_channel node:events',
    'node:path node:stream node:string_decoder node:util node:zlib',
  ].flatMap((names) => names.split(' ')),
);

/** Where the outside world is: the platform, and the networks that are real wires. */
const outsideWorld = /^packages\/quorate\/src\/(platform\/|network\/(http|tcp)[./])/;

export function findOutsideWorld(file: SourceFile): readonly Finding[] {
  const room = roomOf(file.path);
  if (room === undefined || outsideWorld.test(file.path)) return [];
  const findings: Finding[] = [];
  const add = (line: number, message: string): void => {
    findings.push({ path: file.path, line, message });
  };
  for (const { specifier, line } of file.imports) {
    const message = complaintAboutModule(room, specifier);
    if (message !== undefined) add(line, message);
  }
  for (const place of file.places) {
    const message = complaintAboutName(room, place) ?? complaintAboutWaiting(room, place.node);
    if (message !== undefined) add(file.lineOf(place.node), message);
  }
  return findings;
}

function complaintAboutModule(room: string, specifier: string): string | undefined {
  if (!specifier.startsWith('node:')) return undefined;
  if (room === 'core' || room === 'contract') {
    return `${room} must not import "${specifier}"; it knows nothing of Node.`;
  }
  if (pureModules.has(specifier)) return undefined;
  return `"${specifier}" belongs into src/platform or a real network; take it as an interface.`;
}

function complaintAboutName(room: string, place: Place): string | undefined {
  const member = memberName(place.node);
  if (member !== undefined && outsideMembers.has(member)) {
    return `${member} is forbidden here; time and chance come in through Runtime.`;
  }
  const { node } = place;
  if (node.type !== 'Identifier' || isMereKey(place)) return undefined;
  const name = String(node['name']);
  // The suites speak to the person who runs them.
  if (room === 'testing' && name === 'console') return undefined;
  if (outsideGlobals.has(name)) {
    return `${name} is forbidden here; the outside world comes in through src/platform.`;
  }
  if (room === 'core' && asynchronousGlobals.has(name)) {
    return `${name} is forbidden in the core, which is a plain function of its events.`;
  }
  if ((room === 'core' || room === 'contract') && nodeGlobals.has(name)) {
    return `${name} is forbidden in ${room}, which knows nothing of Node.`;
  }
  return undefined;
}

function complaintAboutWaiting(room: string, node: SyntaxNode): string | undefined {
  if (room !== 'core') return undefined;
  const waits = node.type === 'AwaitExpression' || node['async'] === true || node['await'] === true;
  return waits ? 'The core never waits: no async, no await.' : undefined;
}

/** `Math.random` for that member expression, whichever way it is written. */
function memberName(node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  const object = node['object'] as SyntaxNode;
  const property = node['property'] as SyntaxNode;
  if (object.type !== 'Identifier') return undefined;
  return `${String(object['name'])}.${String(property['name'] ?? property['value'])}`;
}

/** Whether the identifier names a member of something and not a thing in scope. */
function isMereKey({ parent, key }: Place): boolean {
  if (parent === undefined) return false;
  const isMember = parent.type === 'MemberExpression' && key === 'property';
  const isQualified = parent.type === 'TSQualifiedName' && key === 'right';
  const isKey = key === 'key' || key === 'label' || key === 'imported' || key === 'exported';
  return (isMember || isQualified || isKey) && parent['computed'] !== true;
}
