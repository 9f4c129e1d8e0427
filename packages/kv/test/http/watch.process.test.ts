import { once } from 'node:events';
import { connect } from 'node:net';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { KvError } from '../../src/errors.ts';
import { demandSchema } from './support/answers.ts';
import { EventReader } from './support/event-source.ts';
import { type Kit, startKit } from './support/http-kit.ts';

let kit: Kit;

beforeEach(async () => {
  kit = await startKit({ limits: { heartbeatMs: 20, stallMs: 200 }, progressIntervalMs: 50 });
});

afterEach(() => kit[Symbol.asyncDispose]());

function put(key: string, value: string): Promise<unknown> {
  return kit.post('/v1/put', { key, value });
}

function watch(query: string, headers: Record<string, string> = {}): Promise<EventReader> {
  return EventReader.open(`${kit.url}/v1/watch?${query}`, headers);
}

test('a watch tells where it begins, and then what changes, in whole revisions', async () => {
  await put('u/0', 'before');
  await using reader = await watch('prefix=u/&previous=true');
  const created = await reader.next();

  await put('v', 'elsewhere');
  await kit.post('/v1/txn', {
    then: [
      { type: 'put', key: 'u/1', value: 'x' },
      { type: 'delete', key: 'u/0' },
    ],
  });
  const changes = await reader.next();

  expect(created).toEqual({ id: '2', event: 'created', data: { revision: 2 } });
  expect(changes).toMatchObject({
    id: '4',
    event: 'changes',
    data: {
      revision: 4,
      events: [
        { type: 'put', kv: { key: 'u/1', value: 'x' } },
        { type: 'delete', kv: { key: 'u/0' }, previous: { value: 'before' } },
      ],
    },
  });
  demandSchema({ $ref: '#/components/schemas/WatchBatch' }, changes?.data, 'The data of changes');
});

test('history comes first with from', async () => {
  await put('a', 'one');
  await put('a', 'two');

  await using reader = await watch('key=a&from=2');
  const [created, ...events] = await reader.take(2);

  expect(created).toMatchObject({ id: '1', data: { revision: 1 } });
  expect(events).toMatchObject([
    { data: { events: [{ kv: { value: 'one' } }, { kv: { value: 'two' } }] } },
  ]);
});

test('a reader that comes back with Last-Event-ID misses nothing and gets nothing twice', async () => {
  const seen: unknown[] = [];
  let last = '';
  const read = async (count: number): Promise<void> => {
    await using reader = await watch('prefix=k', last === '' ? {} : { 'last-event-id': last });
    last = (await reader.next())?.id ?? '';
    while (seen.length < count) {
      const event = await reader.next();
      last = event?.id ?? '';
      const { events } = (event?.data ?? {}) as { events: { kv: { value: unknown } }[] };
      seen.push(...events.map(({ kv }) => kv.value));
    }
  };
  const started = read(1);
  await vi.waitUntil(() => kit.service.hub.count === 1);
  await put('k1', '1');
  await started;
  await put('k2', '2');
  await put('k1', '3');

  await read(3);

  expect(seen).toEqual(['1', '2', '3']);
  expect(last).toBe('4');
});

test('without leaves changes of one type out, and bytes can all be base64', async () => {
  await using reader = await watch('prefix=&without=put&bytes=base64');
  await reader.next();

  await put('a', 'x');
  await kit.post('/v1/delete', { key: 'a' });

  expect(await reader.next()).toMatchObject({
    data: { events: [{ type: 'delete', kv: { key: { base64: 'YQ==' } } }] },
  });
});

test('there is a comment when there is nothing to tell, and progress for who wants it', async () => {
  await using plain = await watch('key=a');
  await plain.waitForComments(2);
  await using reader = await watch('key=a&progress=true');
  await reader.next();
  await put('b', 'x');

  expect(plain.comments).toBe(2);
  const marks = [];
  do marks.push(await reader.next());
  while (marks.at(-1)?.id !== '2');
  expect(marks.at(-1)).toMatchObject({ event: 'progress', data: { revision: 2 } });
});

test('what was forgotten is told by an event, from which a reader can go on', async () => {
  for (const value of ['1', '2', '3']) await put('a', value);
  await kit.post('/v1/compact', { revision: 3 });

  await using reader = await watch('key=a', { 'last-event-id': '1' });
  const events = await reader.take(3);

  expect(reader.response.status).toBe(200);
  expect(events).toMatchObject([
    { event: 'created', id: '1' },
    { event: 'compacted', id: '3', data: { code: 'KV_COMPACTED', retry: 'no' } },
  ]);
  await using next = await watch('key=a', { 'last-event-id': events[1]?.id ?? '' });
  expect(await next.take(2)).toMatchObject([
    { id: '3' },
    { data: { events: [{ kv: { value: '3' } }] } },
  ]);
});

test.each([
  ['', 'either \\"key\\"'],
  ['key=a&prefix=b', 'either \\"key\\"'],
  ['key=', 'fewer than 1'],
  ['key=a&from=-1', '>= 0'],
  ['key=a&previous=perhaps', 'a boolean'],
  ['key=a&frm=1', 'did you mean \\"from\\"'],
])('the query %j is refused before a stream begins', async (query, says) => {
  const response = await fetch(`${kit.url}/v1/watch?${query}`);

  expect(response.status).toBe(400);
  expect(await response.text()).toContain(says);
});

test('a member that refuses watches answers with the status of its reason', async () => {
  kit.service.hub.close(new KvError('KV_UNHEALTHY', 'Its state is wrong.'));

  const { status, json } = await kit.ask('/v1/watch?key=a');

  expect(status).toBe(503);
  expect(json).toMatchObject({ code: 'KV_UNHEALTHY' });
});

test('a watch ends with its reason when the server stops', async () => {
  await using reader = await watch('key=a');
  await reader.next();

  const closed = kit.server.close();

  expect(await reader.next()).toMatchObject({ event: 'failed', data: { code: 'KV_STOPPING' } });
  expect(await reader.next()).toBeUndefined();
  await closed;
});

test('a reader that goes away frees its watch', async () => {
  const reader = await watch('key=a');
  await reader.next();
  expect(kit.service.hub.count).toBe(1);

  await reader[Symbol.asyncDispose]();

  await vi.waitUntil(() => kit.service.hub.count === 0 && kit.server.running === 0);
});

test('a reader that takes nothing is waited for, and then let go', async () => {
  const socket = connect(kit.server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET /v1/watch?prefix= HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  socket.pause();
  await vi.waitUntil(() => kit.service.hub.count === 1);

  const value = 'x'.repeat(500_000);
  for (let at = 0; at < 40; at += 1) await put('a', value);

  await vi.waitFor(() => expect(kit.service.hub.count).toBe(0), { timeout: 10_000 });
  socket.destroy();
});

test('many readers of one key are all told the same', async () => {
  const readers = await Promise.all(Array.from({ length: 20 }, () => watch('key=a')));
  for (const reader of readers) await reader.next();

  await put('a', 'x');

  const events = await Promise.all(readers.map((reader) => reader.next()));
  expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});
