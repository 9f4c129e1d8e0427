import { describe, expect, test } from 'vitest';
import { HttpNetwork } from '../../src/network/http.ts';
import { caller, heartbeat, rejectionOf } from '../../src/testing/network/connected.ts';
import { RecordingRpc } from '../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../src/testing/network/snapshot-cases.ts';
import { rawExchange, TestServer } from './http-server.ts';

async function serving(
  body: (server: TestServer, node: RecordingRpc) => Promise<void>,
  options?: { prefix?: string; maxBodyBytes?: number },
): Promise<void> {
  const node = new RecordingRpc();
  const server = await TestServer.serving(node, options);
  try {
    await body(server, node);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

interface Init {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function request(server: TestServer, path: string, init?: Init): Promise<Answer> {
  const headers = { connection: 'close', ...init?.headers };
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { ...init, headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

function post(server: TestServer, path: string, body: unknown): Promise<Answer> {
  return request(server, path, { method: 'POST', body: JSON.stringify(body) });
}

function refusedWith(code: string, message: string): unknown {
  return { Err: { code, message } };
}

describe('the HTTP handler', () => {
  test('answers a vote request that was typed by hand', () =>
    serving(async (server, node) => {
      const vote = {
        term: 4,
        candidate: 'a',
        lastLogId: { term: 3, index: 9 },
        preVote: false,
        transfer: false,
        later: 'versions may add fields',
      };

      const answer = await post(server, '/raft-vote?why=not', vote);

      expect(answer).toMatchObject({ status: 200, body: { Ok: { term: 4, granted: true } } });
      expect(node.arrivals).toHaveLength(1);
    }));

  test('identifies on GET and POST, without a body', () =>
    serving(async (server, node) => {
      expect((await request(server, '/raft-identify')).body).toEqual({ Ok: node.identified });
      expect((await post(server, '/raft-identify', {})).body).toEqual({ Ok: node.identified });
    }));

  test('leaves other paths to others', () =>
    serving(
      async (server) => {
        expect((await post(server, '/raft-vote', {})).status).toBe(404);
        expect((await post(server, '/x/raft-votes', {})).status).toBe(404);
        expect((await post(server, '/x/raft-identify', {})).status).toBe(200);
      },
      { prefix: '/x' },
    ));

  test('refuses another method and says which it takes', () =>
    serving(async (server) => {
      const answer = await request(server, '/raft-append', { method: 'PUT', body: '{}' });

      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST');
      expect(answer.body).toEqual(
        refusedWith('HTTP_METHOD_NOT_ALLOWED', 'This path answers POST; got PUT.'),
      );
    }));

  test('refuses a body that is no JSON', () =>
    serving(async (server, node) => {
      const answer = await request(server, '/raft-append', { method: 'POST', body: '{"term":' });

      expect(answer.status).toBe(400);
      expect(answer.body).toEqual(
        refusedWith('HTTP_BAD_REQUEST', 'The body must be JSON; got "{\\"term\\":".'),
      );
      expect(node.arrivals).toEqual([]);
    }));

  const logId = { term: 1, index: 10 };
  const command = { type: 'command', bytes: 'AQ==' };
  const append = { ...heartbeat, entries: [{ logId, payload: command }] };
  const withPayload = (payload: unknown): unknown => ({ ...append, entries: [{ logId, payload }] });
  const membership = { cluster: 'x', voters: [['a']], nodes: { a: {} } };

  test.each([
    ['/raft-append', [], 'The body must be an object; got [].'],
    [
      '/raft-append',
      { ...append, term: -1 },
      'The body.term must be a whole number from 0 on; got -1.',
    ],
    [
      '/raft-append',
      { ...append, term: 1.5 },
      'The body.term must be a whole number from 0 on; got 1.5.',
    ],
    ['/raft-append', { ...append, term: 2 ** 53 }, /^The body.term must be a whole number/],
    ['/raft-append', { ...append, leader: 7 }, 'The body.leader must be a string; got 7.'],
    [
      '/raft-append',
      { ...append, leader: undefined },
      'The body.leader must be a string; got nothing.',
    ],
    ['/raft-append', { ...append, previous: 9 }, 'The body.previous must be an object; got 9.'],
    ['/raft-append', { ...append, entries: {} }, 'The body.entries must be a list; got {}.'],
    [
      '/raft-append',
      { ...append, committed: null },
      /^The body.committed must be a whole number.*null/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'noop' }),
      /^The body.entries\[0\].payload.type must be "blank" or "com/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'command', bytes: 'A' }),
      /bytes must be bytes in base64; got "A"/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'command', bytes: 'AQ==\n' }),
      /bytes must be bytes in base64/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'command', bytes: 'A$==' }),
      /bytes must be bytes in base64/,
    ],
    [
      '/raft-append',
      withPayload({ ...command, session: 4 }),
      /payload.session must be an object; got 4/,
    ],
    [
      '/raft-append',
      withPayload({ ...command, session: { id: 1 } }),
      /session.sequence must be a whole number/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'session', bytes: 1 }),
      /payload.bytes must be a string; got 1/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'membership' }),
      /payload.membership must be an object; got nothing/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'membership', membership: { ...membership, voters: ['a'] } }),
      /membership.voters\[0\] must be a list; got "a"/,
    ],
    [
      '/raft-append',
      withPayload({
        type: 'membership',
        membership: { ...membership, nodes: { a: { address: 1 } } },
      }),
      /membership.nodes.a.address must be a string; got 1/,
    ],
    [
      '/raft-append',
      withPayload({
        type: 'membership',
        membership: { ...membership, nodes: { a: { data: { k: 1 } } } },
      }),
      /membership.nodes.a.data.k must be a string; got 1/,
    ],
    [
      '/raft-append',
      withPayload({ type: 'membership', membership: { ...membership, leaving: [1] } }),
      /membership.leaving\[0\] must be a string; got 1/,
    ],
    [
      '/raft-vote',
      { term: 1, candidate: 'a', lastLogId: logId, preVote: 1 },
      /preVote must be true or false; got 1/,
    ],
    ['/raft-timeout-now', { term: 1 }, 'The body.leader must be a string; got nothing.'],
    [
      '/raft-read-index',
      { mode: 'fast' },
      'The body.mode must be "quorum" or "lease"; got "fast".',
    ],
    ['/raft-forward', { command: [1] }, 'The body.command must be a string; got [1].'],
  ])('%s refuses %j', (path, body, message) =>
    serving(async (server, node) => {
      const answer = await post(server, path, body);

      const { Err: error } = answer.body as { Err: { code: string; message: string } };
      expect(answer.status).toBe(400);
      expect(error.code).toBe('HTTP_BAD_REQUEST');
      expect(error.message).toMatch(message);
      expect(node.arrivals).toEqual([]);
    }),
  );

  test('a node named __proto__ is a name like any other', () =>
    serving(async (server, node) => {
      const nodes = '{"__proto__":{"address":"x"}}';
      const body = JSON.stringify(
        withPayload({ type: 'membership', membership: { ...membership, nodes: 'NODES' } }),
      );

      await request(server, '/raft-append', {
        method: 'POST',
        body: body.replace('"NODES"', nodes),
      });

      expect(JSON.stringify(node.arrivals[0]?.request)).toContain(nodes);
    }));

  test('refuses headers that do not say who asks and who is meant', () =>
    serving(async (server) => {
      const headers = { 'quorate-from': '{"node":1}' };
      const bad = await request(server, '/raft-identify', { headers });
      const worse = await request(server, '/raft-identify', { headers: { 'quorate-to': 'b' } });

      expect(bad.status).toBe(400);
      expect(JSON.stringify(bad.body)).toContain('quorate-from.node must be a string; got 1.');
      expect(JSON.stringify(worse.body)).toContain('quorate-to must be JSON; got');
    }));

  test('refuses a snapshot whose first line is not its request', () =>
    serving(async (server, node) => {
      const send = (body: string): Promise<Answer> =>
        request(server, '/raft-snapshot', { method: 'POST', body });

      const wrong = await send('{"term":1}\ncontent');
      const unended = await send(JSON.stringify(snapshotRequest));
      const sizeless = await send(`${JSON.stringify({ ...snapshotRequest, size: -1 })}\n`);
      const odd = await send(`${JSON.stringify({ ...snapshotRequest, checksum: 2 ** 32 })}\n`);

      expect(JSON.stringify(sizeless.body)).toContain('size must be a whole number from 0 on; got');
      expect(JSON.stringify(odd.body)).toContain('checksum must be a whole number from 0 to 42949');
      expect(JSON.stringify(wrong.body)).toContain('The first line of the body.leader must be');
      expect(JSON.stringify(unended.body)).toContain('and end in a newline');
      expect([wrong.status, unended.status]).toEqual([400, 400]);
      expect(node.arrivals).toEqual([]);
    }));

  test('takes a snapshot that was made with a shell', () =>
    serving(async (server) => {
      const body = `${JSON.stringify(snapshotRequest)}\n12345`;

      const answer = await request(server, '/raft-snapshot', { method: 'POST', body });

      expect(answer.body).toEqual({ Ok: { term: 3, stored: 5, match: 0 } });
    }));
});

