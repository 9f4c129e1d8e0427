import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExampleClient } from './client.ts';
import type { Refusal } from './refusal.ts';
import { type ExampleServer, startServer } from './server.ts';
import { eventually } from './test-support/eventually.ts';

const bodyLimitBytes = 2000;
const hookTimeoutMs = 40_000;
const servers: ExampleServer[] = [];
let leader: ExampleServer;
let follower: ExampleServer;

beforeAll(async () => {
  for (const id of [1, 2, 3]) {
    servers.push(await startServer({ id, host: '127.0.0.1', port: 0, bodyLimitBytes }));
  }
  const pairs = servers.map(({ raft, address }) => [Number(raft.id), { addr: address }]);
  await post(servers[0], '/init', JSON.stringify(pairs));

  const leaders = await eventually(
    'one node leads',
    () => servers.filter(isLeader),
    ({ length }) => length === 1,
  );
  leader = leaders[0] ?? fail();
  follower = servers.find((server) => server !== leader) ?? fail();
  await eventually(
    'the follower knows its leader',
    () => follower.raft.metrics.leader,
    (known) => known === leader.raft.id,
  );
}, hookTimeoutMs);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
}, hookTimeoutMs);

function isLeader({ raft }: ExampleServer): boolean {
  return raft.metrics.role === 'leader';
}

function fail(): never {
  throw new Error('There is no such server.');
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function call(
  server: ExampleServer | undefined,
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(15_000);
  const response = await fetch(`http://${server?.address}${path}`, { ...init, signal });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

function post(server: ExampleServer | undefined, path: string, body: string): Promise<Answer> {
  return call(server, path, { method: 'POST', body });
}

function errorIn({ body }: Answer): Refusal['body']['Err'] {
  const { Err: error } = body as Refusal['body']; // Or another body: then this test fails here.
  expect(typeof error.code).toBe('string');
  expect(error.message).toMatch(/\S/);
  return error;
}

describe('bad input', () => {
  test.each([{ body: '{' }, { body: '' }, { body: '"foo" x' }])(
    'JSON that is broken is answered with 400: $body',
    async ({ body }) => {
      const answer = await post(leader, '/write', body);

      expect(answer.status).toBe(400);
      expect(errorIn(answer).code).toBe('HTTP_BAD_JSON');
    },
  );

  test('a body that is not UTF-8 is answered with 400', async () => {
    const body = new Uint8Array([0x22, 0xff, 0x22]);

    const answer = await call(leader, '/read', { method: 'POST', body });

    expect(answer.status).toBe(400);
    expect(errorIn(answer).code).toBe('HTTP_BAD_JSON');
  });

  test.each([{ path: '/' }, { path: '/wrote' }, { path: '/write/' }, { path: '/constructor' }])(
    'the unknown path $path is answered with 404',
    async ({ path }) => {
      const answer = await post(leader, path, '{}');

      expect(answer.status).toBe(404);
      expect(errorIn(answer)).toMatchObject({ code: 'HTTP_UNKNOWN_PATH' });
    },
  );

  test.each([
    { method: 'GET', path: '/write', allow: 'POST' },
    { method: 'GET', path: '/init', allow: 'POST' },
    { method: 'PUT', path: '/read', allow: 'POST' },
    { method: 'DELETE', path: '/metrics', allow: 'GET, POST' },
  ])('$method $path is answered with 405 and what is allowed', async ({ method, path, allow }) => {
    const answer = await call(leader, path, { method });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(errorIn(answer).code).toBe('HTTP_METHOD_NOT_ALLOWED');
  });

  test('a body that is too large is answered with 413, and the next call works', async () => {
    const answer = await post(leader, '/read', JSON.stringify('x'.repeat(bodyLimitBytes)));

    expect(answer.status).toBe(413);
    expect(errorIn(answer).code).toBe('HTTP_TOO_LARGE');
    expect((await post(leader, '/read', '"foo"')).status).toBe(200);
  });

  test('a body that claims to be huge is answered with 413 before it was sent', async () => {
    const { status, body } = await announceBody(leader, 1_000_000_000);

    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ Err: { code: 'HTTP_TOO_LARGE' } });
  });

  test.each([
    { path: '/write', body: '{"Set":{"key":1,"value":"bar"}}' },
    { path: '/write', body: '{"Get":{"key":"foo"}}' },
    { path: '/read', body: '1' },
    { path: '/consistent_read', body: '{}' },
    { path: '/linearizable_read', body: 'null' },
    { path: '/follower_read', body: '[]' },
    { path: '/init', body: '[["1","a:1"]]' },
    { path: '/add-learner', body: '[2]' },
    { path: '/add-learner', body: '[2,"nowhere"]' },
    { path: '/change-membership', body: '{}' },
    { path: '/change-membership', body: '["1"]' },
    { path: '/change-membership', body: '[]' },
  ])('wrong types are answered with 400: $path $body', async ({ path, body }) => {
    const answer = await post(leader, path, body);

    expect(answer.status).toBe(400);
    expect(errorIn(answer).code).toBe('HTTP_BAD_REQUEST');
  });

  test('a voter that no node is named is answered with 400', async () => {
    const answer = await post(leader, '/change-membership', '[1,2,99]');

    expect(answer.status).toBe(400);
    expect(errorIn(answer).code).toBe('RAFT_INVALID_MEMBERSHIP');
    expect(errorIn(answer).message).toContain('99');
  });
});

