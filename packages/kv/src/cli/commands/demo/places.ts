import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';

import { exitCodes } from '../../exit-codes.ts';
import { CliFailure, codeOf } from '../../failure.ts';
import { counted } from '../../output.ts';

/** Where one member of the demo is reached. */
export interface Place {
  readonly name: string;
  readonly port: number;
  readonly httpPort: number;
}

export interface PlacesWish {
  readonly members: number;
  /** `undefined`: the usual ones if they are free, otherwise any. */
  readonly port: number | undefined;
  /** Where the data is; it may have been there before. */
  readonly folder: string;
}

export const demoHost = '127.0.0.1';
const usualPort = 7001;
const httpAfter = 1000;
const fileName = 'demo.json';

/**
 * Decides where the members are. A folder with data says so itself: the members in it know each
 * other by their addresses.
 *
 * @throws {CliFailure} if a port is taken, or the folder is of another demo.
 */
export async function choosePlaces(wish: PlacesWish): Promise<readonly Place[]> {
  const { folder, members, port } = wish;
  const known = await knownPlaces(folder);
  if (known !== undefined) {
    demandSame(wish, known);
    const taken = await firstTaken(known);
    if (taken === undefined) return known;
    throw portTaken(taken, 'Is this demo running already? Otherwise give it another --dir.');
  }
  const wanted = placesFrom(port ?? usualPort, members);
  const taken = await firstTaken(wanted);
  if (taken !== undefined && port !== undefined) {
    throw portTaken(taken, 'Give another --port, or none for any ports that are free.');
  }
  const places = taken === undefined ? wanted : await freePlaces(members);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, fileName), `${JSON.stringify({ members: places })}\n`);
  return places;
}

function placesFrom(port: number, members: number): readonly Place[] {
  return Array.from({ length: members }, (_, at) => ({
    name: nameOf(at),
    port: port + at,
    httpPort: port + httpAfter + at,
  }));
}

function nameOf(at: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + at);
}

async function knownPlaces(folder: string): Promise<readonly Place[] | undefined> {
  const file = path.join(folder, fileName);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { members } = JSON.parse(text) as { readonly members: readonly Place[] };
    const isPlace = ({ name, port, httpPort }: Place): boolean =>
      typeof name === 'string' && Number.isInteger(port) && Number.isInteger(httpPort);
    if (members.length > 0 && members.every(isPlace)) return members;
  } catch {
    // It is none of ours, or was cut off.
  }
  throw new CliFailure(`${file} does not say where the members of a demo are.`, {
    exitCode: exitCodes.usage,
    advice: 'Give another --dir, or delete this one to start anew.',
  });
}

function demandSame({ members, port, folder }: PlacesWish, known: readonly Place[]): void {
  const first = known[0]?.port;
  const isSame = members === known.length && (port === undefined || port === first);
  if (isSame) return;
  const message = `the demo in ${folder} has ${counted(known.length, 'member')} from port ${first} on, not ${members} from ${port ?? 'any'} on.`;
  throw new CliFailure(message, {
    exitCode: exitCodes.usage,
    advice: `Say --members ${known.length} and no --port, give another --dir, or delete this one to start anew.`,
  });
}

function portTaken(port: number, advice: string): CliFailure {
  const message = `port ${port} of ${demoHost} is taken by another process.`;
  return new CliFailure(message, { exitCode: exitCodes.failed, advice });
}

async function firstTaken(places: readonly Place[]): Promise<number | undefined> {
  const ports = places.flatMap(({ port, httpPort }) => [port, httpPort]);
  const servers = await Promise.all(ports.map((port) => listenOn(port)));
  const at = servers.indexOf(undefined);
  await Promise.all(servers.map(closed));
  return ports[at];
}

async function freePlaces(members: number): Promise<readonly Place[]> {
  const servers = await Promise.all(Array.from({ length: 2 * members }, () => listenOn(0)));
  const ports = servers.map((server) => {
    const address = server?.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  await Promise.all(servers.map(closed));
  return Array.from({ length: members }, (_, at) => ({
    name: nameOf(at),
    port: ports[2 * at] ?? 0,
    httpPort: ports[2 * at + 1] ?? 0,
  }));
}

type Server = ReturnType<typeof createServer>;

/** `undefined` if somebody else listens there. */
async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, demoHost);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
    throw error;
  }
}

async function closed(server: Server | undefined): Promise<void> {
  if (server !== undefined) await once(server.close(), 'close');
}
