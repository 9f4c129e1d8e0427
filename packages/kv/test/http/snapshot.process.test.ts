import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { verifyBackup } from '../../src/backup/verify.ts';
import { HttpKvClient } from '../../src/client-http.ts';
import { KvError } from '../../src/errors.ts';
import { until } from '../native/wire-kit.ts';
import { put } from '../store/kit.ts';
import { type Kit, startKit } from './support/http-kit.ts';

let kit: Kit;

beforeEach(async () => {
  kit = await startKit({ limits: { stallMs: 300 } });
  for (let at = 0; at < 40; at += 1) put(kit.service.store, `key ${at}`, 'x'.repeat(100_000));
});

afterEach(() => kit[Symbol.asyncDispose]());

async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) throw new Error('There is no body.');
  for await (const chunk of body) yield chunk as Uint8Array;
}

test('GET gives a whole backup, by its name and as bytes', async () => {
  const response = await fetch(`${kit.url}/v1/snapshot`);

  const { head, content } = await verifyBackup(bodyOf(response), { name: 'it', rebuild: true });

  expect(response.headers.get('content-type')).toBe('application/octet-stream');
  expect(response.headers.get('content-disposition')).toContain('.qkvb');
  expect(head.hash).toBe(kit.service.store.hash());
  expect(content.keys).toBe(40);
  expect(kit.service.barriers).toBe(1);
});

test('it need not be new', async () => {
  const response = await fetch(`${kit.url}/v1/snapshot?serializable=true`);
  await verifyBackup(bodyOf(response), { name: 'it' });

  expect(kit.service.barriers).toBe(0);
});

test('a refusal before the first byte is an answer like any other', async () => {
  kit.service.failure = new KvError('KV_LIMIT', 'Too many.');

  const { status, json } = await kit.ask('/v1/snapshot');

  expect([status, json]).toMatchObject([429, { code: 'KV_LIMIT', message: 'Too many.' }]);
});

test('a stream that fails in the middle ends the connection, and not the answer', async () => {
  const { service } = kit;
  service.snapshot = async function* () {
    yield Buffer.alloc(100_000);
    throw new KvError('KV_UNHEALTHY', 'The state is wrong.');
  };

  const response = await fetch(`${kit.url}/v1/snapshot`);

  await expect(response.arrayBuffer()).rejects.toThrow('terminated');
});

test('who does not read is let go of after a while', async () => {
  let isOver = false;
  const { service } = kit;
  service.snapshot = async function* () {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      isOver = true;
    }
  };
  const request = get(`${kit.url}/v1/snapshot`);
  const [response] = (await once(request, 'response')) as [IncomingMessage];

  await until(() => isOver);

  response.destroy();
  expect(isOver).toBe(true);
});

test('the HTTP client reads it too, and is told when it breaks off', async () => {
  await using client = new HttpKvClient({ servers: [kit.url], discover: false });

  const { head } = await verifyBackup(client.snapshot({ serializable: true }), { name: 'it' });
  kit.service.snapshot = async function* () {
    yield Buffer.alloc(100_000);
    throw new KvError('KV_UNHEALTHY', 'The state is wrong.');
  };
  const broken = (async () => {
    for await (const _ of client.snapshot({ serializable: true })) void _;
  })();

  expect(head.hash).toBe(kit.service.store.hash());
  await expect(broken).rejects.toBeInstanceOf(KvError);
});
