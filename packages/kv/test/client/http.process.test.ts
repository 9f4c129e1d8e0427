import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, HttpKvClient, op } from '../../src/client-http.ts';
import { HttpServer } from '../../src/server/http/server.ts';
import { MemberCluster, until } from '../member/support/member-cluster.ts';

// The HTTP client against the HTTP servers of three members in this process.

let cluster: MemberCluster;
const servers: HttpServer[] = [];
let addresses: readonly string[] = [];

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
  for (const { service } of cluster.members) {
    servers.push(await HttpServer.listen({ service }));
  }
  addresses = servers.map(({ port }) => `http://127.0.0.1:${port}`);
});

afterAll(async () => {
  for (const server of servers) await server.close({ graceMs: 0 });
  await cluster[Symbol.asyncDispose]();
});

function client(): HttpKvClient {
  return new HttpKvClient({ servers: addresses, discover: false, timeoutMs: 10_000 });
}

test('the HTTP client reads and writes text and bytes', async () => {
  await using kv = client();
  const bytes = Uint8Array.of(0, 0xff, 0xfe, 128);
  const key = Uint8Array.of(0xff, 1);
  await Promise.all([kv.put('text', 'größer'), kv.put(key, bytes), kv.put('empty', '')]);

  const [text, raw, empty, none] = await Promise.all([
    kv.get('text'),
    kv.get(key),
    kv.get('empty', { serializable: false }),
    kv.get('none'),
  ]);

  expect([text?.key, text?.text()]).toEqual(['text', 'größer']);
  expect([raw?.keyBytes, raw?.value]).toEqual([key, bytes]);
  expect([empty?.text(), none]).toEqual(['', undefined]);
  const put = await kv.put('text', 'new', { previous: true });
  expect(put.previous?.text()).toBe('größer');
  const gone = await kv.delete({ prefix: '' }, { previous: true });
  expect([gone.deleted, gone.previous.length]).toEqual([3, 3]);
});

test('the HTTP client lists, counts, compares and nests', async () => {
  await using kv = client();
  await Promise.all(Array.from({ length: 12 }, (_, at) => kv.put(`list/${at + 10}`, `${at}`)));

  const keys: string[] = [];
  const options = { pageSize: 5, descending: true };
  for await (const { key } of kv.range({ prefix: 'list/' }, options)) keys.push(key);
  expect(keys).toEqual(Array.from({ length: 12 }, (_, at) => `list/${21 - at}`));
  expect(await kv.count({ from: 'list/12', to: 'list/15' })).toBe(3);

  const inner = kv
    .txn()
    .if(compare.value('list/10', '=', '0'))
    .then(op.get('list/11'));
  const done = await kv
    .txn()
    .if(compare.exists('list/10'), compare.created({ prefix: 'list/' }, '>', 0))
    .then(inner.nested(), op.delete({ prefix: 'list/1' }), op.range({ prefix: 'list/' }))
    .else(op.put('list/never', 'x'))
    .commit();
  if (!done.succeeded) throw new Error('It succeeds.');
  const [nested, deleted, rest] = done.results;
  expect(nested.results[0]?.text()).toBe('1');
  expect([deleted.deleted, rest.entries.map(({ key }) => key)]).toEqual([
    10,
    ['list/20', 'list/21'],
  ]);
});

