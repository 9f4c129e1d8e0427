import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askJson, freePorts, type Program, runProgram } from '../serve/support/program.ts';

let folder = '';
let programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-serve-rocks-'));
});

afterEach(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  programs = [];
  await rm(folder, { recursive: true, force: true });
});

interface Started {
  readonly program: Program;
  readonly url: string;
}

async function start(...more: readonly string[]): Promise<Started> {
  const [port, http] = await freePorts(2);
  const args = ['--name', 'a', '--data', path.join(folder, 'a'), '--listen', `127.0.0.1:${port}`];
  const program = runProgram('serve', ...args, '--http', `127.0.0.1:${http}`, ...more);
  programs.push(program);
  return { program, url: `http://127.0.0.1:${http}` };
}

async function ready({ url }: Started): Promise<void> {
  await vi.waitUntil(async () => (await askJson(`${url}/readyz`))?.status === 200, {
    timeout: 30_000,
    interval: 50,
  });
}

async function put(url: string, key: string, value: string): Promise<void> {
  const response = await fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: value });
  expect(response.status).toBe(200);
}

async function valueOf(url: string, key: string): Promise<string> {
  const headers = { Accept: 'application/octet-stream' };
  return (await fetch(`${url}/v1/kv/${key}`, { headers })).text();
}

test('a member with its state in RocksDB goes on after it was killed, and says where its pairs are', {
  timeout: 90_000,
}, async () => {
  const first = await start('--store', 'rocksdb');
  await ready(first);
  for (let at = 0; at < 30; at += 1) await put(first.url, `k${at % 9}`, `v${at}`);
  first.program.child.kill('SIGKILL');
  await first.program.ended;

  const second = await start('--store', 'rocksdb');
  await ready(second);

  expect(await valueOf(second.url, 'k2')).toBe('v29');
  const status = await askJson(`${second.url}/v1/status`);
  expect(status?.json).toMatchObject({ store: 'rocksdb', keys: 9, revision: 31 });
  const metrics = await (await fetch(`${second.url}/metrics`)).text();
  expect(metrics).toContain('quorate_store_info{store="rocksdb"} 1');
  expect(metrics).toContain('quorate_keys 9');
});

test('a damaged database is refused with what to do, and doing that brings everything back', {
  timeout: 90_000,
}, async () => {
  const first = await start('--store', 'rocksdb');
  await ready(first);
  for (let at = 0; at < 30; at += 1) await put(first.url, `k${at % 9}`, `v${at}`);
  first.program.child.kill('SIGTERM');
  await first.program.ended;
  const state = path.join(folder, 'a', 'state');
  const name = (await readFile(path.join(state, 'current'), 'utf8')).trim();
  for (const file of await readdir(path.join(state, name))) {
    if (file.startsWith('MANIFEST')) await truncate(path.join(state, name, file), 20);
  }

  const refused = await start('--store', 'rocksdb');
  const { code, out } = await refused.program.ended;
  expect(code).toBe(1);
  expect(out).toContain(`RocksDB cannot open ${path.join(state, name)}`);
  expect(out).toContain('delete the folder above it');

  await rm(state, { recursive: true });
  const again = await start('--store', 'rocksdb');
  await ready(again);
  expect(await valueOf(again.url, 'k2')).toBe('v29');
});

test('in memory it says that the state in RocksDB is of no use meanwhile', {
  timeout: 90_000,
}, async () => {
  const first = await start('--store', 'rocksdb');
  await ready(first);
  await put(first.url, 'k', 'v');
  first.program.child.kill('SIGTERM');
  await first.program.ended;

  const second = await start();
  await ready(second);

  expect(await valueOf(second.url, 'k')).toBe('v');
  second.program.child.kill('SIGTERM');
  const { out } = await second.program.ended;
  expect(out).toContain('delete it, or start with --store rocksdb');
});
