import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

import { KvClient } from '../../src/client/client.ts';
import { Collection } from '../../src/client/collection.ts';
import { compare, op } from '../../src/client/operations.ts';
import { Barrier } from '../../src/client/recipes/barrier.ts';
import { Counter } from '../../src/client/recipes/counter.ts';
import { DoubleBarrier } from '../../src/client/recipes/double-barrier.ts';
import { Election } from '../../src/client/recipes/election.ts';
import { lock, tryLock } from '../../src/client/recipes/lock.ts';
import { MemberCluster, until } from '../member/support/member-cluster.ts';

// The recipes over the real client, wire and members. Their cases in detail are tested beside this.

let cluster: MemberCluster;
const clients: KvClient[] = [];

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((kv) => kv.close()));
});

afterAll(() => cluster[Symbol.asyncDispose]());

function connect(): KvClient {
  const kv = new KvClient({ servers: Object.values(cluster.peers), timeoutMs: 20_000 });
  clients.push(kv);
  return kv;
}

/** Closes the member that leads, does that, and starts it again. */
async function withoutLeader(work: () => Promise<void>): Promise<void> {
  const { name } = await cluster.leader();
  await cluster.close(name);
  await work();
  await cluster.startOne(name);
}

test('a lock goes on to the next holder in order, and survives a change of leader', async () => {
  const [a, b, c] = [connect(), connect(), connect()];
  const first = await lock(a, 'jobs');
  const second = lock(b, 'jobs');
  const inVain = await tryLock(c, 'jobs');

  await withoutLeader(async () => {
    await first.txn().if(compare.absent('work')).then(op.put('work', 'done')).commit();
  });
  await first.unlock();
  const next = await second;

  expect(inVain).toBeUndefined();
  expect(next.fencingToken).toBeGreaterThan(first.fencingToken);
  expect((await c.get('work'))?.text()).toBe('done');
  expect([first.signal.aborted, next.signal.aborted]).toEqual([false, false]);
  await next.unlock();
});

test('the lock of a client that is gone is free when its time is over', async () => {
  const [a, b] = [connect(), connect()];
  const first = await lock(a, 'letters', { ttl: 1 });

  await a.close();
  const second = await lock(b, 'letters');

  expect(first.signal.aborted).toBe(true);
  expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
  await second.unlock();
});

test('a holder whose lease somebody ends is told, and can commit nothing', async () => {
  const [a, b] = [connect(), connect()];
  const held = await lock(a, 'reports');
  const lost = new Promise((resolve) => {
    held.signal.addEventListener('abort', () => resolve(held.signal.reason), { once: true });
  });

  await b.delete(held.key);

  expect(await lost).toMatchObject({ code: 'KV_NOT_HELD' });
  const late = held.txn().then(op.put('work', 'too late')).commit();
  await expect(late).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
  await held.unlock();
});

test('what is added while the leader changes is added once', async () => {
  const counters = [connect(), connect(), connect()].map((kv) => new Counter(kv, 'hits'));
  const adding: Promise<number>[] = [];

  await withoutLeader(async () => {
    for (let round = 0; round < 50; round += 1) {
      for (const counter of counters) adding.push(counter.add(round));
      await counters[round % 3]?.add(1);
    }
  });
  await Promise.all(adding);

  expect(await counters[0]?.get()).toBe(3 * 1225 + 50);
});

test('leaders follow one another, and an observer sees each of them', async () => {
  const asking = connect();
  const [a, b, c] = [asking, connect(), connect()].map((kv) => new Election(kv, 'reports'));
  const told: (string | undefined)[] = [];
  const stopping = new AbortController();
  const first = await a?.campaign('a');
  const observing = (async () => {
    for await (const leader of c?.observe({ signal: stopping.signal }) ?? []) {
      told.push(leader?.text);
      if (leader === undefined) stopping.abort(new Error('seen enough'));
    }
  })();
  observing.catch(() => undefined);
  await until('the observer knows who leads', () => told.length > 0);

  const second = b?.campaign('b');
  while ((await asking.count({ prefix: 'quorate/election/reports/' })) < 2);
  await first?.proclaim('a again');
  await first?.resign();
  await (await second)?.resign();

  await expect(observing).rejects.toThrow('seen enough');
  expect(told).toEqual(['a', 'a again', 'b', undefined]);
});

test('participants begin and end together, and a barrier lets all go', async () => {
  const kvs = [connect(), connect(), connect()];
  const log: string[] = [];
  const barrier = new Barrier(connect(), 'go');
  await barrier.hold();

  const working = kvs.map(async (kv) => {
    await new Barrier(kv, 'go').wait();
    const place = await new DoubleBarrier(kv, 'phase', 3).enter();
    log.push('in');
    await place.leave();
    log.push('out');
  });
  await barrier.release();
  await Promise.all(working);

  expect(log).toEqual(['in', 'in', 'in', 'out', 'out', 'out']);
});

test('documents are changed by several clients, and watched by another', async () => {
  const schema = z.object({ stock: z.number().int() });
  const shops = [connect(), connect()].map((kv) => new Collection(kv, 'goods', schema));
  const [shop, other] = shops;
  await shop?.create('tea', { stock: 10 });
  const seen: number[] = [];
  const watching = (async () => {
    for await (const event of new Collection(connect(), 'goods', schema).watch({ current: true })) {
      if (event.type === 'delete') return;
      seen.push(event.document.value.stock);
    }
  })();

  await Promise.all(
    Array.from({ length: 10 }, async (_, index) =>
      shops[index % 2]?.update('tea', (tea) => tea && { stock: tea.value.stock - 1 }),
    ),
  );
  const left = await other?.get('tea');
  await other?.delete('tea');
  await watching;

  expect(left?.value).toEqual({ stock: 0 });
  expect(seen.at(-1)).toBe(0);
  expect(seen).toEqual(seen.toSorted((one, another) => another - one));
  expect(new Set(seen).size).toBe(seen.length);
});