describe('refusals of the protocol', () => {
  test('a second initialize is refused', async () => {
    const answer = await post(leader, '/init', '{}');

    expect(answer.status).toBe(200);
    expect(errorIn(answer).code).toBe('RAFT_ALREADY_INITIALIZED');
  });

  test.each([
    { path: '/write', body: '{"Set":{"key":"foo","value":"bar"}}' },
    { path: '/consistent_read', body: '"foo"' },
    { path: '/linearizable_read', body: '"foo"' },
    { path: '/add-learner', body: '[9,"127.0.0.1:9"]' },
    { path: '/change-membership', body: '[1,2]' },
  ])('a follower refuses $path and names the leader', async ({ path, body }) => {
    const answer = await post(follower, path, body);

    expect(answer.status).toBe(200);
    expect(errorIn(answer)).toMatchObject({
      code: 'RAFT_NOT_LEADER',
      APIError: {
        ForwardToLeader: {
          leader_id: Number(leader.raft.id),
          leader_node: { addr: leader.address },
        },
      },
    });
  });

  test('a node outside any cluster refuses a write without a leader to name', async () => {
    await using lonely = await startServer({ id: 9, host: '127.0.0.1', port: 0 });

    const answer = await post(lonely, '/write', '{"Set":{"key":"foo","value":"bar"}}');

    expect(answer.status).toBe(200);
    expect(errorIn(answer).APIError).toEqual({
      ForwardToLeader: { leader_id: null, leader_node: null },
    });
  });

  test('a follower read is answered by a follower, with what was written before', async () => {
    await new ExampleClient(leader.address).set('read there', 'yes');

    const answer = await post(follower, '/follower_read', '"read there"');

    expect(answer).toMatchObject({ status: 200, body: { Ok: 'yes' } });
  });

  test('a follower read on a node outside any cluster knows no leader to name', async () => {
    await using lonely = await startServer({ id: 9, host: '127.0.0.1', port: 0 });

    const answer = await post(lonely, '/follower_read', '"nothing"');

    expect(answer.status).toBe(200);
    expect(errorIn(answer)).toMatchObject({
      code: 'RAFT_NOT_LEADER',
      APIError: { ForwardToLeader: { leader_id: null, leader_node: null } },
    });
  });
});

describe('answers', () => {
  test('a write answers log id, value and version; reads on the leader see it at once', async () => {
    const written = await post(leader, '/write', '{"Set":{"key":"k","value":"v"}}');

    const { term, last } = leader.raft.metrics;
    expect(written.body).toEqual({
      Ok: {
        log_id: { leader_id: { term, node_id: Number(leader.raft.id) }, index: last.index },
        data: { value: 'v', version: last.index },
        membership: null,
      },
    });
    for (const path of ['/read', '/consistent_read', '/linearizable_read', '/follower_read']) {
      expect((await post(leader, path, '"k"')).body).toEqual({ Ok: 'v' });
    }
  });

  test('a missing key reads as the empty string', async () => {
    expect((await post(leader, '/read', '"nothing"')).body).toEqual({ Ok: '' });
  });

  test('compare-and-set goes by the version of the last write', async () => {
    const client = new ExampleClient(leader.address);
    const first = await client.set('cas', 'a');
    const version = first.data.version ?? 0;

    const matched = await client.compareAndSet('cas', version, 'b');
    const stale = await client.compareAndSet('cas', version, 'c');

    expect(matched.data.value).toBe('b');
    expect(matched.data.version).toBeGreaterThan(version);
    expect(stale.data).toEqual({ value: null });
    expect(await client.read('cas')).toBe('b');
  });

  test('metrics answer GET and POST alike, whatever the body', async () => {
    const expected = { Ok: { id: Number(leader.raft.id), state: 'Leader' } };

    expect((await call(leader, '/metrics')).body).toMatchObject(expected);
    expect((await post(leader, '/metrics', 'not json')).body).toMatchObject(expected);
  });

  test('nodes with the same state have the same digest, and others another', async () => {
    const client = new ExampleClient(leader.address);
    await client.set('digested', 'one');
    const one = await client.digest();
    const written = await client.set('digested', 'two');
    const two = await client.digest();

    await eventually(
      'the follower has the same digest',
      () => new ExampleClient(follower.address).digest(),
      ({ sha256 }) => sha256 === two.sha256,
    );

    expect(written.data.value).toBe('two');
    expect(one.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(one.sha256).not.toBe(two.sha256);
    expect(one.entries).toBe(two.entries);
  });

  test('nodes are listed with their addresses', async () => {
    const expected = Object.fromEntries(servers.map(({ raft, address }) => [raft.id, address]));

    expect((await call(follower, '/list-nodes')).body).toEqual({ Ok: expected });
  });

  test('the client follows a follower to the leader and stays there', async () => {
    const client = new ExampleClient(follower.address);

    await client.set('through', 'follower');

    expect(client.address).toBe(leader.address);
    expect(await client.read('through')).toBe('follower');
  });
});

/** Sends the head of a call and never its body. */
function announceBody(
  server: ExampleServer,
  sizeBytes: number,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': sizeBytes };
    const outgoing = request(`http://${server.address}/read`, { method: 'POST', headers });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        outgoing.destroy();
        resolve({ status: response.statusCode, body });
      });
    });
    outgoing.flushHeaders();
  });
}
