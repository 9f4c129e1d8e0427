import { request as httpRequest } from 'node:http';

import { afterEach, expect, test, vi } from 'vitest';

import { KvError } from '../../src/errors.ts';
import { type Kit, startKit } from './support/http-kit.ts';
import { rawConnection, readRaw } from './support/raw-http.ts';

let kit: Kit;

afterEach(() => kit[Symbol.asyncDispose]());

function put(body: string | Uint8Array, headers = {}): RequestInit {
  return { method: 'PUT', body: body as NonNullable<RequestInit['body']>, headers };
}

test('a body that announces too much is refused before it comes', async () => {
  kit = await startKit({ limits: { maxBodyBytes: 1000 } });

  const { status, json, headers } = await kit.ask('/v1/kv/a', put('x'.repeat(1001)));

  expect(status).toBe(413);
  expect(json).toMatchObject({ code: 'KV_TOO_LARGE', details: { most: 1000, came: 1001 } });
  expect(headers.get('connection')).toBe('close');
});

test('a body without an end is refused once it is too long, though it is still coming', async () => {
  kit = await startKit({ limits: { maxBodyBytes: 1000 } });
  const head = 'PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `200\r\n${'x'.repeat(0x200)}\r\n`;

  const { all, socket } = await rawConnection(kit.server.port, head + chunk.repeat(3));

  expect(readRaw(await all)).toMatchObject({ status: 413, json: { code: 'KV_TOO_LARGE' } });
  socket.destroy();
});

test('a key or a value beyond its limit is refused, which the answer names', async () => {
  kit = await startKit();

  const { status, json } = await kit.ask('/v1/kv/a', put(new Uint8Array(1024 * 1024 + 1)));

  expect(status).toBe(413);
  expect(json).toMatchObject({ details: { limit: 'maxValueBytes', most: 1024 * 1024 } });
});

test.each([
  ['nothing', '', 'empty'],
  ['half a word', '{"key": "a", "value": tr', 'line 1, column 23'],
  ['a second line that is wrong', '{\n  "key" "a"}', 'line 2, column 9'],
  ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'not UTF-8'],
  ['depth', `${'['.repeat(100)}${']'.repeat(100)}`, 'nests more than 64'],
  ['a list', '[]', 'an object'],
  ['an unknown member', '{"key":"a","valeu":"b"}', 'did you mean "value"'],
  ['a name that objects have', '{"key":"a","value":"","__proto__":{}}', '"__proto__"'],
])('a body of %s is refused with its place', async (_, body, says) => {
  kit = await startKit();

  const { status, json } = await kit.ask('/v1/put', {
    method: 'POST',
    body: body as NonNullable<RequestInit['body']>,
  });

  const { code, message } = json as { readonly code: string; readonly message: string };
  expect([status, code]).toEqual([400, 'KV_INVALID']);
  expect(message).toContain(says);
});

test('transactions that nest very deep are refused and cost no stack', async () => {
  kit = await startKit();
  const depth = 50_000;
  const body = `${'{"type":"txn","then":['.repeat(depth)}${']}'.repeat(depth)}`.replace(
    '"type":"txn",',
    '',
  );

  const { status } = await kit.ask('/v1/txn', { method: 'POST', body });

  expect(status).toBe(400);
});

test('a request whose head does not come is ended, and others are not', async () => {
  kit = await startKit({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });

  const slow = await rawConnection(kit.server.port, 'GET /v1/status HTTP/1.1\r\nHost: a\r\n');
  const answer = readRaw(await slow.all);

  expect(answer).toMatchObject({ status: 400, json: { code: 'KV_INVALID' } });
  expect((await kit.ask('/v1/status')).status).toBe(200);
});

test('a body that stops coming is ended', async () => {
  kit = await startKit({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });

  const head = 'PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123';
  const slow = await rawConnection(kit.server.port, head);

  await slow.all;
  await vi.waitUntil(() => kit.server.running === 0);
  expect((await kit.ask('/v1/kv/a')).status).toBe(404);
});

test.each([
  ['noise', 'hello\r\n\r\n', 400],
  ['a head without end', `GET /v1/kv/${'a'.repeat(70_000)} HTTP/1.1\r\n\r\n`, 413],
])('%s is answered and not fatal', async (_, bytes, status) => {
  kit = await startKit();

  const { all } = await rawConnection(kit.server.port, bytes);

  expect(readRaw(await all).status).toBe(status);
  expect((await kit.ask('/healthz')).json).toEqual({ status: 'ok', member: 'a' });
});

