import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { GrpcConnection } from './grpc-connection.ts';
import { FrameSplitter, frameTypes, http2Frame, preface } from './http2.ts';

const ping = Buffer.alloc(8, 1);
/** The other end is Node's own HTTP/2, which knows the whole protocol. */
let server: Http2Server | undefined;
let connection: GrpcConnection | undefined;

afterEach(() => {
  connection?.close();
  server?.close();
});

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function answer(stream: ServerHttp2Stream, message: Buffer, status = '0'): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  if (status === '0') stream.write(framed(message));
  stream.end();
}

async function connectTo(
  onCall: (stream: ServerHttp2Stream, path: string, message: Buffer) => void,
): Promise<GrpcConnection> {
  server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    void buffer(stream).then(
      (body) => onCall(stream, String(headers[':path']), body.subarray(5)),
      () => undefined,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  connection = await GrpcConnection.open('127.0.0.1', (server.address() as AddressInfo).port);
  return connection;
}

test('a call brings the answer of the path that it names', async () => {
  const calls = await connectTo((stream, path, message) =>
    answer(stream, Buffer.from(`${path} ${message.toString()}`)),
  );

  const answered = await calls.call('/echo', Buffer.from('hello'));

  expect(answered.toString()).toBe('/echo hello');
});

test('a thousand calls at once, more than the window has room for, are all answered', async () => {
  const calls = await connectTo((stream, _, message) => answer(stream, message));
  const messages = Array.from({ length: 1000 }, (_, at) => Buffer.alloc(1000, at % 251));

  const answers = await Promise.all(messages.map((message) => calls.call('/echo', message)));

  expect(answers.every((one, at) => one.equals(messages[at] ?? Buffer.alloc(0)))).toBe(true);
});

test('no more is sent than the server has room for', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const splitter = new FrameSplitter();
  let dataBytes = 0;
  let isFirst = true;
  const raw = createRawServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const bytes = isFirst ? chunk.subarray(preface.length) : chunk;
      // Its answer comes behind all that was sent before.
      if (isFirst) socket.write(http2Frame({ type: frameTypes.ping, flags: 0, stream: 0 }, ping));
      isFirst = false;
      splitter.push(bytes, ({ type, body }) => {
        if (type === frameTypes.data) dataBytes += body.length;
        if (type === frameTypes.ping) resolve(dataBytes);
      });
    });
  });
  raw.listen(0, '127.0.0.1');
  await once(raw, 'listening');
  const client = await GrpcConnection.open('127.0.0.1', (raw.address() as AddressInfo).port);
  const calls = Array.from({ length: 200 }, () => client.call('/echo', Buffer.alloc(1000)));

  const sent = await promise;
  client.close();
  raw.close();

  await Promise.allSettled(calls);
  expect(sent).toBeLessThanOrEqual(65_535);
  expect(sent).toBeGreaterThan(65_535 - 1005);
});

test('a large answer, in many frames, arrives whole', async () => {
  const large = Buffer.alloc(3_000_000, 7);
  const calls = await connectTo((stream) => answer(stream, large));

  expect((await calls.call('/large', Buffer.alloc(0))).equals(large)).toBe(true);
});

test('a call that the server refuses rejects, and the next one is answered', async () => {
  const calls = await connectTo((stream, path, message) =>
    answer(stream, message, path === '/refused' ? '14' : '0'),
  );

  await expect(calls.call('/refused', Buffer.alloc(1))).rejects.toThrow('refused the call');
  expect((await calls.call('/echo', Buffer.from('x'))).toString()).toBe('x');
});

test('a call without an answer in time rejects, and the server is told', async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<number>();
  const calls = await connectTo((stream) => stream.on('aborted', () => resolve(stream.rstCode)));

  await expect(calls.call('/silent', Buffer.alloc(1), 20)).rejects.toThrow('within 20 ms');
  expect(await cancelled).toBe(8);
});

test('calls of a connection that ends reject', async () => {
  const calls = await connectTo((stream) => stream.session?.destroy());

  await expect(calls.call('/end', Buffer.alloc(1))).rejects.toThrow(/connection|ECONNRESET/);
  await expect(calls.call('/end', Buffer.alloc(1))).rejects.toThrow(/connection|ECONNRESET/);
  expect(calls.hasEnded).toBe(true);
});
