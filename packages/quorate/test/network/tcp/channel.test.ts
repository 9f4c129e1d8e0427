import { describe, expect, test } from 'vitest';
import { UnsupportedError } from '../../../src/errors.ts';
import { frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import { writeWelcome } from '../../../src/network/tcp/handshake-messages.ts';
import {
  type Channel,
  ChannelError,
  type ChannelHandler,
  TcpClient,
  type TcpClientOptions,
  TcpServer,
} from '../../../src/network/tcp.ts';
import { rejectionOf } from '../../../src/testing/network/connected.ts';
import { Latch } from '../../../src/testing/network/recording-rpc.ts';
import { FakeNet, WireRuntime } from './fake-sockets.ts';

interface World {
  readonly runtime: WireRuntime;
  readonly net: FakeNet;
  readonly server: TcpServer;
  readonly client: TcpClient;
  readonly channel: Channel;
}

async function world(handler: ChannelHandler, options: TcpClientOptions = {}): Promise<World> {
  const runtime = new WireRuntime();
  const net = new FakeNet(runtime);
  const server = await TcpServer.listen({ runtime, sockets: net });
  server.handle('kv', handler);
  const client = new TcpClient(`s:${server.port}`, { runtime, sockets: net, ...options });
  return { runtime, net, server, client, channel: client.channel('kv') };
}

const bytes = new Uint8Array([1, 2, 3]);

/** Lets time pass until the promise has settled. */
async function after<Value>({ runtime }: World, promise: Promise<Value>): Promise<Value> {
  const state = { isOver: false };
  const end = (): void => void (state.isOver = true);
  promise.then(end, end);
  for (let turns = 0; turns < 2000 && !state.isOver; turns += 1) await runtime.advance(1);
  return promise;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of stream) sizes.push(chunk.length);
  return sizes;
}

