// Loaded into a member before its program: how much room there is on its disk is what a file says,
// if there is one. Nothing is really full, so that it goes everywhere, and ends when the file goes.

import { readFileSync, type StatsFs } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const told = process.env['QUORATE_CHAOS_ROOM'] ?? '';
const { statfs } = files;

async function statfsAsTold(...[path]: Parameters<typeof statfs>): Promise<StatsFs> {
  const found = await statfs(path);
  const room = roomTold();
  if (room !== undefined) found.bavail = Math.floor(Math.min(found.bavail, room / found.bsize));
  return found;
}
files.statfs = statfsAsTold as typeof statfs;
syncBuiltinESMExports();

function roomTold(): number | undefined {
  try {
    return Number(readFileSync(told, 'utf8'));
  } catch {
    return undefined;
  }
}
