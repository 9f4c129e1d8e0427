import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { readConfig } from '../../src/server/config/read-config.ts';
import { type ServingMember, serve } from '../../src/server/serve.ts';
import { demandAnswer, operations } from '../http/support/answers.ts';
import { EventReader } from '../http/support/event-source.ts';

// The HTTP API over a member with a log and a disk.

let folder = '';
let serving: ServingMember;
let url = '';

async function start(...args: readonly string[]): Promise<ServingMember> {
  const more = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--log-level', 'silent'];
  const read = readConfig({ args: [...more, ...args], folder, readFile: () => '' });
  if (read.type !== 'run') throw new Error(JSON.stringify(read));
  const started = await serve(read.config);
  await started.member.ready();
  return started;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-real-'));
  serving = await start('--name', 'a', '--data', 'a');
  url = `http://127.0.0.1:${serving.http?.port}`;
});

afterAll(async () => {
  await serving.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ask(where: string, init?: RequestInit): Promise<{ status: number; json: unknown }> {
  const response = await fetch(url + where, init);
  return { status: response.status, json: await response.json() };
}

describe('a real member', () => {
  // The leadership cannot be handed to anybody, a stream has no end, and members are changed in
  // tests of their own.
  const unusual = ['leaderTransfer', 'watch', 'memberAdd', 'memberPromote', 'memberRemove'];
  const usual = operations.filter(({ id }) => !unusual.includes(id));

  test.each(usual)('answers the example of $id as the file says', async (operation) => {
    await ask('/v1/put', { method: 'POST', body: '{"key":"users/1","value":"ada"}' });
    await ask('/v1/leases', { method: 'POST', body: '{"ttl":30,"id":1}' });
    const session = (await ask('/v1/sessions', { method: 'POST' })).json as { id: number };
    const body = operation.item.requestBody?.content['application/json']?.example;
    const where = operation.path
      .replace('{key}', 'users/1')
      .replace('sessions/{id}', `sessions/${session.id}`)
      .replace('{id}', '1');

    const response = await fetch(url + where, {
      method: operation.method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

    const found = {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      text: await response.text(),
    };
    expect(found.status).toBe(200);
    demandAnswer(operation, found);
  });

  test('refuses to hand over to nobody, and says so', async () => {
    const { status, json } = await ask('/v1/leader/transfer', { method: 'POST' });

    expect(status).toBeGreaterThanOrEqual(400);
    expect((json as { readonly code: string }).code).not.toBe('KV_INTERNAL');
  });

  test('does a write of a session once, though it comes twice', async () => {
    const { id } = (await ask('/v1/sessions', { method: 'POST' })).json as { id: number };
    const headers = { 'quorate-session': String(id), 'quorate-sequence': '1' };
    const init = { method: 'PUT', body: 'x', headers };

    const [first, second] = [await ask('/v1/kv/s', init), await ask('/v1/kv/s', init)];

    expect(first.status).toBe(200);
    expect(second).toEqual(first);
    expect((await ask('/v1/kv/s')).json).toMatchObject({ kv: { version: 1 } });
  });

  test('tells a watcher every change once, over a break', async () => {
    const { revision } = (await ask('/v1/hash')).json as { readonly revision: number };
    const versions: number[] = [];
    let last = String(revision);
    for (let round = 1; round <= 3; round += 1) {
      await using reader = await EventReader.open(`${url}/v1/watch?key=w`, {
        'last-event-id': last,
      });
      for (let at = 0; at < 5; at += 1) await ask('/v1/kv/w', { method: 'PUT', body: 'x' });
      while (versions.length < round * 5) {
        const event = await reader.next();
        const { events = [] } = (event?.data ?? {}) as { events?: { kv: { version: number } }[] };
        versions.push(...events.map(({ kv }) => kv.version));
        last = event?.id ?? '';
      }
    }

    expect(versions).toEqual(Array.from({ length: 15 }, (_, at) => at + 1));
  });

  test('deletes the keys of a lease that nobody keeps alive', async () => {
    await ask('/v1/leases', { method: 'POST', body: '{"ttl":1,"id":77}' });
    await ask('/v1/kv/short?lease=77', { method: 'PUT', body: 'x' });

    const gone = async (): Promise<void> => {
      expect((await ask('/v1/kv/short')).status).toBe(404);
    };
    await vi.waitFor(gone, { timeout: 15_000, interval: 100 });
  });

  test('has its figures in its metrics', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();

    expect(metrics).toContain('quorate_is_leader 1');
    expect(metrics).toContain('quorate_is_serving 1');
    expect(metrics).toMatch(/quorate_log_committed_index [1-9]/);
    expect(metrics).toMatch(/http_request_seconds_count\{operation="kvPut",code="OK"\} [1-9]/);
    expect(metrics).toMatch(/quorate_stage_count_total\{stage="persist"\} [1-9]/);
  });

  test('says where its HTTP is', async () => {
    expect((await ask('/v1/members')).json).toMatchObject({
      members: [{ id: 'a', role: 'voter', httpAddress: url }],
    });
  });
});

test('whoever raises the limit of requests need not raise that of bodies', async () => {
  const limits = ['limits.maxValueBytes=8MiB', 'limits.maxRequestBytes=9MiB'];
  const sets = limits.flatMap((limit) => ['--set', limit]);
  const started = await start('--name', 'l', '--data', 'l', ...sets);

  const response = await fetch(`http://127.0.0.1:${started.http?.port}/v1/kv/large`, {
    method: 'PUT',
    body: Buffer.alloc(8 * 1024 * 1024, 1),
  });

  expect(response.status).toBe(200);
  await started.stop();
});

test('with certificates, HTTP is encrypted and lets in only who shows one', async () => {
  const authority = makeAuthority('tests');
  const own = issue(authority, { names: ['localhost'], ips: ['127.0.0.1'] });
  for (const [name, content] of Object.entries({ ...own, ca: authority.cert })) {
    await writeFile(path.join(folder, name), content);
  }
  const files = ['--tls-cert', 'cert', '--tls-key', 'key', '--tls-ca', 'ca'];
  const secured = await start('--name', 't', '--data', 't', ...files);
  const port = secured.http?.port;
  const ca = authority.cert;

  const withOne = await getOverTls({ port, ca, ...(own as { cert: string; key: string }) });
  const without = await getOverTls({ port, ca }).catch((error: unknown) => String(error));
  const plain = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => 'refused');

  expect(withOne).toBe('{"status":"ok","member":"t"}');
  expect(without).toMatch(/certificate|ECONNRESET|alert/i);
  expect(plain).toBe('refused');
  await secured.stop();
});

interface TlsCall {
  readonly port: number | undefined;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

function getOverTls(call: TlsCall): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ ...call, host: '127.0.0.1', path: '/healthz', agent: false }, (response) => {
      text(response).then(resolve, reject);
    })
      .on('error', reject)
      .end();
  });
}
