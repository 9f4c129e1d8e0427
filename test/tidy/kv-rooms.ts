import { type ImportedModule, resolveRelative } from './source-file.ts';

// Who may import whom in packages/kv/src; see the plan of its rooms in ARCHITECTURE.md.

export const kvSources = 'packages/kv/src/';

interface Room {
  readonly rooms: readonly string[];
  /** Public names of the library that it may use. */
  readonly library: readonly string[];
}

const contract = ['types', 'cluster-types', 'errors', 'bytes', 'pause'];
const kvRooms: Readonly<Record<string, Room>> = {
  types: { rooms: ['cluster-types', 'errors'], library: [] },
  'cluster-types': { rooms: [], library: [] },
  errors: { rooms: [], library: [] },
  bytes: { rooms: [], library: [] },
  pause: { rooms: [], library: ['quorate'] },
  protocol: { rooms: contract, library: ['quorate', 'quorate/network/tcp'] },
  store: { rooms: [...contract, 'protocol'], library: ['quorate'] },
  'store-rocks': { rooms: [...contract, 'protocol', 'store'], library: ['quorate'] },
  backup: {
    rooms: [...contract, 'protocol', 'store'],
    library: ['quorate', 'quorate/storage/wal'],
  },
  server: {
    rooms: [...contract, 'protocol', 'store', 'store-rocks', 'backup'],
    library: ['quorate', 'quorate/storage/wal', 'quorate/network/tcp'],
  },
  client: {
    rooms: [...contract, 'protocol'],
    library: ['quorate', 'quorate/network/tcp'],
  },
  'client-http': { rooms: [...contract, 'protocol', 'client'], library: [] },
  cli: {
    rooms: [...contract, 'protocol', 'client', 'server', 'store', 'backup'],
    library: ['quorate', 'quorate/storage/wal', 'quorate/network/tcp'],
  },
  index: { rooms: [...contract, 'protocol', 'store', 'server'], library: [] },
};

export function complaintInKv(
  from: string,
  { specifier }: Pick<ImportedModule, 'specifier'>,
): string | undefined {
  const name = roomOfKv(from);
  const room = kvRooms[name];
  if (room === undefined) return `"${name}" is no room; see kvRooms in test/tidy/kv-rooms.ts.`;
  if (specifier === 'quorate' || specifier.startsWith('quorate/')) {
    if (room.library.includes(specifier)) return undefined;
    const may = room.library.length === 0 ? 'nothing of the library' : room.library.join(', ');
    return `${name} must not import "${specifier}"; it may import ${may}.`;
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = resolveRelative(from, specifier);
  if (!target.startsWith(kvSources)) return `"${specifier}" leaves the sources of the package.`;
  const targetRoom = roomOfKv(target);
  if (targetRoom === name || room.rooms.includes(targetRoom)) return undefined;
  const may = room.rooms.length === 0 ? 'nothing outside itself' : room.rooms.join(', ');
  return `${name} must not import ${targetRoom}; it may import ${may}.`;
}

function roomOfKv(path: string): string {
  return path.slice(kvSources.length).split('/')[0]?.replace(/\.ts$/, '') ?? '';
}