test('an answer that takes too long is given up, as early as the caller wants', async () => {
  kit = await startKit({ limits: { callTimeoutMs: 60_000 } });
  kit.service.hold = new Promise(() => undefined);

  const headers = { 'quorate-timeout': '20' };
  const { status, json } = await kit.ask('/v1/kv/a', put('x', headers));

  expect(status).toBe(504);
  expect(json).toMatchObject({ code: 'KV_TIMEOUT', retry: 'session' });
});

test('overload says when to come again', async () => {
  kit = await startKit();
  kit.service.failure = new KvError('KV_OVERLOADED', 'Too much waits.');

  const { status, headers } = await kit.ask('/v1/kv/a', put('x'));

  expect([status, headers.get('retry-after')]).toEqual([429, '1']);
});

test('what nobody thought of is logged with the name that the answer has', async () => {
  const lines: Record<string, unknown>[] = [];
  const take = (fields: object, msg: string): void => void lines.push({ ...fields, msg });
  kit = await startKit({ logger: { debug: take, info: take, warn: take, error: take } });
  kit.service.failure = new Error('out of luck');

  const { status, json } = await kit.ask('/v1/kv/a', put('x'));

  const { code, request } = json as { readonly code: string; readonly request: string };
  expect([status, code]).toEqual([500, 'KV_INTERNAL']);
  expect(lines).toMatchObject([
    { request, operation: 'kvPut', method: 'PUT', path: '/v1/kv/a', msg: 'a request failed' },
  ]);
  expect(lines[0]?.['err']).toBe(kit.service.failure);
});

test('an outage does not flood the log', async () => {
  let lines = 0;
  const take = (): void => void (lines += 1);
  kit = await startKit({ logger: { debug: take, info: take, warn: take, error: take } });
  kit.service.failure = new KvError('KV_NO_LEADER', 'Nobody leads.');

  const asked = await Promise.all(Array.from({ length: 200 }, () => kit.ask('/v1/kv/a')));

  expect(asked.every(({ status }) => status === 503)).toBe(true);
  // As many in a second; the requests may take a few.
  expect(lines).toBeLessThan(100);
});

test('a caller who goes ends what is done for it', async () => {
  kit = await startKit();
  kit.service.hold = new Promise(() => undefined);
  const ending = new AbortController();

  const asked = kit.ask('/v1/kv/a', { signal: ending.signal }).catch(() => undefined);
  await vi.waitUntil(() => kit.server.running === 1);
  ending.abort();
  await asked;

  await vi.waitFor(() => expect(kit.server.running).toBe(0));
});

test('connections beyond the bound are closed', async () => {
  kit = await startKit({ limits: { maxConnections: 2 } });
  const first = await rawConnection(kit.server.port, 'GET /healthz HTTP/1.1\r\n');
  const second = await rawConnection(kit.server.port, 'GET /healthz HTTP/1.1\r\n');

  const third = await rawConnection(kit.server.port, 'GET /healthz HTTP/1.1\r\n');

  expect(await third.all).toBe('');
  first.socket.destroy();
  second.socket.destroy();
});

test('a connection serves many requests', async () => {
  kit = await startKit();
  const one = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
  const last = 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  const { all } = await rawConnection(kit.server.port, one + one + last);

  expect((await all).match(/HTTP\/1\.1 200/g)).toHaveLength(3);
});

test('pages of other origins may do nothing, also what a form could', async () => {
  kit = await startKit();
  const headers = { origin: 'https://evil.example' };

  const form = await kit.ask('/v1/put', {
    method: 'POST',
    body: '{"key":"a","value":""}',
    headers,
  });
  const read = await kit.ask('/v1/status', { headers });

  expect(form).toMatchObject({ status: 400, json: { code: 'KV_INVALID' } });
  expect(kit.service.store.keyCount).toBe(0);
  expect(read.headers.get('access-control-allow-origin')).toBeNull();
});

test('a page of the server itself needs no leave', async () => {
  kit = await startKit();

  const { status } = await kit.ask('/v1/kv/a', put('x', { origin: kit.url }));

  expect(status).toBe(200);
});

