import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { errorKinds } from '../../src/errors.ts';
import { KvMetrics } from '../../src/server/metrics.ts';
import { demandAnswer, document, type Operation, operations } from './support/answers.ts';
import { type Kit, startKit } from './support/http-kit.ts';

// The file of the API and the server that is there say the same.

let kit: Kit;

beforeAll(async () => {
  kit = await startKit({ metrics: new KvMetrics({ ofProcess: false }) });
});

afterAll(() => kit[Symbol.asyncDispose]());

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly contentType: string;
  readonly text: string;
}

/** Sends the example of an operation. */
async function sendExample(operation: Operation, method = operation.method): Promise<Sent> {
  const query = new URLSearchParams();
  let { path } = operation;
  for (const { name, in: place, example } of operation.parameters) {
    if (example === undefined) continue;
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(String(example)));
    if (place === 'query') query.set(name, String(example));
  }
  const body = operation.item.requestBody?.content['application/json']?.example;
  const ending = new AbortController();
  const response = await fetch(`${kit.url}${path}?${query.toString()}`, {
    method,
    signal: ending.signal,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status, headers } = response;
  const contentType = headers.get('content-type') ?? '';
  const isStream = contentType.startsWith('text/event-stream');
  const text = isStream ? '' : await response.text();
  ending.abort();
  return { status, headers, contentType, text };
}

test('the file has every path of the plan, and each operation once', () => {
  const names = operations.map(({ method, path }) => `${method} ${path}`);

  expect(names.sort()).toEqual([
    'DELETE /v1/kv/{key}',
    'DELETE /v1/leases/{id}',
    'DELETE /v1/members/{id}',
    'DELETE /v1/sessions/{id}',
    'GET /healthz',
    'GET /metrics',
    'GET /readyz',
    'GET /v1/hash',
    'GET /v1/kv/{key}',
    'GET /v1/leases',
    'GET /v1/leases/{id}',
    'GET /v1/members',
    'GET /v1/openapi.yaml',
    'GET /v1/snapshot',
    'GET /v1/status',
    'GET /v1/watch',
    'POST /v1/compact',
    'POST /v1/delete',
    'POST /v1/leader/transfer',
    'POST /v1/leases',
    'POST /v1/leases/{id}/keep-alive',
    'POST /v1/members',
    'POST /v1/members/{id}/promote',
    'POST /v1/put',
    'POST /v1/range',
    'POST /v1/sessions',
    'POST /v1/txn',
    'PUT /v1/kv/{key}',
  ]);
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
});

test('the file has the codes of the table of errors', () => {
  const { ErrorAnswer } = document.components.schemas as Record<
    string,
    { readonly properties: Record<string, { readonly enum: readonly string[] }> }
  >;

  expect(ErrorAnswer?.properties['code']?.enum).toEqual(Object.keys(errorKinds));
});

describe('the operation', () => {
  test.each(operations)('$id ($method $path) answers its example as the file says', async (one) => {
    // What the examples are about.
    await kit.post('/v1/put', { key: 'users/1', value: 'ada' });
    await kit.post('/v1/leases', { ttl: 30, id: 1 });

    const sent = await sendExample(one);

    expect(sent.status).toBeLessThan(300);
    demandAnswer(one, sent);
  });

  test.each(operations.filter(({ method }) => method === 'GET'))(
    '$id answers HEAD as GET, without a body',
    async (one) => {
      await kit.post('/v1/put', { key: 'users/1', value: 'ada' });
      await kit.post('/v1/leases', { ttl: 30, id: 1 });

      const [get, head] = [await sendExample(one), await sendExample(one, 'HEAD')];

      expect(head).toMatchObject({ status: get.status, contentType: get.contentType, text: '' });
    },
  );
});

test.each(operations)('$path refuses methods that the file does not have', async (one) => {
  const path = one.path.replace('{id}', '1').replace('{key}', 'a');
  const known = operations.filter((other) => other.path === one.path).map(({ method }) => method);

  const response = await fetch(kit.url + path, { method: 'PATCH' });

  const json = (await response.json()) as { readonly code: string };
  const allow = response.headers.get('allow')?.split(', ') ?? [];
  expect([response.status, json.code]).toEqual([405, 'KV_METHOD']);
  expect(allow.filter((method) => method !== 'HEAD' && method !== 'OPTIONS').sort()).toEqual(
    known.sort(),
  );
});

test('OPTIONS names the methods of a path', async () => {
  const response = await fetch(`${kit.url}/v1/leases/7`, { method: 'OPTIONS' });

  expect(response.status).toBe(204);
  expect(response.headers.get('allow')).toBe('GET, DELETE, HEAD, OPTIONS');
});

test('a path that is not in the file is not there', async () => {
  const { status, json } = await kit.ask('/v1/nothing');

  expect(status).toBe(404);
  expect(json).toMatchObject({ code: 'KV_NOT_FOUND', retry: 'no' });
});

test('the server gives out its own file', async () => {
  const response = await fetch(`${kit.url}/v1/openapi.yaml`);

  expect(await response.text()).toContain('operationId: leaseKeepAlive');
});
