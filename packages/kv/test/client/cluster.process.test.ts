import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, KvClient, op } from '../../src/client.ts';
import { MemberCluster, until } from '../member/support/member-cluster.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';

// A cluster of three members in this process, and clients that reach them over TCP.

const names = ['a', 'b', 'c'];
let cluster: MemberCluster;

beforeAll(async () => {
  cluster = await MemberCluster.start(names);
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

function client(servers: readonly string[] = Object.values(cluster.peers)): KvClient {
  return new KvClient({ servers, timeoutMs: 15_000 });
}

test('what is put is read, listed, counted, changed on conditions and deleted', async () => {
  await using kv = client();
  const written = await Promise.all(
    Array.from({ length: 25 }, (_, at) => kv.put(`list/${String(at).padStart(2, '0')}`, `v${at}`)),
  );
  expect(new Set(written.map(({ revision }) => revision)).size).toBe(25);

  expect((await kv.get('list/07'))?.text()).toBe('v7');
  expect(await kv.get('list/none')).toBeUndefined();
  const keys: string[] = [];
  for await (const { key } of kv.range({ prefix: 'list/' }, { pageSize: 4 })) keys.push(key);
  expect(keys).toHaveLength(25);
  expect(keys).toEqual([...keys].sort());
  const last: string[] = [];
  const descending = { pageSize: 2, limit: 5, descending: true };
  for await (const { key } of kv.range({ prefix: 'list/' }, descending)) last.push(key);
  expect(last).toEqual(keys.slice(-5).toReversed());
  expect(await kv.count({ prefix: 'list/' }, { serializable: false })).toBe(25);

  const seen = await kv.get('list/07');
  const changed = await kv.put('list/07', 'new', { ifRevision: seen?.modRevision ?? 0 });
  expect(changed.succeeded).toBe(true);
  const refused = await kv.put('list/07', 'newer', { ifRevision: seen?.modRevision ?? 0 });
  expect([refused.succeeded, refused.current?.text()]).toEqual([false, 'new']);
  const old = await kv.get('list/07', { revision: seen?.modRevision ?? 0 });
  expect(old?.text()).toBe('v7');
  const gone = await kv.delete({ prefix: 'list/' }, { previous: true });
  expect([gone.deleted, gone.previous.length]).toEqual([25, 25]);
});

test('a transaction does one side or the other, all of it', async () => {
  await using kv = client();
  const create = kv
    .txn()
    .if(compare.absent('txn/a'))
    .then(op.put('txn/a', '1'), op.put('txn/b', '2'), op.count({ prefix: 'txn/' }))
    .else(op.get('txn/a'), op.delete('txn/b', { previous: true }));

  const first = await create.commit();
  const second = await create.commit();

  if (!first.succeeded || second.succeeded) throw new Error('The first succeeds, and no other.');
  expect(first.results[2]).toBe(2);
  expect(second.results[0]?.text()).toBe('1');
  expect(second.results[1].previous[0]?.text()).toBe('2');
});

test('one bad operation does not spoil the others of its turn', async () => {
  await using kv = client();
  const large = new Uint8Array(2 * 1024 * 1024);
  const longKey = 'k'.repeat(70_000);

  const results = await Promise.allSettled([
    kv.put('turn/a', '1'),
    kv.put(longKey, '1'),
    kv.put('turn/b', '1', { lease: 999_999 }),
    kv.put('turn/large', large),
    kv.put('turn/c', '1'),
  ]);

  const codes = results.map((one) => (one.status === 'fulfilled' ? 'done' : codeOf(one.reason)));
  expect(codes).toEqual(['done', 'KV_TOO_LARGE', 'KV_LEASE_NOT_FOUND', 'KV_TOO_LARGE', 'done']);
});

test('a lease keeps its keys until it is revoked', async () => {
  await using kv = client();
  const lease = await kv.grantLease(1);
  await kv.put('lease/key', 'v', { lease });

  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect((await kv.get('lease/key'))?.lease).toBe(lease.id);
  const { keys, remaining } = await lease.timeToLive({ keys: true });
  expect(keys.map((key) => Buffer.from(key).toString())).toEqual(['lease/key']);
  expect(remaining).toBeGreaterThan(0);
  expect(await kv.leases()).toContain(lease.id);

  await lease.revoke();
  expect(await kv.get('lease/key')).toBeUndefined();
});

test('a watch that asks for what is compacted says where it can go on', async () => {
  await using kv = client();
  for (let at = 0; at < 5; at += 1) await kv.put('compact/key', `${at}`);
  const { revision } = await kv.put('compact/key', 'last');
  await kv.compact(revision);
  // A member that does not know of it yet has the history still.
  await until('all have compacted', () =>
    cluster.members.every(({ service }) => service.status().compactedRevision >= revision),
  );

  const watch = kv.watch({ key: 'compact/key', from: 2 });
  await expect(watch.next()).rejects.toMatchObject({
    code: 'KV_COMPACTED',
    details: { from: revision + 1 },
  });
});

test('thousands of watches share a stream, and each is told', async () => {
  await using kv = client();
  const watches = Array.from({ length: 2500 }, (_, at) => kv.watch({ key: `many/${at % 50}` }));
  await Promise.all(watches.map(({ ready }) => ready));
  const first = Promise.all(watches.map((watch) => watch.next()));

  for (let at = 0; at < 50; at += 1) await kv.put(`many/${at}`, 'v');

  const updates = await first;
  expect(updates.every(({ value }) => value?.events.length === 1)).toBe(true);
});

test('a watch that the member refuses does not end those that were asked for with it', async () => {
  await using kv = client();
  const { revision } = await kv.put('beside', '1');
  const refused = [1, 2].map((at) => kv.watch({ key: `${at}`.repeat(70_000), from: revision }));
  const beside = [1, 2, 3].map(() => kv.watch({ key: 'beside', from: revision }));

  const told = await Promise.all(beside.map((watch) => watch.next()));
  expect(told.map(({ value }) => value?.revision)).toEqual([revision, revision, revision]);
  const next = Promise.all(beside.map((watch) => watch.next()));
  for (const watch of refused) {
    await expect(watch.next()).rejects.toMatchObject({ code: 'KV_TOO_LARGE' });
  }
  // And one that comes later.
  const late = kv.watch({ key: '3'.repeat(70_000), from: revision });
  await expect(late.next()).rejects.toMatchObject({ code: 'KV_TOO_LARGE' });
  await kv.put('beside', '2');
  expect((await next).every(({ value }) => value?.events.length === 1)).toBe(true);
});

test('a leader that goes under load costs no write, doubles none, and no watcher misses any', async () => {
  await using kv = client();
  await using other = client();
  const watch = other.watch({ prefix: 'load/' });
  const from = await watch.ready;
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { revision } of watch.events()) seen.push(revision);
  })();
  const over = new AbortController();
  let written = 0;
  const writers = Array.from({ length: 40 }, async (_, at) => {
    while (!over.signal.aborted) {
      await kv.put(`load/${at % 4}`, `${written}`);
      written += 1;
    }
  });

  for (let round = 0; round < 2; round += 1) {
    const before = written;
    await until('writes go on', () => written > before + 500);
    const { name } = await cluster.leader();
    await cluster.close(name);
    const after = written;
    await until('writes go on elsewhere', () => written > after + 500);
    await cluster.startOne(name);
  }
  over.abort();
  await Promise.all(writers);

  const { entries } = await kv.page({ prefix: 'load/' });
  // Every put counts the version of its key up by one, and no more.
  expect(entries.reduce((sum, { version }) => sum + version, 0)).toBe(written);
  await until('the watcher has seen it all', () => seen.length >= written);
  expect(seen).toHaveLength(written);
  expect(seen.every((revision, at) => at === 0 || revision > (seen[at - 1] ?? 0))).toBe(true);
  expect(seen[0]).toBeGreaterThanOrEqual(from);
  await watch.return();
  await reading;
});

