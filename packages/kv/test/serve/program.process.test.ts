import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { askJson, freePorts, type Program, runProgram } from './support/program.ts';

let folder = '';
let programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-serve-'));
});

afterEach(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  programs = [];
  await rm(folder, { recursive: true, force: true });
});

function run(...args: readonly string[]): Program {
  const program = runProgram(...args);
  programs.push(program);
  return program;
}

interface Member extends Program {
  readonly name: string;
  readonly url: string;
}

/** As many members, each knowing the others. */
async function startMembers(names: readonly string[], ...more: string[]): Promise<Member[]> {
  const ports = await freePorts(names.length * 2);
  const addresses = names.map((_, at) => `127.0.0.1:${ports[at * 2]}`);
  const peers = names.map((name, at) => `${name}=${addresses[at]}`).join(',');
  return names.map((name, at) => {
    const http = `127.0.0.1:${ports[at * 2 + 1]}`;
    const args = ['--name', name, '--data', path.join(folder, name), '--peers', peers];
    const listen = ['--listen', addresses[at] ?? '', '--http', http];
    const program = run('serve', ...args, ...listen, ...more);
    return { ...program, name, url: `http://${http}` };
  });
}

/** Resolves when it wants requests. */
async function ready({ url }: Member): Promise<void> {
  await vi.waitUntil(async () => (await askJson(`${url}/readyz`))?.status === 200, {
    timeout: 30_000,
    interval: 50,
  });
}

/** The status, and the code of an error. */
async function put(
  url: string,
  value: string,
  { key = 'a', headers = {} }: { key?: string; headers?: Record<string, string> } = {},
): Promise<string> {
  const response = await fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: value, headers });
  const { code } = (await response.json()) as { readonly code?: string };
  return code === undefined ? `${response.status}` : `${response.status} ${code}`;
}

/** Writes numbered values to a key of its own, each again while its fate is open. */
async function writeOn(
  url: string,
  key: string,
  { until, onWrite }: { readonly until: AbortSignal; readonly onWrite: () => void },
): Promise<Writes> {
  const opened = await fetch(`${url}/v1/sessions`, { method: 'POST' });
  const { id } = (await opened.json()) as { readonly id: number };
  const others = new Set<string>();
  let count = 0;
  while (!until.aborted) {
    count += 1;
    const headers = { 'Quorate-Session': `${id}`, 'Quorate-Sequence': `${count}` };
    let answer = await put(url, `${count}`, { key, headers });
    for (let tries = 0; answer === '503 KV_MAYBE' && tries < 20; tries += 1) {
      answer = await put(url, `${count}`, { key, headers });
    }
    if (answer !== '200') others.add(answer);
    onWrite();
  }
  return { key, count, others: [...others] };
}

interface Writes {
  readonly key: string;
  readonly count: number;
  /** Answers that were no success in the end. */
  readonly others: readonly string[];
}

test.each([
  [[], 2, '', 'Usage: quorate COMMAND'],
  [['--help'], 0, 'Usage: quorate COMMAND', ''],
  [['serve', '--help'], 0, 'Usage: quorate serve', ''],
  [['serve', '--version'], 0, '0.', ''],
  [['--version'], 0, '0.', ''],
  [['sevre'], 2, '', 'Did you mean serve?'],
  [['help', 'serve'], 0, 'Usage: quorate serve', ''],
  [['serve', '--nmae', 'a'], 2, '', 'did you mean "--name"?'],
])('quorate %j ends with %i', async (args, code, out, err) => {
  const ended = await run(...args).ended;

  expect(ended.code).toBe(code);
  expect(ended.out).toContain(out);
  expect(ended.err).toContain(err);
});

test('a member serves until it is told to stop, and goes on where it was', async () => {
  const [first] = await startMembers(['a']);
  if (first === undefined) throw new Error('There is no member.');
  await ready(first);
  await put(first.url, 'hello');

  first.child.kill('SIGTERM');
  const ended = await first.ended;
  const [second] = await startMembers(['a']);
  if (second === undefined) throw new Error('There is no member.');
  await ready(second);

  expect(ended.code).toBe(0);
  const lines = ended.out.trim().split('\n');
  const words = lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
  expect(words).toEqual(expect.arrayContaining(['serving', 'stopping', 'stopped']));
  expect((await askJson(`${second.url}/v1/kv/a`))?.json).toMatchObject({ kv: { value: 'hello' } });
});