describe('a call on a channel', () => {
  test('brings the answer of its handler, whether that comes at once or later', async () => {
    const at = await world({
      call: (request) => {
        const answer = request.map((byte) => byte * 2);
        return request.length === 3 ? answer : Promise.resolve(answer);
      },
    });

    const answers = [at.channel.call(bytes), at.channel.call(new Uint8Array([7]))];

    expect(await after(at, Promise.all(answers))).toEqual([
      new Uint8Array([2, 4, 6]),
      new Uint8Array([14]),
    ]);
    expect(at.net.dials).toHaveLength(1);
  });

  test('brings the error of its handler, with code and details', async () => {
    const details = { key: 'ü', at: [1] };
    const at = await world({
      call: () => {
        throw new ChannelError('KV_TAKEN', 'The key is taken.', { details });
      },
    });

    const error = await after(at, rejectionOf(at.channel.call(bytes)));

    expect(error).toBeInstanceOf(ChannelError);
    expect(error).toMatchObject({ code: 'KV_TAKEN', message: 'The key is taken.', details });
  });

  test.each([
    ['an error of the library', new UnsupportedError('Not yet.'), 'RAFT_UNSUPPORTED', undefined],
    ['any other error', new TypeError('a bug'), 'RAFT_UNREACHABLE', true],
  ])('brings %s', async (_what, thrown, code, maybeApplied) => {
    const at = await world({ call: async () => Promise.reject(thrown) });

    const error = await after(at, rejectionOf(at.channel.call(bytes)));

    expect(error).toMatchObject({ code, ...(maybeApplied ? { maybeApplied } : {}) });
    expect((error as Error).message).toContain(thrown.message);
  });

  test('that nobody answers is refused: the channel, or the kind of call', async () => {
    const at = await world({ call: () => bytes });

    const nobody = await after(at, rejectionOf(at.client.channel('other').call(bytes)));
    const noStream = await after(at, rejectionOf(collect(at.channel.stream(bytes))));

    expect(nobody).toMatchObject({ code: 'RAFT_UNSUPPORTED' });
    expect((nobody as Error).message).toContain('call on channel "other"');
    expect((noStream as Error).message).toContain('stream on channel "kv"');
  });

  test('that its caller aborts rejects with the reason, and the handler sees it', async () => {
    const arrived = new Latch<AbortSignal>();
    const at = await world({
      call: (_request, { signal }) => {
        arrived.open(signal);
        return new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const call = rejectionOf(at.channel.call(bytes, { signal: controller.signal }));
    const signal = await after(at, arrived.promise);

    controller.abort('enough');

    expect(await call).toBe('enough');
    await at.runtime.advance(5);
    expect(signal.aborted).toBe(true);
  });

  test('that is aborted already is never sent', async () => {
    const at = await world({ call: () => bytes });

    const call = at.channel.call(bytes, { signal: AbortSignal.abort('before') });

    expect(await rejectionOf(call)).toBe('before');
    expect(at.net.dials).toEqual([]);
  });

  test('that is not answered in time may have had its effect', async () => {
    const at = await world({ call: () => new Promise(() => {}) });

    const error = await after(at, rejectionOf(at.channel.call(bytes, { timeoutMs: 50 })));

    expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
  });

  test('tells its handler who asks', async () => {
    const at = await world({
      call: (_request, { peer }) => Buffer.from(JSON.stringify(peer)),
    });

    const peer = await after(at, at.channel.call(bytes));

    expect(JSON.parse(Buffer.from(peer).toString())).toEqual({ certificateNames: [] });
  });
});

describe('a stream on a channel', () => {
  test('brings every byte in order, at the pace of its reader', async () => {
    let made = 0;
    const at = await world({
      stream: async function* (request) {
        for (; made < 200; made += 1)
          yield new Uint8Array(64 * 1024).fill(made + (request[0] ?? 0));
      },
    });
    const reading = at.channel.stream(bytes)[Symbol.asyncIterator]();
    const first = await after(at, reading.next());
    await at.runtime.advance(1000);
    expect(made).toBeLessThan(40);

    if (first.done === true) throw new Error('The stream is over.');
    let size = first.value.length;
    let last = 0;
    const rest = (async () => {
      for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
        size += next.value.length;
        last = next.value[0] ?? 0;
      }
    })();
    await after(at, rest);

    expect([first.value[0], last, size]).toEqual([1, 200, 200 * 64 * 1024]);
  });

  test('of tiny chunks is bounded as well', async () => {
    let made = 0;
    const at = await world({
      stream: async function* () {
        for (;;) {
          made += 1;
          yield new Uint8Array(1);
        }
      },
    });
    const reading = at.channel.stream(bytes)[Symbol.asyncIterator]();
    await after(at, reading.next());
    await at.runtime.advance(1000);

    expect(made).toBeLessThan(9000);
  });

  test('that is empty ends at once', async () => {
    const at = await world({ stream: async function* () {} });

    expect(await after(at, collect(at.channel.stream(bytes)))).toEqual([]);
  });

  test('brings what came before an error, and then the error', async () => {
    const mayFail = new Latch();
    const at = await world({
      stream: async function* () {
        yield bytes;
        await mayFail.promise;
        throw new ChannelError('KV_GONE', 'It is gone.');
      },
    });
    const reading = at.channel.stream(bytes)[Symbol.asyncIterator]();

    expect((await after(at, reading.next())).value).toEqual(bytes);
    mayFail.open();
    expect(await after(at, rejectionOf(reading.next()))).toMatchObject({ code: 'KV_GONE' });
  });

  test('whose reader stops early ends on the server too', async () => {
    const ended = new Latch();
    const at = await world({
      stream: async function* () {
        try {
          for (;;) yield new Uint8Array(64 * 1024);
        } finally {
          ended.open();
        }
      },
    });
    const reading = (async () => {
      for await (const chunk of at.channel.stream(bytes)) return chunk.length;
      return 0;
    })();

    expect(await after(at, reading)).toBe(64 * 1024);
    await after(at, ended.promise);
    expect(at.server.stats.openCalls).toBe(0);
  });

  test('that is aborted rejects with the reason, and its handler sees it', async () => {
    const seen = new Latch<AbortSignal>();
    const at = await world({
      stream: async function* (_request, { signal }) {
        seen.open(signal);
        yield bytes;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const controller = new AbortController();
    const { signal } = controller;
    const reading = at.channel.stream(bytes, { signal })[Symbol.asyncIterator]();
    await after(at, reading.next());

    controller.abort('enough');

    expect(await rejectionOf(reading.next())).toBe('enough');
    expect((await seen.promise).aborted).toBe(false);
    await at.runtime.advance(5);
    expect((await seen.promise).aborted).toBe(true);
    expect(at.server.stats.openCalls).toBe(0);
  });

  test('breaks when its connection does', async () => {
    const at = await world({
      stream: async function* () {
        yield bytes;
        await new Promise(() => {});
      },
    });
    const reading = at.channel.stream(bytes)[Symbol.asyncIterator]();
    await after(at, reading.next());
    const next = rejectionOf(reading.next());

    at.server.disconnectAll();

    expect(await after(at, next)).toMatchObject({ code: 'RAFT_UNREACHABLE' });
  });

  test('leaves no socket and no timer when client and server are closed', async () => {
    const at = await world({
      call: () => new Promise(() => {}),
      stream: async function* (_request, { signal }) {
        yield bytes;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const call = rejectionOf(at.channel.call(bytes));
    const reading = at.channel.stream(bytes)[Symbol.asyncIterator]();
    await after(at, reading.next());

    await after(at, Promise.all([at.client.close(), at.server.close()]));

    expect(await call).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    expect(await rejectionOf(reading.next())).toMatchObject({ code: 'RAFT_UNREACHABLE' });
    expect([at.net.openSockets, at.runtime.timerCount]).toEqual([0, 0]);
  });
});

test('a server that sends more of a stream than was granted is left', async () => {
  const { net, runtime } = await world({});
  const head = { group: 0 };
  const welcome = writeWelcome({ version: 1, maxBodyBytes: 1000 });
  const { port } = await net.listen(
    {},
    {
      onSocket: ({ socket }) => ({
        onOpen: () => undefined,
        onData: () => {
          socket.write(frame({ ...head, type: frameTypes.welcome, call: 0 }, welcome));
          const piece = frame({ ...head, type: frameTypes.chunk, call: 1 }, [
            new Uint8Array(2 ** 16),
          ]);
          for (let sent = 0; sent < 17; sent += 1) socket.write(piece);
        },
        onDrain: () => undefined,
        onClose: () => undefined,
      }),
      onFailedArrival: () => undefined,
    },
  );
  const client = new TcpClient(`s:${port}`, { runtime, sockets: net });
  const reading = client.channel('kv').stream(bytes)[Symbol.asyncIterator]();
  await runtime.advance(500);

  const error = await rejectionOf(reading.next());

  expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE' });
  expect((error as Error).message).toContain('sent more of a stream than was granted');
});

test('a client says at once what is wrong with its address', () => {
  for (const address of ['nowhere', 'http://a:1', 'a:0', 'a:99999', 'tls://a:1', '']) {
    expect(() => new TcpClient(address)).toThrow(RangeError);
  }
  expect(() => new TcpClient('tls://a:1')).toThrow('has no TLS options');
});
