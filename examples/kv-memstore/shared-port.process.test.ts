import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { TcpClient, TcpServer } from 'quorate/network/tcp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SharedPort } from './shared-port.ts';

let server: TcpServer;
let socket: Socket | undefined;

beforeEach(async () => {
  const http = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => response.write(text.toUpperCase()));
    request.on('end', () => response.end());
  });
  server = await TcpServer.listen({ host: '127.0.0.1', sockets: new SharedPort(http) });
  server.handle('capitals', {
    call: (request) => Buffer.from(Buffer.from(request).toString().toUpperCase()),
  });
});

afterEach(async () => {
  socket?.destroy();
  await server.close();
});

/** A connection by hand, and what comes over it until it ends. */
async function connected(): Promise<{ socket: Socket; heard: Promise<string> }> {
  const caller = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
  socket = caller;
  let text = '';
  caller.setEncoding('utf8').on('data', (more: string) => (text += more));
  const heard = new Promise<string>((resolve) => {
    caller.on('error', () => undefined);
    caller.once('close', () => resolve(text));
  });
  await once(caller, 'connect');
  return { socket: caller, heard };
}

test('frames and HTTP are answered on one port', async () => {
  const url = `http://127.0.0.1:${server.port}/`;
  const client = new TcpClient(`127.0.0.1:${server.port}`);
  try {
    const large = 'word '.repeat(100_000);
    for (const text of ['one', 'two', large]) {
      const response = await fetch(url, { method: 'POST', body: text });
      const answer = await client.channel('capitals').call(Buffer.from(text));

      expect(await response.text()).toBe(text.toUpperCase());
      expect(Buffer.from(answer).toString()).toBe(text.toUpperCase());
    }
  } finally {
    await client.close();
  }
});

test('HTTP that comes byte by byte is answered, and ends with its caller', async () => {
  const caller = await connected();
  const head = ['POST / HTTP/1.1', 'host: x', 'connection: close', 'content-length: 3'];
  const request = [...head, '', 'one'].join('\r\n');
  for (const letter of request) {
    caller.socket.write(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  caller.socket.end();

  expect(await caller.heard).toMatch(/^HTTP\/1\.1 200 OK\r\n.*O.*N.*E/s);
});

test('what is neither is refused, and does no harm to others', async () => {
  const strange = await connected();
  strange.socket.write('\u0016\u0003\u0001\u0002 is no request');
  const short = await connected();
  short.socket.end('PO');

  expect(await strange.heard).toContain('400 Bad Request');
  expect(await short.heard).toBe('');
  const response = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: 'on' });
  expect(await response.text()).toBe('ON');
});

test('a server that closes lets go of callers of either kind', async () => {
  const silent = await connected();
  const speaking = await connected();
  speaking.socket.write('POST / HTTP/1.1\r\n');
  const client = new TcpClient(`127.0.0.1:${server.port}`);
  await client.channel('capitals').call(Buffer.from('one'));

  await server.close();

  expect(await Promise.all([silent.heard, speaking.heard])).toEqual(['', '']);
  await client.close();
});