test('a file and a port that is taken are said to be the reason', async () => {
  const [first] = await startMembers(['a']);
  if (first === undefined) throw new Error('There is no member.');
  await ready(first);
  const file = path.join(folder, 'q.yaml');
  const { host } = new URL(first.url);
  await writeFile(file, `name: b\ndata: b\nlisten: 127.0.0.1:0\nhttp: { listen: '${host}' }\n`);

  const ended = await run('serve', '--config', file).ended;

  expect(ended.code).toBe(1);
  expect(ended.out).toContain('could not start');
  expect(ended.out).toContain('EADDRINUSE');
});

test('a second signal ends a member at once', async () => {
  const [member] = await startMembers(['a'], '--stop-timeout', '60s');
  if (member === undefined) throw new Error('There is no member.');
  await ready(member);
  // A watch and a request that never ends hold a stop up.
  const never = new ReadableStream({ start: (body) => body.enqueue(Buffer.from('x')) });
  const init = { method: 'PUT', body: never, duplex: 'half' } as RequestInit;
  const asked = fetch(`${member.url}/v1/kv/b`, init).catch(() => undefined);
  await vi.waitUntil(async () => {
    const response = await fetch(`${member.url}/metrics`);
    return (await response.text()).includes('quorate_http_running 2');
  });

  member.child.kill('SIGINT');
  await vi.waitUntil(async () => (await askJson(`${member.url}/readyz`))?.status !== 200);
  member.child.kill('SIGINT');

  expect((await member.ended).code).toBe(1);
  await asked;
});

test('a leader that is stopped hands over, and each numbered write is done once', async () => {
  const members = await startMembers(['a', 'b', 'c']);
  for (const member of members) await ready(member);
  const status = await askJson(`${members[0]?.url}/v1/status`);
  const { leader } = (status?.json ?? {}) as { readonly leader?: string };
  const leading = members.find(({ name }) => name === leader);
  const others = members.filter(({ name }) => name !== leader);
  if (leading === undefined) throw new Error('Nobody leads.');

  const over = new AbortController();
  const onWrite = vi.fn<() => void>();
  const writing = others.map(({ url, name }) =>
    writeOn(url, name, { until: over.signal, onWrite }),
  );
  await vi.waitUntil(() => onWrite.mock.calls.length > 20, { timeout: 10_000 });
  leading.child.kill('SIGTERM');
  const ended = await leading.ended;
  over.abort();
  const written = await Promise.all(writing);

  expect(ended.code).toBe(0);
  for (const { key, count, others: failures } of written) {
    expect(failures).toEqual([]);
    const found = await askJson(`${others[0]?.url}/v1/kv/${key}`);
    expect(found?.json).toMatchObject({ kv: { value: `${count}`, version: count } });
  }
});

test('a member answers for its health while it waits for its place', async () => {
  const [http, nobody] = await freePorts(2);
  const program = run(
    ...['serve', '--name', 'd', '--data', path.join(folder, 'd'), '--listen', '127.0.0.1:0'],
    ...['--http', `127.0.0.1:${http}`, '--join', `127.0.0.1:${nobody}`],
  );
  const url = `http://127.0.0.1:${http}`;

  await vi.waitUntil(async () => (await askJson(`${url}/healthz`))?.status === 200, {
    timeout: 20_000,
  });

  expect(await askJson(`${url}/readyz`)).toEqual({
    status: 503,
    json: { ready: false, reasons: ['The member is starting.'] },
  });
  expect((await askJson(`${url}/v1/kv/a`))?.json).toMatchObject({ code: 'KV_NO_LEADER' });
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  program.child.kill('SIGTERM');
  expect((await program.ended).code).toBe(0);
});
