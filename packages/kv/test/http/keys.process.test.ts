import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Asked, type Kit, startKit } from './support/http-kit.ts';

let kit: Kit;

beforeEach(async () => {
  kit = await startKit({ limits: { maxAnswerBytes: 10_000 } });
});

afterEach(() => kit[Symbol.asyncDispose]());

function put(path: string, body: string | Uint8Array, headers = {}): Promise<Asked> {
  return kit.ask(`/v1/kv/${path}`, {
    method: 'PUT',
    body: body as NonNullable<RequestInit['body']>,
    headers,
  });
}

describe('a key by its address', () => {
  test('takes the body as its value, byte for byte, and gives it back so', async () => {
    const bytes = Uint8Array.of(0, 255, 13, 10, 128);

    const written = await put('files/x%20y', bytes);
    const read = await fetch(`${kit.url}/v1/kv/files%2Fx%20y`, {
      headers: { accept: 'application/octet-stream' },
    });

    expect(written).toMatchObject({ status: 200, json: { revision: 2 } });
    expect([...new Uint8Array(await read.arrayBuffer())]).toEqual([...bytes]);
    expect(read.headers.get('quorate-mod-revision')).toBe('2');
    expect(read.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('takes JSON as the value and its options', async () => {
    const json = { 'content-type': 'application/json; charset=utf-8' };
    await put('a', JSON.stringify({ value: 'one' }), json);

    const again = await put(
      'a',
      JSON.stringify({ value: { base64: '/w==' }, previous: true }),
      json,
    );
    const { json: read } = await kit.ask('/v1/kv/a');

    expect(again.json).toEqual({
      revision: 3,
      previous: { key: 'a', value: 'one', createRevision: 2, modRevision: 2, version: 1, lease: 0 },
    });
    expect(read).toMatchObject({ revision: 3, kv: { value: { base64: '/w==' }, version: 2 } });
  });

  test('has any bytes as its name', async () => {
    await put('%ff%00', 'x');

    const { json } = await kit.ask('/v1/kv/%FF%00');

    expect(json).toMatchObject({ kv: { key: { base64: '/wA=' }, value: 'x' } });
  });

  test('is attached to a lease by the query, and needs that to be there', async () => {
    await kit.post('/v1/leases', { ttl: 60, id: 9 });

    const attached = await put('a?lease=9', 'x');
    const refused = await put('b?lease=10', 'x');

    expect(attached.status).toBe(200);
    expect((await kit.ask('/v1/leases/9?keys=true')).json).toMatchObject({ keys: ['a'], ttl: 60 });
    expect(refused).toMatchObject({ status: 404, json: { code: 'KV_LEASE_NOT_FOUND' } });
  });

  test('is deleted once, and deleting nothing is no error', async () => {
    await put('a', 'x');

    const first = await kit.ask('/v1/kv/a?previous=true', { method: 'DELETE' });
    const second = await kit.ask('/v1/kv/a', { method: 'DELETE' });

    expect(first.json).toMatchObject({ revision: 3, deleted: 1, previous: [{ value: 'x' }] });
    expect(second).toMatchObject({ status: 200, json: { revision: 3, deleted: 0, previous: [] } });
  });

  test('can be read as it was, until that is compacted', async () => {
    await put('a', 'one');
    await put('a', 'two');

    const old = await kit.ask('/v1/kv/a?revision=2');
    await kit.post('/v1/compact', { revision: 3 });
    const gone = await kit.ask('/v1/kv/a?revision=2');

    expect(old.json).toMatchObject({ kv: { value: 'one' } });
    expect(gone).toMatchObject({ status: 410, json: { code: 'KV_COMPACTED' } });
  });
});

describe('conditions by headers', () => {
  test('the tag of an answer writes on from there, and no other does', async () => {
    await put('a', 'one');
    const tag = (await kit.ask('/v1/kv/a')).headers.get('etag') ?? '';

    const first = await put('a', 'two', { 'if-match': tag });
    const second = await put('a', 'three', { 'if-match': tag });

    expect(first).toMatchObject({ status: 200, json: { revision: 3 } });
    expect(first.headers.get('etag')).toBe('"3"');
    expect(second).toMatchObject({
      status: 412,
      json: { code: 'KV_CONDITION', details: { modRevision: 3 } },
    });
    expect(second.headers.get('etag')).toBe('"3"');
    expect((await kit.ask('/v1/kv/a')).json).toMatchObject({ kv: { value: 'two' } });
  });

  test('a key can be created, or changed only if it is there', async () => {
    const changed = await put('a', 'x', { 'if-match': '*' });
    const created = await put('a', 'x', { 'if-none-match': '*' });
    const again = await put('a', 'x', { 'if-none-match': '*' });

    expect([changed.status, created.status, again.status]).toEqual([412, 200, 412]);
  });

  test('a conditional delete leaves what is newer alone', async () => {
    await put('a', 'one');
    await put('a', 'two');

    const old = await kit.ask('/v1/kv/a', { method: 'DELETE', headers: { 'if-match': '"2"' } });
    const now = await kit.ask('/v1/kv/a', { method: 'DELETE', headers: { 'if-match': '"3"' } });

    expect([old.status, now.status]).toEqual([412, 200]);
  });

  test('a read that would bring nothing new is 304', async () => {
    await put('a', 'one');

    const same = await kit.ask('/v1/kv/a', { headers: { 'if-none-match': '"2"' } });
    const other = await kit.ask('/v1/kv/a', { headers: { 'if-none-match': '"1"' } });

    expect([same.status, same.json, other.status]).toEqual([304, undefined, 200]);
  });

  test('a tag that is none is refused', async () => {
    const { status, json } = await put('a', 'x', { 'if-match': '"1", "2"' });

    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'KV_INVALID', details: { path: '/If-Match' } });
  });
});

describe('by POST', () => {
  test('a range has a prefix, an order, a limit and a count', async () => {
    for (const name of ['u/1', 'u/2', 'u/3', 'v']) await put(name, name);

    const { json } = await kit.post('/v1/range', {
      prefix: 'u/',
      limit: 2,
      sort: { target: 'key', order: 'descend' },
    });

    expect(json).toMatchObject({ kvs: [{ key: 'u/3' }, { key: 'u/2' }], more: true, count: 3 });
  });

  test('the empty prefix is every key', async () => {
    await put('%00', 'x');
    await put('%ff%ff', 'x');

    const { json } = await kit.post('/v1/range', { prefix: '', countOnly: true });

    expect(json).toMatchObject({ count: 2 });
  });

  test('a read is linearizable unless it says otherwise', async () => {
    await kit.post('/v1/range', { key: 'a' });
    await kit.ask('/v1/kv/a');
    expect(kit.service.barriers).toBe(2);

    await kit.post('/v1/range', { key: 'a', serializable: true });
    await kit.ask('/v1/kv/a?serializable=true');

    expect(kit.service.barriers).toBe(2);
  });

  test('a transaction takes one side, with transactions in it', async () => {
    const { json } = await kit.post('/v1/txn', {
      compare: [{ key: 'a', target: 'value', result: 'equal', value: 'x' }],
      then: [{ type: 'put', key: 'never', value: '' }],
      else: [
        { type: 'put', key: 'a', value: 'x' },
        { type: 'txn', then: [{ type: 'range', key: 'a', keysOnly: true }] },
        { type: 'delete', prefix: 'z' },
      ],
    });

    expect(json).toMatchObject({
      revision: 2,
      succeeded: false,
      results: [
        { type: 'put', revision: 2 },
        {
          type: 'txn',
          succeeded: true,
          results: [{ type: 'range', kvs: [{ key: 'a', value: '' }] }],
        },
        { type: 'delete', deleted: 0, previous: [] },
      ],
    });
  });

  test('a put wants a value, or to keep the one that is there', async () => {
    const without = await kit.post('/v1/put', { key: 'a' });
    const kept = await kit.post('/v1/put', { key: 'a', ignoreValue: true });

    expect(without).toMatchObject({ status: 400, json: { code: 'KV_INVALID' } });
    expect(kept).toMatchObject({ status: 404, json: { code: 'KV_KEY_NOT_FOUND' } });
  });

  test('an answer that nobody could bear is refused before it is made', async () => {
    for (const name of ['u/1', 'u/2', 'u/3']) await put(name, 'x'.repeat(4000));

    const all = await kit.post('/v1/range', { prefix: 'u/' });
    const page = await kit.post('/v1/range', { prefix: 'u/', limit: 2 });

    expect(all).toMatchObject({
      status: 413,
      json: {
        code: 'KV_TOO_LARGE',
        details: { limit: 'maxAnswerBytes', most: 10_000, came: 12_129 },
      },
    });
    expect(page.status).toBe(200);
  });

  test('leases are granted, kept alive, listed and revoked with their keys', async () => {
    const granted = await kit.post('/v1/leases', { ttl: 30 });
    const { id } = granted.json as { readonly id: number };
    await kit.post('/v1/put', { key: 'a', value: 'x', lease: id });

    const kept = await kit.ask(`/v1/leases/${id}/keep-alive`, { method: 'POST' });
    const listed = await kit.ask('/v1/leases');
    const revoked = await kit.ask(`/v1/leases/${id}`, { method: 'DELETE' });
    const gone = await kit.ask(`/v1/leases/${id}`);

    expect(kept.json).toEqual({ id, ttl: 30 });
    expect(listed.json).toEqual({ leases: [id] });
    expect(revoked.json).toMatchObject({ deleted: 1 });
    expect(gone).toMatchObject({ status: 404, json: { code: 'KV_LEASE_NOT_FOUND' } });
  });

  test('the leadership can be handed to somebody, or to whoever is furthest', async () => {
    await kit.post('/v1/leader/transfer', { to: 'b' });
    const { json } = await kit.ask('/v1/leader/transfer', { method: 'POST' });

    expect(kit.service.transfers).toEqual(['b', undefined]);
    expect(json).toEqual({ leader: 'a' });
  });
});

describe('the members', () => {
  test('are added, promoted and removed by what the request says', async () => {
    const added = await kit.post('/v1/members', { id: 'd', address: '10.0.0.4:7001' });
    await kit.post('/v1/members', { id: 'e', address: 'h:1', voter: true });
    await kit.ask('/v1/members/d/promote', { method: 'POST' });
    await kit.post('/v1/members/d/promote', { insteadOf: 'c' });
    await kit.ask('/v1/members/d', { method: 'DELETE' });
    await kit.ask('/v1/members/e?force=true', { method: 'DELETE' });

    expect(added).toMatchObject({ status: 200, json: { changed: true, members: [{ id: 'a' }] } });
    expect(kit.service.memberChanges).toEqual([
      { memberAdd: { id: 'd', address: '10.0.0.4:7001' } },
      { memberAdd: { id: 'e', address: 'h:1', voter: true } },
      { memberPromote: { id: 'd' } },
      { memberPromote: { id: 'd', insteadOf: 'c' } },
      { memberRemove: { id: 'd', force: false } },
      { memberRemove: { id: 'e', force: true } },
    ]);
  });

  test.each([
    ['no address', 'POST', '/v1/members', { id: 'd' }],
    ['a name that no member can have', 'POST', '/v1/members', { id: 'a b', address: 'h:1' }],
    ['a field that nobody knows', 'POST', '/v1/members', { id: 'd', address: 'h:1', role: 'x' }],
    ['a name in the path that none can have', 'DELETE', '/v1/members/a%20b', undefined],
    ['a force that is no yes or no', 'DELETE', '/v1/members/a?force=maybe', undefined],
  ])('a request with %s is refused', async (_what, method, where, body) => {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { 'content-type': 'application/json' };

    const refused = await kit.ask(where, { method, headers, ...json });

    expect(refused).toMatchObject({ status: 400, json: { code: 'KV_INVALID' } });
  });
});

describe('sessions', () => {
  test('a write that comes again with its number takes effect once', async () => {
    const { id } = (await kit.ask('/v1/sessions', { method: 'POST' })).json as { id: number };
    const headers = { 'quorate-session': String(id), 'quorate-sequence': '1' };

    const first = await put('a', 'x', headers);
    const again = await put('a', 'x', headers);
    const next = await put('a', 'x', { ...headers, 'quorate-sequence': '2' });

    expect([first.json, again.json, next.json]).toEqual([
      { revision: 2 },
      { revision: 2 },
      { revision: 3 },
    ]);
  });

  test('a session that is over is said to be', async () => {
    const { id } = (await kit.ask('/v1/sessions', { method: 'POST' })).json as { id: number };
    await kit.ask(`/v1/sessions/${id}`, { method: 'DELETE' });
    const headers = { 'quorate-session': String(id), 'quorate-sequence': '1' };

    const { status, json } = await put('a', 'x', headers);

    expect(status).toBe(409);
    expect(json).toMatchObject({ code: 'KV_SESSION_EXPIRED', retry: 'no' });
  });

  test('a number that was given to another write before is refused', async () => {
    const { id } = (await kit.ask('/v1/sessions', { method: 'POST' })).json as { id: number };
    const headers = { 'quorate-session': String(id), 'quorate-sequence': '1' };
    await kit.post('/v1/leases', { ttl: 30 }, headers);

    const { status, json } = await put('a', 'x', headers);

    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'KV_INVALID', details: { session: id, sequence: 1 } });
    expect(kit.service.store.keyCount).toBe(0);
  });

  test('one of its headers alone is refused', async () => {
    const { status, json } = await put('a', 'x', { 'quorate-session': '1' });

    expect(status).toBe(400);
    expect(json).toMatchObject({ message: expect.stringContaining('go together') as unknown });
  });
});
