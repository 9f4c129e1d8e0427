import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const main = path.join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts');
const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];

/** `quorate` as a process. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves when it has ended; `null` as the code if a signal ended it. */
  readonly ended: Promise<{ readonly code: number | null; out: string; err: string }>;
}

export function runProgram(...args: readonly string[]): Program {
  const child = spawn(process.execPath, [...flags, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, 'close').then(async ([code]) => {
    const [out, err] = await texts;
    return { code: code as number | null, out, err };
  });
  return {
    child,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Ports that nobody had a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** What a member says of itself, or `undefined` as long as it does not answer. */
export async function askJson(url: string): Promise<{ status: number; json: unknown } | undefined> {
  try {
    const response = await fetch(url);
    return { status: response.status, json: await response.json() };
  } catch {
    return undefined;
  }
}