test('however often answers are lost, each write takes effect once and each change is told once', async () => {
  const ports = Object.values(cluster.peers).map((address) => Number(address.split(':')[1]));
  const proxies = await Promise.all(ports.map((port) => CuttingProxy.listen(port)));
  const servers = proxies.map(({ address }) => address);
  await using kv = new KvClient({ servers, discover: false, timeoutMs: 15_000 });
  const watch = kv.watch({ prefix: 'cut/' });
  await watch.ready;
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { revision } of watch.events()) seen.push(revision);
  })();
  const over = new AbortController();
  let written = 0;
  const writers = Array.from({ length: 50 }, async (_, at) => {
    while (!over.signal.aborted) {
      await kv.put(`cut/${at % 3}`, new Uint8Array(500));
      written += 1;
    }
  });

  for (let round = 0; round < 25; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const proxy of proxies) proxy.cut();
  }
  over.abort();
  await Promise.all(writers);

  const { entries } = await kv.page({ prefix: 'cut/' });
  expect(written).toBeGreaterThan(100);
  expect(entries.reduce((sum, { version }) => sum + version, 0)).toBe(written);
  await until('the watcher has seen it all', () => seen.length >= written);
  expect(seen).toHaveLength(written);
  expect(seen.every((revision, at) => at === 0 || revision > (seen[at - 1] ?? 0))).toBe(true);
  await watch.return();
  await reading;
  await kv.close();
  await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
});

test('a client that knows one server finds the others', async () => {
  const [first = '', ...others] = Object.values(cluster.peers);
  await using kv = client([first]);
  await kv.put('found', 'v');
  const named = (await kv.members()).map(({ clientAddress = '' }) => clientAddress);
  expect(named).toEqual(expect.arrayContaining(others.map((address) => `tcp://${address}`)));

  await cluster.close('a');
  expect((await kv.get('found'))?.text()).toBe('v');
  await cluster.startOne('a');
});

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}