describe('a body that is too large', () => {
  const options = { maxBodyBytes: 1000 };
  const tooLarge = 'A body may have at most 1000 bytes; it has more.';

  test('is refused by its announced length, before it comes', () =>
    serving(async (server) => {
      const head = 'POST /raft-append HTTP/1.1\r\nhost: b\r\ncontent-length: 1000000\r\n\r\n';

      const answer = await rawExchange(server.port, head);

      expect(answer).toContain('HTTP/1.1 413');
      expect(answer.toLowerCase()).toContain('connection: close');
      expect(answer).toContain(tooLarge);
    }, options));

  test('is refused as it comes, when nobody said how long it is', () =>
    serving(async (server, node) => {
      const part = 'x'.repeat(900);
      const chunk = `${part.length.toString(16)}\r\n${part}\r\n`;
      const head = 'POST /raft-append HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n';

      const answer = await rawExchange(server.port, `${head}${chunk}${chunk}`);

      expect(answer).toContain('HTTP/1.1 413');
      expect(answer).toContain(tooLarge);
      expect(node.arrivals).toEqual([]);
    }, options));

  test('reaches a caller who sends all the same, and the next call works', () =>
    serving(async (server, node) => {
      const network = new HttpNetwork();
      const peer = network.connect('b', server.info);
      const bytes = new Uint8Array(16 * 1024 * 1024);

      const error = await rejectionOf(peer.forward({ command: bytes }, caller));

      expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
      expect(String(error)).toContain(`HTTP_TOO_LARGE: ${tooLarge}`);
      expect(await peer.identify()).toEqual(node.identified);
      await network[Symbol.asyncDispose]();
      await server.allClosed();
    }, options));

  test('is fine for the content of a snapshot, but not for its first line', () =>
    serving(async (server) => {
      const content = 'x'.repeat(100_000);
      const meta = { ...snapshotRequest.meta, id: content };
      const send = (first: unknown): Promise<Answer> =>
        request(server, '/raft-snapshot', {
          method: 'POST',
          body: `${JSON.stringify(first)}\n${content}`,
        });

      expect((await send(snapshotRequest)).body).toMatchObject({ Ok: { stored: 100_000 } });
      expect((await send({ ...snapshotRequest, meta })).status).toBe(413);
    }, options));
});
