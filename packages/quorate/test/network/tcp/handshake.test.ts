import { describe, expect, test } from 'vitest';
import { frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import { writeWelcome } from '../../../src/network/tcp/handshake-messages.ts';
import { writeRequest } from '../../../src/network/tcp/messages.ts';
import { caller, rejectionOf } from '../../../src/testing/network/connected.ts';
import { Stranger, world } from './stranger.ts';

const target = { node: 'b' };

describe('the handshake of a server', () => {
  test('welcomes who means this node and is of its cluster, or of none yet', async () => {
    const at = await world();
    const hellos = [{}, { target }, { target, node: 'a', cluster: 'cluster-1' }, { node: 'new' }];
    const strangers = hellos.map(() => new Stranger(at));
    await at.runtime.advance(5);

    for (const [index, stranger] of strangers.entries()) stranger.hello(hellos[index]);
    await at.runtime.advance(5);

    for (const { types } of strangers) expect(types).toEqual([frameTypes.welcome]);
    expect(at.refusals).toEqual([]);
  });

  test.each([
    [{ target: { node: 'c' } }, 'RAFT_WRONG_TARGET', /is for node c, and this is node b/],
    [
      { node: 'a', cluster: 'cluster-2' },
      'RAFT_WRONG_TARGET',
      /Node a belongs to cluster cluster-2, and this node to cluster-1/,
    ],
    [{ minVersion: 7, maxVersion: 9 }, 'RAFT_UNSUPPORTED', /versions 1 to 1 .* 7 to 9/],
  ])('refuses %j and says why', async (hello, code, message) => {
    const at = await world();
    const stranger = new Stranger(at);
    await at.runtime.advance(5);

    stranger.hello(hello);
    await at.runtime.advance(5);

    expect(stranger.types).toEqual([frameTypes.goodbye]);
    expect(stranger.error?.code).toBe(code);
    expect(stranger.error?.message).toMatch(message);
    await at.runtime.advance(2000);
    expect(stranger.isClosed).toBe(true);
    expect([at.refusals.length, at.server.stats]).toEqual([
      1,
      { connections: 0, openCalls: 0, refusals: 1 },
    ]);
  });

  test('speaks the one version that both know', async () => {
    const at = await world();
    const stranger = new Stranger(at);
    await at.runtime.advance(5);

    stranger.hello({ minVersion: 1, maxVersion: 400 });
    await at.runtime.advance(5);

    expect(stranger.types).toEqual([frameTypes.welcome]);
  });

  test.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nhost: b\r\n\r\n'), /claims a body/],
    [
      'a TLS hello',
      Buffer.from([0x16, 3, 1, 0, 5, ...new Uint8Array(20).fill(1)]),
      /It looks like TLS/,
    ],
    [
      'a damaged hello',
      Buffer.concat([Buffer.from([4, 0, 0, 0, 9, 9, 9, 9, 1, 5]), Buffer.alloc(20)]),
      /checksum/,
    ],
    [
      'a damaged head',
      Buffer.concat([Buffer.from([4, 0, 0, 0, 9, 9, 9, 9, 1, 6]), Buffer.alloc(6)]),
      /The head of a frame came damaged/,
    ],
  ])('ends a connection that begins with %s', async (_what, bytes, message) => {
    const at = await world();
    const stranger = new Stranger(at);
    await at.runtime.advance(5);

    stranger.socket.write([bytes]);
    await at.runtime.advance(5);

    expect(stranger.types).toEqual([frameTypes.goodbye]);
    expect(stranger.error?.message).toMatch(message);
    expect(at.refusals).toHaveLength(1);
  });

  test('ends a connection that asks before it has said who it is', async () => {
    const at = await world();
    const stranger = new Stranger(at);
    await at.runtime.advance(5);

    stranger.send(frameTypes.request, writeRequest('identify', undefined), 1);
    await at.runtime.advance(5);

    expect(stranger.error?.message).toMatch(/The first frame is no hello/);
    expect(at.node.arrivals).toEqual([]);
  });

  test('ends a connection on which nothing comes', async () => {
    const at = await world({ handshakeTimeoutMs: 300 });
    const stranger = new Stranger(at);
    await at.runtime.advance(310);

    expect(stranger.error?.message).toMatch(/No hello came within 300 ms/);
    await at.runtime.advance(2000);
    expect(at.server.stats.connections).toBe(0);
  });

  test('a caller that meant another node is told so by the error of the node itself', async () => {
    const at = await world();
    const peer = at.network.connect('c', { address: at.address });
    const call = rejectionOf(peer.identify({ ...caller, to: { node: 'c' } }));
    await at.runtime.advance(20);

    expect(await call).toMatchObject({ code: 'RAFT_WRONG_TARGET', maybeApplied: false });
  });
});

describe('the handshake of a caller', () => {
  test.each([
    ['another node', [{ version: 1, maxBodyBytes: 9999, node: 'x' }], /is node x, not node b/],
    ['a version nobody asked for', [{ version: 2, maxBodyBytes: 9999 }], /speaks version 2/],
  ])('refuses %s', async (_what, [welcome], message) => {
    const { runtime, net, network } = await world();
    const { port } = await net.listen(
      {},
      {
        onSocket: ({ socket }) => ({
          onOpen: () => undefined,
          onData: () => {
            const head = { type: frameTypes.welcome, group: 0, call: 0 };
            socket.write(frame(head, writeWelcome(welcome as never)));
          },
          onDrain: () => undefined,
          onClose: () => undefined,
        }),
        onFailedArrival: () => undefined,
      },
    );
    const call = rejectionOf(network.connect('b', { address: `b:${port}` }).identify(caller));
    await runtime.advance(20);

    expect(((await call) as Error).message).toMatch(message);
  });
});
