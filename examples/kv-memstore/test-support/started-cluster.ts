import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { eventually } from './eventually.ts';
import { isRunning, Program } from './program.ts';

/** Runs what `npm run memstore` runs, and returns once the cluster is up. */
export async function startCluster(...args: readonly string[]): Promise<Program> {
  const program = new Program('start.ts', args);
  try {
    await program.printed(/kill -9 (\d+)/);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** The nodes of the newest table that was printed whole. */
export function nodesOf({ stdout }: Program): { address: string; pid: number }[] {
  const table = stdout.slice(stdout.lastIndexOf('id  address'));
  const rows = [...table.matchAll(/^\d+ +(\S+) +(\d+) /gm)];
  return rows.map(([, address, pid]) => ({ address: String(address), pid: Number(pid) }));
}

export async function allGone(pids: readonly number[]): Promise<void> {
  await eventually(
    'all gone',
    () => pids.filter(isRunning),
    (left) => left.length === 0,
  );
}

/**
 * The first of three ports in a row that are free at the moment. All are below those that systems
 * give to outgoing connections, so that nobody takes them while a cluster is down.
 */
export async function freePorts(): Promise<number> {
  for (;;) {
    const first = 10_000 + 3 * Math.floor(Math.random() * 6000);
    const servers = [0, 1, 2].map((at) => createServer().listen(first + at, '127.0.0.1'));
    const listening = await Promise.allSettled(servers.map((server) => once(server, 'listening')));
    await Promise.all(servers.map(closed));
    if (listening.every(({ status }) => status === 'fulfilled')) return first;
  }
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
}
