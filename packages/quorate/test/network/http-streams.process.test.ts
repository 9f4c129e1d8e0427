import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { HttpNetwork } from '../../src/network/http.ts';
import { nodeRuntime } from '../../src/platform/runtime.ts';
import { caller, rejectionOf } from '../../src/testing/network/connected.ts';
import { Latch, RecordingRpc } from '../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../src/testing/network/snapshot-cases.ts';
import { TestServer } from './http-server.ts';

test('a socket whose request was answered before its end is not used again', async () => {
  const body = '{"Ok":{"term":1,"stored":2,"match":3}}';
  const server = await TestServer.tcp((socket) => {
    // Answers the first bytes it sees, and keeps the connection open.
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
  });
  const network = new HttpNetwork();
  const peer = network.connect('b', server.info);
  const install = (): Promise<unknown> => peer.installSnapshot(snapshotRequest, endless(), caller);

  expect(await install()).toEqual({ term: 1, stored: 2, match: 3 });
  await server.allClosed();
  expect(await install()).toEqual({ term: 1, stored: 2, match: 3 });

  expect(server.socketCount).toBe(2);
  await server.allClosed();
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const size = 4 * 1024 * 1024;
const sizeInHex = size.toString(16);

test.each([
  ['with a length', `content-length: ${size}\r\n\r\n`],
  ['in chunks', `transfer-encoding: chunked\r\n\r\n20\r\n${'x'.repeat(32)}\r\n${sizeInHex}\r\n`],
])('a caller who is refused while sending %s may send on and loses nothing', async (_how, head) => {
  const server = await TestServer.serving(new RecordingRpc(), { maxBodyBytes: 10 });
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`POST /raft-append HTTP/1.1\r\nhost: b\r\n${head}`);
  const [answer] = (await once(socket, 'data')) as [Buffer];

  socket.write(new Uint8Array(size));
  socket.write('\r\n0\r\n\r\n');
  const [hadError] = (await once(socket.resume(), 'close')) as [boolean];

  expect(String(answer)).toContain('HTTP/1.1 413');
  expect(hadError).toBe(false);
  expect(socket.bytesWritten).toBeGreaterThan(size);
  await server[Symbol.asyncDispose]();
});

test('an abort lets go of a source whose chunk nobody takes', async () => {
  const server = await TestServer.tcp((socket) => void socket.pause());
  const network = new HttpNetwork();
  const peer = network.connect('b', server.info);
  const progress = { made: 0 };
  const closed = new Latch();
  const controller = new AbortController();
  const call = rejectionOf(
    peer.installSnapshot(snapshotRequest, endless(progress, closed), { signal: controller.signal }),
  );
  await expect.poll(() => progress.made).toBeGreaterThan(1);

  controller.abort('enough');

  expect(await call).toBe('enough');
  await closed.promise;
  for (const socket of server.sockets) socket.resume();
  await server.allClosed();
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test('closing the network also ends calls that wait for a socket', async () => {
  const node = new RecordingRpc();
  const arrived = new Latch();
  const never = new Latch();
  node.onArrival = () => {
    arrived.open();
    return never.promise;
  };
  const server = await TestServer.serving(node);
  const network = new HttpNetwork({ maxSocketsPerNode: 1 });
  const peer = network.connect('b', server.info);
  const calls = [rejectionOf(peer.identify()), rejectionOf(peer.identify())];
  await arrived.promise;

  await network[Symbol.asyncDispose]();

  for (const error of await Promise.all(calls)) {
    expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE' });
    expect(String(error)).toContain('the connection was closed on this side');
  }
  await server.allClosed();
  never.open();
  await server[Symbol.asyncDispose]();
});

test('the deadline of a snapshot does not count the time in which there is no chunk', async () => {
  const server = await TestServer.serving(new RecordingRpc());
  const network = new HttpNetwork({ snapshotTimeoutMs: 100 });
  const peer = network.connect('b', server.info);

  const answer = await peer.installSnapshot(snapshotRequest, slow(), caller);

  expect(answer).toMatchObject({ stored: 5 });
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test('the deadline of a snapshot is there for the answer, however slow the chunks were', async () => {
  const server = await TestServer.tcp((socket) => void socket.resume());
  const network = new HttpNetwork({ snapshotTimeoutMs: 100 });
  const peer = network.connect('b', server.info);

  const call = peer.installSnapshot(snapshotRequest, slow(), caller);

  await expect(call).rejects.toThrow('no answer within 100 ms');
  await server.allClosed();
  await network[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Five bytes, each of which takes longer than the other side has for it. */
async function* slow(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < 5; at += 1) {
    await new Promise<void>((ring) => void nodeRuntime.setTimer(ring, 150));
    yield new Uint8Array(1);
  }
}

async function* endless(progress = { made: 0 }, closed?: Latch): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      progress.made += 1;
      yield new Uint8Array(64 * 1024);
    }
  } finally {
    closed?.open();
  }
}
