import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeWay, Link } from './links.ts';

const held = { ...freeWay, isHeld: true };

/** Answers each text with the same in capitals. */
const server = createServer((socket) => {
  accepted.push(socket);
  socket.on('data', (bytes: Buffer) => {
    received += bytes.toString();
    socket.write(bytes.toString().toUpperCase());
  });
  socket.on('error', () => undefined);
});
let accepted: Socket[] = [];
let received = '';
let link: Link;
let caller: Socket;
let heard = '';
let closed: Promise<unknown>;

function call(): void {
  const [host = '', port] = link.address.split(':');
  caller = connect(Number(port), host);
  caller.on('error', () => undefined);
  caller.on('data', (bytes: Buffer) => (heard += bytes.toString()));
  closed = new Promise((resolve) => caller.once('close', resolve));
}

beforeEach(async () => {
  accepted = [];
  received = '';
  heard = '';
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await Link.open();
  link.lead((server.address() as AddressInfo).port);
});

afterEach(async () => {
  caller.destroy();
  await link.close();
  for (const socket of accepted) socket.destroy();
  server.close();
  await once(server, 'close');
});

async function until(isThere: () => boolean): Promise<void> {
  await expect.poll(isThere, { timeout: 20_000, interval: 5 }).toBe(true);
}

/** Long enough that what is not held would have come: it takes the same way in full. */
async function othersHavePassed(): Promise<void> {
  const other = await Link.open();
  other.lead((server.address() as AddressInfo).port);
  const [host = '', port] = other.address.split(':');
  const socket = connect(Number(port), host);
  socket.write('other;');
  await once(socket, 'data');
  socket.destroy();
  await other.close();
}

test('a free way passes requests and answers', async () => {
  call();
  caller.write('one;');
  await until(() => heard === 'ONE;');

  expect(received).toBe('one;');
});

test('held requests come late, on connections old and new', async () => {
  call();
  caller.write('one;');
  await until(() => heard === 'ONE;');

  link.treat({ requests: held });
  caller.write('two;');
  await othersHavePassed();
  expect(received).toBe('one;other;');
  link.treat({ requests: freeWay });
  await until(() => heard === 'ONE;TWO;');

  caller.destroy();
  link.treat({ requests: held });
  heard = '';
  call();
  caller.write('three;');
  await othersHavePassed();
  expect(heard).toBe('');
  link.treat({ requests: freeWay });
  await until(() => heard === 'THREE;');
});

test('with held answers the request arrives, and the caller learns nothing, not even an end', async () => {
  link.treat({ answers: held });
  call();
  caller.write('one;');
  await until(() => received === 'one;');
  for (const socket of accepted) socket.resetAndDestroy();
  await othersHavePassed();
  expect({ heard, isClosed: caller.destroyed }).toEqual({ heard: '', isClosed: false });

  link.treat({ answers: freeWay });
  await closed;
});

test('a reset breaks what is open, and what was held is lost', async () => {
  call();
  caller.write('one;');
  await until(() => heard === 'ONE;');
  link.treat({ requests: held });
  caller.write('two;');
  await othersHavePassed();

  link.reset();
  await closed;
  link.treat({ requests: freeWay });
  await othersHavePassed();

  expect(received).not.toContain('two;');
});

test('a slow way keeps the order and loses nothing', async () => {
  link.treat({ requests: { isHeld: false, delayMs: 5, bytesPerSecond: 2_000_000 } });
  const text = Array.from({ length: 60_000 }, (_, at) => `${at};`).join('');
  call();
  caller.write(text);
  await until(() => received.length >= text.length);

  expect(received).toBe(text);
  await until(() => heard === text);
});

test('nobody behind the link means a broken connection', async () => {
  link.lead(undefined);
  call();
  await closed;

  expect(received).toBe('');
});