test('what the API refuses is the same error as by the native protocol', async () => {
  await using kv = client();

  const refused = await Promise.all(
    [
      kv.put('k', 'v', { lease: 424_242 }),
      kv.get('k', { revision: 9_000_000 }),
      kv.put('large', new Uint8Array(1_500_000)),
      kv.compact(8_000_000),
      kv.commit({
        compare: [],
        then: [putOf('twice'), putOf('twice')],
        else: [],
      }),
    ].map((call) => call.then(() => 'done').catch((error: { code: string }) => error.code)),
  );

  expect(refused).toEqual([
    'KV_LEASE_NOT_FOUND',
    'KV_FUTURE_REVISION',
    'KV_TOO_LARGE',
    'KV_FUTURE_REVISION',
    'KV_DUPLICATE_KEY',
  ]);
  await expect(kv.put('k', 'v', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
});

test('the HTTP client keeps leases alive, and names leases, members and state', async () => {
  await using kv = client();
  const lease = await kv.grantLease(1);
  await kv.put('leased', 'v', { lease });
  await new Promise((resolve) => setTimeout(resolve, 1400));

  expect(lease.signal.aborted).toBe(false);
  const { keys } = await lease.timeToLive({ keys: true });
  expect(keys.map((key) => new TextDecoder().decode(key))).toEqual(['leased']);
  expect(await kv.leases()).toContain(lease.id);
  await lease.revoke();
  expect(await kv.get('leased')).toBeUndefined();
  expect((await kv.members()).map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
  expect((await kv.status()).problems).toEqual([]);
});

test('a watch over HTTP goes on at another member, without a gap or a repetition', async () => {
  await using kv = client();
  const watch = kv.watch({ prefix: 'watched/', previous: true });
  await watch.ready;
  const seen: number[] = [];
  const previous: (string | undefined)[] = [];
  const reading = (async () => {
    for await (const event of watch.events()) {
      seen.push(event.revision);
      previous.push(event.previous?.text());
    }
  })();
  let written = 0;
  for (let round = 0; round < 3; round += 1) {
    for (let at = 0; at < 20; at += 1) {
      await kv.put('watched/key', `${written}`);
      written += 1;
    }
    // The watch is at one of them; each is closed and opened anew at its port.
    await reopen(round);
  }

  await until('the watcher has seen it all', () => seen.length >= written);
  expect(seen).toHaveLength(written);
  expect(new Set(seen).size).toBe(written);
  expect(previous).toEqual([undefined, ...Array.from({ length: written - 1 }, (_, at) => `${at}`)]);
  await watch.return();
  await reading;
});

test('a watch of what was compacted says where it can go on', async () => {
  await using kv = client();
  const { revision } = await kv.put('compacted', '1');
  await kv.compact(revision);
  // A member that does not know of it yet has the history still.
  await until('all have compacted', () =>
    cluster.members.every(({ service }) => service.status().compactedRevision >= revision),
  );

  const watch = kv.watch({ key: 'compacted', from: 1 });

  await expect(watch.next()).rejects.toMatchObject({
    code: 'KV_COMPACTED',
    details: { from: revision + 1 },
  });
});

test('a server that is none fails the call with the reason', async () => {
  await using kv = new HttpKvClient({ servers: ['127.0.0.1:1'], timeoutMs: 400 });

  await expect(kv.put('k', 'v')).rejects.toMatchObject({
    code: 'KV_NO_LEADER',
    maybeApplied: false,
  });
  expect(() => new HttpKvClient({ servers: ['http://'] })).toThrow(RangeError);
});

test('nothing that the HTTP client imports knows Node', () => {
  const source = path.resolve(import.meta.dirname, '../../src');
  const seen = new Set<string>();
  const knowing: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
    for (const [, isType, from = ''] of text.matchAll(
      /(?:import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'/g,
    )) {
      if (isType !== undefined) continue;
      if (from.startsWith('.')) visit(path.resolve(path.dirname(file), from));
      else knowing.push(`${file} imports ${from}`);
    }
    if (/\b(Buffer|process)\./.test(text)) knowing.push(path.relative(source, file));
  };

  visit(path.join(source, 'client-http.ts'));

  // Of this file one function is used, which knows no Buffer.
  expect(knowing).toEqual(['bytes.ts']);
  expect(seen.size).toBeGreaterThan(20);
});

async function reopen(at: number): Promise<void> {
  const server = servers[at];
  const member = cluster.members[at];
  if (server === undefined || member === undefined) throw new Error(`There is no member ${at}.`);
  const { port } = server;
  await server.close({ graceMs: 0 });
  servers[at] = await HttpServer.listen({ service: member.service, port });
}

function putOf(key: string) {
  const bytes = new TextEncoder().encode(key);
  return { type: 'put', key: bytes, value: bytes } as const;
}
