import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KvClient } from '../../src/client.ts';
import { HttpKvClient } from '../../src/client-http.ts';
import { askJson, freePorts } from '../serve/support/program.ts';

const root = path.join(import.meta.dirname, '..', '..', '..', '..');
const script = path.join(root, 'deploy', 'rolling-restart.sh');
const main = path.join(root, 'packages', 'kv', 'src', 'cli', 'main.ts');
const names = ['a', 'b', 'c'] as const;

let folder = '';
let urls: readonly string[] = [];
let addresses: readonly string[] = [];
const children = new Map<string, ChildProcess>();
/** Who was restarted, in that order. */
const restarted: string[] = [];
let supervisor: Server;

function start(name: string): void {
  const at = names.indexOf(name as (typeof names)[number]);
  const peers = names.map((one, index) => `${one}=${addresses[index]}`).join(',');
  const log = openSync(path.join(folder, `${name}.log`), 'a');
  const args = ['--name', name, '--data', path.join(folder, name), '--peers', peers];
  const where = ['--listen', addresses[at] ?? '', '--http', new URL(urls[at] ?? '').host];
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, main, 'serve', ...args, ...where], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  children.set(name, child);
}

/** As `systemctl restart` does it. */
async function restart(name: string): Promise<number | null> {
  const child = children.get(name);
  if (child === undefined) throw new Error(`There is no member ${name}.`);
  const ended = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  const [code] = await ended;
  restarted.push(`${name} ${code}`);
  start(name);
  return code;
}

async function run(...args: readonly string[]) {
  const child = spawn('bash', [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: child.exitCode, out, err };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-rolling-'));
  const ports = await freePorts(6);
  addresses = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`);
  urls = ports.slice(3).map((port) => `http://127.0.0.1:${port}`);
  for (const name of names) start(name);
  supervisor = createServer((request, response) => {
    restart((request.url ?? '').slice(1)).then(
      (code) => response.writeHead(code === 0 ? 200 : 500).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  supervisor.listen(0, '127.0.0.1');
  await once(supervisor, 'listening');
  await vi.waitFor(
    async () => {
      const answers = await Promise.all(urls.map((url) => askJson(`${url}/readyz`)));
      if (answers.some((answer) => answer?.status !== 200)) throw new Error('Not all are ready.');
    },
    { timeout: 30_000, interval: 100 },
  );
}, 40_000);

afterAll(async () => {
  supervisor.close();
  for (const child of children.values()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
});

/** Puts and gets without a pause until it is told to stop; every failure is kept. */
function load(client: KvClient | HttpKvClient, prefix: string) {
  const failures: string[] = [];
  let count = 0;
  const over = new AbortController();
  const one = async (worker: number): Promise<void> => {
    for (let number = 1; !over.signal.aborted; number += 1) {
      const key = `${prefix}/${worker}`;
      try {
        await client.put(key, String(number));
        const found = (await client.get(key))?.text();
        if (found !== String(number)) failures.push(`${key} is ${found}, not ${number}`);
      } catch (error) {
        failures.push(String(error));
      }
      count += 1;
      // There are other tests beside this one.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const workers = Promise.all(Array.from({ length: 4 }, (_, worker) => one(worker)));
  return {
    failures,
    count: () => count,
    stop: async () => {
      over.abort();
      await workers;
    },
  };
}

test('a rolling restart by the script fails no request, native or over HTTP', async () => {
  const { port } = supervisor.address() as AddressInfo;
  await using native = new KvClient({ servers: addresses, timeoutMs: 15_000 });
  await using overHttp = new HttpKvClient({ servers: urls, timeoutMs: 15_000 });
  const loads = [load(native, 'native'), load(overHttp, 'http')];
  await vi.waitFor(() => expect(loads.every((one) => one.count() > 20)).toBe(true), 10_000);
  const leader = (await native.status()).leader ?? '';

  const command = `curl --silent --fail http://127.0.0.1:${port}/{name}`;
  const { code, out, err } = await run('--restart', command, ...urls);

  const before = loads.map((one) => one.count());
  await vi.waitFor(
    () => expect(loads.every((one, at) => one.count() > (before[at] ?? 0) + 20)).toBe(true),
    10_000,
  );
  await Promise.all(loads.map((one) => one.stop()));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(loads.map(({ failures }) => failures)).toEqual([[], []]);
  // All three, each once, whoever led last, and each ended well.
  expect([...restarted].sort()).toEqual(['a 0', 'b 0', 'c 0']);
  expect(restarted.at(-1)).toBe(`${leader} 0`);
  expect(out).toContain(`${leader}: hands the leadership over`);
  expect(out.trim().split('\n').at(-1)).toBe('all members are restarted and ready');
  // Nobody was killed, and nobody had to be called twice.
  for (const name of names) {
    expect(await readFile(path.join(folder, `${name}.log`), 'utf8')).not.toContain('in time');
  }
}, 60_000);

test('nobody is restarted while a member is not ready, or by a wrong call', async () => {
  const before = restarted.length;
  const [free = 1] = await freePorts(1);
  const gone = `http://127.0.0.1:${free}`;

  const notReady = await run('--restart', 'true', ...urls.slice(0, 2), gone);
  expect(notReady.code).toBe(1);
  expect(notReady.err).toContain(`${gone} is not ready, so none is restarted`);
  for (const [args, message] of [
    [[...urls], 'give --restart COMMAND'],
    [['--restart', 'true', ...urls.slice(0, 2)], 'name all members, at least three'],
    [['--restart', 'true', '--timeout', 'soon', ...urls], 'wants whole seconds; got "soon"'],
    [['--restrat', 'true', ...urls], 'there is no option --restrat'],
  ] as const) {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  }
  expect(restarted).toHaveLength(before);
});

test('a command that fails, or restarts nothing, ends the script before the next member', async () => {
  const failed = await run('--restart', 'false', ...urls);
  expect(failed.code).toBe(1);
  expect(failed.err).toMatch(/the command failed for \w .*; nobody else was touched/);

  const idle = await run('--restart', 'true', '--timeout', '1', ...urls);
  expect(idle.code).toBe(1);
  expect(idle.err).toMatch(/waited 1 s in vain: \w is ready again, as a new process/);
});
