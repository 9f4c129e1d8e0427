import { describe, expect, test } from 'vitest';
import type { RaftRpc } from '../../src/contract/network.ts';
import { HttpNetwork, type HttpNetworkOptions } from '../../src/network/http.ts';
import { caller, heartbeat, rejectionOf } from '../../src/testing/network/connected.ts';
import { Latch, RecordingRpc } from '../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../src/testing/network/snapshot-cases.ts';
import { TestServer } from './http-server.ts';

interface Connection {
  readonly server: TestServer;
  readonly peer: RaftRpc & AsyncDisposable;
  readonly network: HttpNetwork;
}

async function against(
  opening: Promise<TestServer>,
  body: (connection: Connection) => Promise<void>,
  options?: HttpNetworkOptions,
): Promise<void> {
  const server = await opening;
  const network = new HttpNetwork(options);
  try {
    await body({ server, network, peer: network.connect('b', server.info) });
  } finally {
    await network[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }
}

const write = { command: new Uint8Array([1]) };

describe('a target that is not what it should be', () => {
  test('one without an address, or with a bad one, is unreachable and says what is wanted', async () => {
    const network = new HttpNetwork();

    const none = await rejectionOf(network.connect('b', {}).identify());
    const bad = await rejectionOf(network.connect('b', { address: 'ftp://b' }).identify());

    expect(none).toMatchObject({
      code: 'RAFT_UNREACHABLE',
      message: 'Node b has no address in its info; wanted "host:port" or "http://host:port".',
    });
    expect(String(bad)).toContain('The address of node b is "ftp://b"');
  });

  test('one that is down is unreachable, and a write to it was not applied', async () => {
    const server = await TestServer.serving(new RecordingRpc());
    const { info } = server;
    await server[Symbol.asyncDispose]();
    const network = new HttpNetwork();

    const error = await rejectionOf(network.connect('b', info).forward(write));

    expect(error).toMatchObject({
      code: 'RAFT_UNREACHABLE',
      maybeApplied: false,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('one that accepts and never answers ends with the deadline, and its socket with it', () =>
    against(
      TestServer.tcp((socket) => void socket.resume()),
      async ({ server, peer }) => {
        const error = await rejectionOf(peer.forward(write));

        expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
        expect(String(error)).toContain('no answer within 40 ms');
        await server.allClosed();
      },
      { callTimeoutMs: 40 },
    ));

  test.each([
    { kind: 'longer', callTimeoutMs: 1, timeoutMs: 80 },
    { kind: 'shorter', callTimeoutMs: 60_000, timeoutMs: 40 },
  ])('a caller that says how long it waits is given that, if it is $kind', (waits) =>
    against(
      TestServer.tcp((socket) => void socket.resume()),
      async ({ server, peer }) => {
        const { timeoutMs } = waits;

        const error = await rejectionOf(peer.forward(write, { ...caller, timeoutMs }));

        expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
        expect(String(error)).toContain(`no answer within ${timeoutMs} ms`);
        await server.allClosed();
      },
      { callTimeoutMs: waits.callTimeoutMs },
    ),
  );

  test('a snapshot that nobody takes ends with its deadline', () =>
    against(
      TestServer.tcp((socket) => void socket.pause()),
      async ({ server, peer }) => {
        const call = peer.installSnapshot(snapshotRequest, endless(), caller);

        expect(String(await rejectionOf(call))).toContain('no answer within 60 ms');
        for (const socket of server.sockets) socket.resume();
        await server.allClosed();
      },
      { snapshotTimeoutMs: 60 },
    ));

  test.each([
    ['HTML', 200, '<html>hello</html>', 'status 200, text/html: <html>hello</html>'],
    ['another JSON', 200, '[1]', 'status 200, text/html: [1]'],
    ['nothing', 204, '', 'status 204'],
    ['an answer with a missing field', 200, '{"Ok":{"term":3}}', '{"Ok":{"term":3}}'],
    ['an error that is none', 200, '{"Err":"no"}', '{"Err":"no"}'],
  ])('%s for an answer is unreachable and shows what came', async (_name, status, text, shown) =>
    against(
      TestServer.http((request, response) => {
        request.resume();
        response.writeHead(status, { 'content-type': 'text/html' }).end(text);
      }),
      async ({ peer }) => {
        const error = await rejectionOf(peer.appendEntries(heartbeat, caller));

        expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE' });
        expect((error as Error).cause).toBeInstanceOf(Error);
        expect(String(error)).toContain(shown);
      },
    ),
  );

  test('a missing field is named in the cause', () =>
    against(
      TestServer.http((_request, response) => void response.end('{"Ok":{"term":"3"}}')),
      async ({ peer }) => {
        const error = await rejectionOf(peer.readIndex({ mode: 'quorum' }));

        expect(error).toMatchObject({
          cause: { message: 'the answer.Ok.term must be a whole number from 0 on; got "3".' },
        });
      },
    ));

  test('what is no HTTP at all is unreachable', () =>
    against(
      TestServer.tcp((socket) => void socket.resume().end('SSH-2.0-whatever\r\n')),
      async ({ server, peer }) => {
        expect(await rejectionOf(peer.identify())).toMatchObject({ code: 'RAFT_UNREACHABLE' });
        await server.allClosed();
      },
    ));

  test('an answer that is too long or breaks off is unreachable', () =>
    against(
      TestServer.http((request, response) => {
        if (request.url === '/raft-identify') response.end('x'.repeat(1001));
        else
          response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy());
      }),
      async ({ server, peer }) => {
        expect(String(await rejectionOf(peer.identify()))).toContain('longer than 1000 bytes');
        expect(String(await rejectionOf(peer.readIndex({ mode: 'quorum' })))).toContain(
          'broke off',
        );
        await server.allClosed();
      },
      { maxAnswerBytes: 1000 },
    ));

  test('a code that nobody knows is unreachable and quotes it', () =>
    against(
      TestServer.http((_request, response) => {
        response.end('{"Err":{"code":"__proto__","message":"from the future"}}');
      }),
      async ({ peer }) => {
        const error = await rejectionOf(peer.identify());

        expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE' });
        expect(String(error)).toContain('__proto__: from the future');
      },
    ));

  test('a bug on the other side is unreachable, and a write may have been applied', async () => {
    const node = new RecordingRpc();
    node.onArrival = () => {
      throw new TypeError('a bug');
    };
    await against(TestServer.serving(node), async ({ peer }) => {
      const error = await rejectionOf(peer.forward(write));

      expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
      expect(String(error)).toContain('HTTP_INTERNAL: a bug');
    });
  });
});

describe('the sockets of an HTTP network', () => {
  test('are used again, call after call', () =>
    against(TestServer.serving(new RecordingRpc()), async ({ server, peer }) => {
      for (let count = 0; count < 20; count += 1) await peer.appendEntries(heartbeat, caller);

      expect(server.socketCount).toBe(1);
    }));

  test('are bounded in number, and further calls wait', () =>
    against(
      TestServer.serving(new RecordingRpc()),
      async ({ server, peer }) => {
        await Promise.all(
          Array.from({ length: 50 }, async () => peer.appendEntries(heartbeat, caller)),
        );

        expect(server.socketCount).toBeLessThanOrEqual(3);
      },
      { maxSocketsPerNode: 3 },
    ));

  test('close with the network, and calls under way end', async () => {
    const node = new RecordingRpc();
    const arrived = new Latch();
    const never = new Latch();
    await against(TestServer.serving(node), async ({ server, network, peer }) => {
      await peer.identify();
      node.onArrival = () => {
        arrived.open();
        return never.promise;
      };
      const call = rejectionOf(peer.identify());
      await arrived.promise;

      await network[Symbol.asyncDispose]();

      expect(await call).toMatchObject({ code: 'RAFT_UNREACHABLE' });
      await server.allClosed();
      never.open();
    });
  });

  test('that the other side closes just as they are used again are unreachable', () => {
    let count = 0;
    return against(
      TestServer.tcp((socket) => {
        socket.on('data', () => {
          count += 1;
          const body = '{"Ok":{"term":1,"index":2}}';
          if (count > 1) socket.resetAndDestroy();
          else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        });
      }),
      async ({ server, peer }) => {
        await peer.readIndex({ mode: 'quorum' });

        const error = await rejectionOf(peer.readIndex({ mode: 'quorum' }));

        expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', cause: { code: 'ECONNRESET' } });
        expect(server.socketCount).toBe(1);
      },
    );
  });

  test('leave no timer and no socket behind', async () => {
    const resources = (): string[] => process.getActiveResourcesInfo().sort();
    const before = resources().filter((name) => !name.startsWith('TCP'));
    const node = new RecordingRpc();
    await against(TestServer.serving(node), async ({ peer }) => {
      const never = new Latch();
      await Promise.all(Array.from({ length: 30 }, () => peer.identify()));
      node.onArrival = () => never.promise;
      const signal = AbortSignal.abort('enough');
      const controller = new AbortController();
      const hanging = peer.identify({ signal: controller.signal });
      await rejectionOf(peer.identify({ signal }));
      controller.abort();
      await rejectionOf(hanging);
      never.open();
    });

    await expect.poll(resources).toEqual(before);
  });

  test('an abort reaches the other side', async () => {
    const node = new RecordingRpc();
    const arrived = new Latch<AbortSignal | undefined>();
    const gone = new Latch<unknown>();
    node.onArrival = ({ options }) => {
      const signal = options?.signal;
      signal?.addEventListener('abort', () => gone.open(signal.reason));
      arrived.open(signal);
      return gone.promise.then(() => {});
    };
    await against(TestServer.serving(node), async ({ peer }) => {
      const controller = new AbortController();
      const call = rejectionOf(peer.identify({ signal: controller.signal }));
      const signal = await arrived.promise;
      expect(signal?.aborted).toBe(false);

      controller.abort('enough');

      expect(await call).toBe('enough');
      expect(await gone.promise).toMatchObject({ code: 'RAFT_UNREACHABLE' });
    });
  });
});

test('an address may be a URL whose path is a prefix', async () => {
  const node = new RecordingRpc();
  const server = await TestServer.serving(node, { prefix: '/cluster-a/' });
  const network = new HttpNetwork();

  const peer = network.connect('b', { address: `http://localhost:${server.port}/cluster-a/` });

  expect(await peer.identify()).toEqual(node.identified);
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test('an option that is no positive number is refused by name', () => {
  expect(() => new HttpNetwork({ callTimeoutMs: 0 })).toThrow(
    'HttpNetwork: callTimeoutMs must be a positive number; got 0.',
  );
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(64 * 1024);
}
