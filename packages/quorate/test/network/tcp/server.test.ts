import { describe, expect, test } from 'vitest';
import { frameTypes } from '../../../src/network/tcp/frame.ts';
import { writeSpeaker } from '../../../src/network/tcp/handshake-messages.ts';
import { writeRequest } from '../../../src/network/tcp/messages.ts';
import type { TcpServerOptions } from '../../../src/network/tcp.ts';
import { Latch } from '../../../src/testing/network/recording-rpc.ts';
import { Stranger, welcomed, world } from './stranger.ts';

describe('a server', () => {
  test('ends the connection of who sends a broken frame, and the others live on', async () => {
    const at = await world();
    const [bad, good] = [await welcomed(at), await welcomed(at)];

    bad.socket.write([Buffer.alloc(64, 0xff)]);
    good.send(frameTypes.request, writeRequest('identify', undefined), 1);
    await at.runtime.advance(5);

    expect(bad.types).toEqual([frameTypes.goodbye]);
    expect(good.types).toEqual([frameTypes.response]);
    expect(at.refusals).toHaveLength(1);
  });

  test.each([
    ['a welcome', frameTypes.welcome, 0],
    ['a response', frameTypes.response, 1],
    ['a speaker that is none', frameTypes.speaker, 0],
    ['a credit that is none', frameTypes.credit, 7],
  ])('ends the connection of who sends %s', async (_what, type, call) => {
    const at = await world();
    const bad = await welcomed(at);
    bad.send(frameTypes.request, writeRequest('installSnapshot', snapshotOf()), 7);
    at.node.onSnapshot = () => new Promise(() => {});
    await at.runtime.advance(5);

    bad.send(type, [Buffer.from('?')], call);
    await at.runtime.advance(5);

    // A credit for a call that takes none is nobody's; it may have been for one that has ended.
    expect(bad.types).toEqual(type === frameTypes.credit ? [] : [frameTypes.goodbye]);
  });

  test('refuses a question that is none, and goes on with the connection', async () => {
    const at = await world();
    const stranger = await welcomed(at);

    stranger.send(frameTypes.request, [Buffer.from([200])], 1);
    stranger.send(frameTypes.request, writeRequest('identify', undefined), 2);
    await at.runtime.advance(5);

    expect(stranger.types).toEqual([frameTypes.failure, frameTypes.response]);
  });

  test('ends the connection of who sends more of a stream than was granted', async () => {
    const at = await world();
    at.node.onSnapshot = () => new Promise(() => {});
    const stranger = await welcomed(at);
    stranger.send(frameTypes.request, writeRequest('installSnapshot', snapshotOf()), 7);

    for (let sent = 0; sent < 17; sent += 1) {
      stranger.send(frameTypes.chunk, [new Uint8Array(64 * 1024)], 7);
    }
    await at.runtime.advance(200);

    expect(stranger.error?.message).toMatch(/longer than was granted/);
  });

  test('ends the connection of who uses the number of a call that is under way', async () => {
    const at = await world();
    at.node.onArrival = () => new Promise(() => {});
    const stranger = await welcomed(at);

    for (let sent = 0; sent < 2; sent += 1) {
      stranger.send(frameTypes.request, writeRequest('identify', undefined), 1);
    }
    await at.runtime.advance(5);

    expect(stranger.error?.message).toMatch(/Call 1 is under way already/);
    expect(at.node.arrivals).toHaveLength(1);
  });

  test('aborts what it was asked when its caller goes away', async () => {
    const at = await world();
    at.node.onArrival = () => new Promise(() => {});
    const stranger = await welcomed(at);
    stranger.send(frameTypes.request, writeRequest('identify', undefined), 1);
    await at.runtime.advance(5);
    const signal = at.node.arrivals[0]?.options?.signal;
    expect(signal?.aborted).toBe(false);

    stranger.socket.destroy();
    await at.runtime.advance(5);

    expect(signal?.aborted).toBe(true);
    expect(at.server.stats.connections).toBe(0);
  });

  test('refuses one connection more than it may have', async () => {
    const at = await world({ maxConnections: 2 });
    const strangers = [await welcomed(at), await welcomed(at)];

    const third = new Stranger(at);
    await at.runtime.advance(5);

    expect(third.error?.code).toBe('RAFT_OVERLOADED');
    strangers[0]?.socket.destroy();
    await at.runtime.advance(2000);
    const fourth = await welcomed(at);
    fourth.send(frameTypes.request, writeRequest('identify', undefined), 1);
    await at.runtime.advance(5);
    expect(fourth.types).toEqual([frameTypes.response]);
  });

  test.each([
    ['calls', { maxOpenCalls: 8 }, 10],
    ['bytes', { maxOpenBytes: 64 * 1024 }, 8 * 1024],
  ])('reads nothing more while too many %s are unanswered', async (_what, bounds, size) => {
    const at = await world(bounds);
    const mayAnswer = new Latch();
    at.node.onArrival = () => mayAnswer.promise;
    const stranger = await welcomed(at);
    const request = writeRequest('forward', { command: new Uint8Array(size) });
    stranger.send(frameTypes.speaker, writeSpeaker({}));
    for (let call = 1; call <= 40; call += 1) {
      stranger.send(frameTypes.request, request, call);
      await at.runtime.advance(5);
    }
    expect(at.server.stats.openCalls).toBe(8);
    expect(at.node.arrivals).toHaveLength(8);

    mayAnswer.open();
    await at.runtime.advance(500);

    const answered = stranger.frames.filter(({ type }) => type === frameTypes.response);
    expect(answered.map(({ call }) => call)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  test('reads nothing more from who does not take its answers', async () => {
    const at = await world({ maxQueuedBytes: 256 * 1024 });
    at.node.forwarded = { ...at.node.forwarded, response: new Uint8Array(32 * 1024) };
    const stranger = await welcomed(at);
    stranger.socket.pause();
    const request = writeRequest('forward', { command: new Uint8Array(1) });

    for (let call = 1; call <= 200; call += 1) {
      stranger.send(frameTypes.request, request, call);
      await at.runtime.advance(2);
    }
    expect(at.node.arrivals.length).toBeLessThan(20);
    stranger.socket.resume();
    await at.runtime.advance(2000);

    expect(stranger.types.filter((type) => type === frameTypes.response)).toHaveLength(200);
  });

  test('refuses one stream more than a connection may have', async () => {
    const at = await world({ maxOpenStreams: 1 });
    at.node.onSnapshot = () => new Promise(() => {});
    const stranger = await welcomed(at);

    for (const call of [1, 2]) {
      stranger.send(frameTypes.request, writeRequest('installSnapshot', snapshotOf()), call);
    }
    await at.runtime.advance(5);

    expect(stranger.frames).toMatchObject([{ call: 2, error: { code: 'RAFT_OVERLOADED' } }]);
  });

  test('a node that is not served any more is unreachable', async () => {
    const at = await world();
    const stranger = await welcomed(at);

    at.server.stopServing();
    stranger.send(frameTypes.request, writeRequest('identify', undefined), 1);
    await at.runtime.advance(5);

    expect(stranger.frames).toMatchObject([{ error: { code: 'RAFT_UNREACHABLE' } }]);
  });

  test('a goodbye says why a server was closed, to those who are connected', async () => {
    const at = await world();
    const stranger = await welcomed(at);

    const closed = at.server.close();
    await at.runtime.advance(2000);
    await closed;

    expect(stranger.error?.code).toBe('RAFT_STOPPED');
    expect([at.net.openSockets, at.runtime.timerCount]).toEqual([0, 0]);
  });

  test('bounds that are none are refused', async () => {
    const wrong = (options: TcpServerOptions): Promise<unknown> => world(options);

    await expect(wrong({ maxConnections: 0 })).rejects.toThrow(RangeError);
    await expect(wrong({ maxOpenBytes: Number.NaN })).rejects.toThrow(RangeError);
    await expect(wrong({ pingAfterMs: 900, deadAfterMs: 1000 })).rejects.toThrow(RangeError);
  });
});

function snapshotOf(): Parameters<typeof writeRequest<'installSnapshot'>>[1] {
  const membership = { cluster: 'cluster-1', voters: [['b']], nodes: { b: {} } };
  const logId = { term: 1, index: 1 };
  const meta = { id: 's', lastLogId: logId, membership: { ...membership, logId } };
  return { term: 1, leader: 'a', meta, offset: 0, size: 9, checksum: 1 };
}