test('pages of listed origins may use everything', async () => {
  kit = await startKit({ origins: ['https://app.example'] });
  const headers = { origin: 'https://app.example' };

  const preflight = await kit.ask('/v1/kv/a', { method: 'OPTIONS', headers });
  const written = await kit.ask('/v1/kv/a', put('x', headers));
  const other = await kit.ask('/v1/kv/a', { headers: { origin: 'https://b.example' } });

  expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('Quorate-Session');
  expect(written.headers.get('access-control-allow-origin')).toBe('https://app.example');
  expect(written.headers.get('access-control-expose-headers')).toContain('ETag');
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
  expect(other.headers.get('vary')).toBe('Origin');
});

test.each([
  ['nothing is wrong', {}, 200, []],
  ['nobody leads', { leader: undefined }, 503, ['No leader is known.']],
  [
    'it has gone out of service',
    { isServing: false, problems: ['The disk is silent.'] },
    503,
    ['The disk is silent.'],
  ],
  ['it is behind', { committed: 20_012 }, 503, ['It has 20000 entries of the log still to apply.']],
])('readiness is told when %s', async (_, statusPatch, status, reasons) => {
  kit = await startKit();
  kit.service.statusPatch = statusPatch;

  const answer = await kit.ask('/readyz');

  expect(answer).toMatchObject({ status, json: { ready: status === 200, reasons } });
  expect((await kit.ask('/healthz')).status).toBe(200);
});

test('a server that drains says so, ends connections, and answers what runs', async () => {
  kit = await startKit();
  let release = (): void => undefined;
  kit.service.hold = new Promise((resolve) => (release = resolve));
  const running = kit.ask('/v1/kv/a', put('x'));
  await vi.waitUntil(() => kit.server.running === 1);

  kit.server.drain();
  const ready = await kit.ask('/readyz');
  const closed = kit.server.close();
  release();

  expect(ready).toMatchObject({ status: 503, json: { reasons: ['It is stopping.'] } });
  expect(ready.headers.get('connection')).toBe('close');
  expect((await running).status).toBe(200);
  await closed;
  await expect(fetch(kit.url)).rejects.toThrow('fetch failed');
});

test('a close does not wait longer than it is told for who never ends', async () => {
  kit = await startKit();
  kit.service.hold = new Promise(() => undefined);
  const running = kit.ask('/v1/kv/a', put('x'));
  await vi.waitUntil(() => kit.server.running === 1);

  await kit.server.close({ graceMs: 50 });

  expect(await running).toMatchObject({ status: 503, json: { code: 'KV_STOPPING' } });
});

test.each([
  ['a parameter of a header', '/v1/kv/a?If-None-Match=*', 'belongs into the header'],
  ['a parameter of the path', '/v1/kv/a?key=b', 'belongs into the path'],
  ['a parameter that comes twice', '/v1/kv/a?bytes=auto&bytes=base64', 'there twice'],
  ['a broken escape', '/v1/kv/%zz', 'two hexadecimal digits'],
  ['an empty key', '/v1/kv/', 'fewer than 1'],
  ['an id that is none', '/v1/leases/seven', 'an integer'],
])('%s in an address is refused', async (_, where, says) => {
  kit = await startKit();

  const { status, json } = await kit.ask(where);

  expect(status).toBe(400);
  expect((json as { message: string }).message).toContain(says);
});

test('a member that is not up to date is not ready, though it says nothing else', async () => {
  kit = await startKit({ isReady: () => false });

  expect((await kit.ask('/readyz')).json).toEqual({
    ready: false,
    reasons: ['Its state is not up to date yet.'],
  });
});

test('a body that is compressed is refused, and not stored as it is', async () => {
  kit = await startKit();

  const { status, json } = await kit.ask('/v1/kv/a', put('x', { 'content-encoding': 'gzip' }));

  expect([status, (json as { message: string }).message]).toEqual([
    400,
    'The body is encoded as "gzip"; send it as it is.',
  ]);
});

test('a whole address is taken as a proxy sends it', async () => {
  kit = await startKit();
  const { port } = kit.server;

  const status = await new Promise((resolve, reject) => {
    httpRequest({ port, path: 'http://elsewhere:1/healthz' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

  expect(status).toBe(200);
});
