import { expect, test } from 'vitest';

import { lock, tryLock } from '../../src/client/recipes/lock.ts';
import type { TxnRequest } from '../../src/types.ts';
import { FakeCluster, settled, stateOf, txnOf } from './fake-kv.ts';

const key = Buffer.from('guarded');

function put(text: string): TxnRequest {
  return txnOf({ type: 'put', key, value: Buffer.from(text) });
}

function guarded({ store }: FakeCluster): string | undefined {
  return store.range({ key }).kvs[0]?.value.toString();
}

test('one holds the lock at a time, in the order in which they came, with rising tokens', async () => {
  const cluster = new FakeCluster();
  const first = await lock(cluster.client('a'), 'jobs');
  const others = ['b', 'c', 'd'].map((name) => lock(cluster.client(name), 'jobs'));
  await settled();
  const tokens = [first.fencingToken];
  let holder = first;

  for (const next of others) {
    expect(await Promise.all(others.map(stateOf))).toContain('waits');
    expect(await stateOf(next)).toBe('waits');
    await holder.unlock();
    holder = await next;
    tokens.push(holder.fencingToken);
  }
  await holder.unlock();

  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  expect(cluster.leases.size).toBe(0);
});

test('a release reaches the next one by a single event, and nobody else', async () => {
  const cluster = new FakeCluster();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.client(name));
  if (!a || !b || !c) throw new Error('Three clients were wanted.');
  const first = await lock(a, 'jobs');
  const second = lock(b, 'jobs');
  await settled();
  const third = lock(c, 'jobs');
  await settled();

  await first.unlock();
  const { key: secondKey } = await second;

  expect([b.followed[0], c.followed]).toEqual([first.key, [secondKey]]);
  expect([b.batches, c.batches]).toEqual([1, 0]);
  expect(await stateOf(third)).toBe('waits');
});

test('one who dies while it waits is passed over, and the lock stays with its holder', async () => {
  const cluster = new FakeCluster();
  const dying = cluster.client('b');
  const first = await lock(cluster.client('a'), 'jobs');
  const second = lock(dying, 'jobs', { ttl: 5 });
  second.catch(() => undefined);
  await settled();
  const third = lock(cluster.client('c'), 'jobs');
  await settled();

  dying.freeze();
  await cluster.advance(6);

  expect(cluster.leases.size).toBe(2);
  expect(await stateOf(third)).toBe('waits');
  await first.unlock();
  expect((await third).fencingToken).toBeGreaterThan(first.fencingToken);
  dying.thaw();
  await expect(second).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
});

test('one whose place is gone when the one before it goes does not take the lock', async () => {
  const cluster = new FakeCluster();
  const dying = [cluster.client('b'), cluster.client('c')];
  const first = await lock(cluster.client('a'), 'jobs');
  const waiting: Promise<unknown>[] = [];
  for (const kv of dying) {
    const one = lock(kv, 'jobs', { ttl: 3 });
    one.catch(() => undefined);
    waiting.push(one);
    await settled();
  }

  for (const kv of dying) kv.freeze();
  await cluster.advance(3);
  for (const kv of dying) kv.thaw();

  // The last one noticed that the one before it is gone.
  await expect(waiting[1]).rejects.toThrow('its lease has ended');
  await cluster.advance(1);
  await expect(waiting[0]).rejects.toThrow('its lease may have expired');
  expect(first.signal.aborted).toBe(false);
});

test('one who stops waiting is told why at once, and leaves the queue', async () => {
  const cluster = new FakeCluster();
  const first = await lock(cluster.client('a'), 'jobs');
  const stopping = new AbortController();
  const second = lock(cluster.client('b'), 'jobs', { signal: stopping.signal });
  await settled();

  stopping.abort(new Error('no patience'));

  await expect(second).rejects.toThrow('no patience');
  await settled();
  expect(cluster.leases.size).toBe(1);
  await first.unlock();
  expect(await tryLock(cluster.client('c'), 'jobs')).toBeDefined();
});

test('a holder that stood still beyond its time cannot commit, and the next one can', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('a');
  const held = await lock(slow, 'jobs', { ttl: 3 });
  const waiting = lock(cluster.client('b'), 'jobs');
  await settled();

  slow.freeze();
  await cluster.advance(4);
  const next = await waiting;
  await next.commit(put('by the next'));
  slow.thaw();
  const late = held.commit(put('by the one before'));

  await expect(late).rejects.toMatchObject({ code: 'KV_NOT_HELD', key: held.key });
  expect(guarded(cluster)).toBe('by the next');
  expect(held.signal.aborted).toBe(true);
  expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
});

test('a holder that reaches nobody is told before anybody else can have the lock', async () => {
  const cluster = new FakeCluster();
  const cut = cluster.client('a');
  const held = await lock(cut, 'jobs', { ttl: 5 });
  const waiting = lock(cluster.client('b'), 'jobs');
  await settled();

  cut.isCutOff = true;
  await cluster.advance(4);

  expect(held.signal.aborted).toBe(true);
  expect(held.signal.reason).toMatchObject({ code: 'KV_NOT_HELD' });
  expect(await stateOf(waiting)).toBe('waits');
  await cluster.advance(1);
  expect(await stateOf(waiting)).toBe('done');
});

test('a holder whose key somebody deletes is told so', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  const held = await lock(kv, 'jobs');

  await kv.commit(txnOf({ type: 'delete', key: Buffer.from(held.key) }));
  await settled();

  expect(held.signal.reason).toMatchObject({ code: 'KV_NOT_HELD', key: held.key });
});

test('to unlock does not abort the signal, and ends what the lock can commit', async () => {
  const cluster = new FakeCluster();
  const held = await lock(cluster.client('a'), 'jobs');
  await held.commit(put('while held'));

  await held.unlock();
  await held.unlock();
  await settled();

  expect(held.signal.aborted).toBe(false);
  await expect(held.commit(put('after'))).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
  expect(guarded(cluster)).toBe('while held');
});

test('a transaction that an unlock overtakes is refused, and that is no loss of the lock', async () => {
  const gate = Promise.withResolvers<void>();
  const cluster = new FakeCluster(async (label) => {
    if (label === 'a: commit' && isHeld) await gate.promise;
  });
  let isHeld = false;
  const held = await lock(cluster.client('a'), 'jobs');
  isHeld = true;

  const late = held.commit(put('late'));
  await held.unlock();
  gate.resolve();

  await expect(late).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
  expect(guarded(cluster)).toBeUndefined();
  expect(held.signal.aborted).toBe(false);
});

test('a block that uses the lock frees it at its end, also when it throws', async () => {
  const cluster = new FakeCluster();

  const failing = (async () => {
    await using held = await lock(cluster.client('a'), 'jobs');
    throw new Error(`failed with ${held.key}`);
  })();

  await expect(failing).rejects.toThrow('failed with quorate/lock/jobs/');
  expect(cluster.leases.size).toBe(0);
});

test('an unlock that failed can be tried again, and the lease is not kept alive meanwhile', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  const [held, other] = [await lock(kv, 'jobs'), await lock(kv, 'letters', { ttl: 3 })];
  kv.failingRevokes = 2;

  await expect(held.unlock()).rejects.toMatchObject({ code: 'KV_TIMEOUT' });
  await expect(other.unlock()).rejects.toMatchObject({ code: 'KV_TIMEOUT' });

  await held.unlock();
  expect(cluster.leases.size).toBe(1);
  await cluster.advance(3);
  expect(cluster.leases.size).toBe(0);
});

test('a request whose answer is lost leaves no place in the queue behind', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  kv.lostAnswers = 1;

  await expect(lock(kv, 'jobs')).rejects.toMatchObject({ code: 'KV_TIMEOUT' });

  await settled();
  expect(cluster.leases.size).toBe(0);
  expect(cluster.store.range({ key: Buffer.of(0), end: Buffer.of(0xff) }).count).toBe(0);
});

test('to try takes a free lock, and neither waits for nor overtakes anybody', async () => {
  const cluster = new FakeCluster();
  const [a, b] = [cluster.client('a'), cluster.client('b')];

  const held = await tryLock(a, 'jobs');
  const inVain = await tryLock(b, 'jobs');
  const race = await Promise.all([tryLock(a, 'letters'), tryLock(b, 'letters')]);

  expect(held?.key).toMatch(/^quorate\/lock\/jobs\//);
  expect(inVain).toBeUndefined();
  expect(race.filter((one) => one !== undefined)).toHaveLength(1);
  await settled();
  expect(cluster.leases.size).toBe(2);
});

test('names are independent, whatever is in them', async () => {
  const cluster = new FakeCluster();
  const names = ['a', 'a/b', 'a%2Fb', 'ä', '.', 'a/'];

  const held = await Promise.all(names.map((name) => tryLock(cluster.client(name), name)));

  expect(held).not.toContain(undefined);
  await expect(lock(cluster.client('x'), '')).rejects.toThrow(TypeError);
  await expect(lock(cluster.client('x'), '\ud800')).rejects.toThrow('well-formed Unicode');
});

test('who waits for the lock notices a release also when the history of it is compacted', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('b');
  const first = await lock(cluster.client('a'), 'jobs');
  const second = lock(slow, 'jobs');
  await settled();

  slow.freeze();
  await first.unlock();
  await cluster.client('c').commit(put('something'));
  cluster.compact();
  slow.thaw();

  expect((await second).fencingToken).toBeGreaterThan(first.fencingToken);
});

test('a holder is still guarded after the history was compacted', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('a');
  const held = await lock(slow, 'jobs');
  await settled();

  slow.freeze();
  await cluster.client('c').commit(put('one'));
  await settled();
  await cluster.client('c').commit(put('two'));
  cluster.compact();
  slow.thaw();
  await settled();

  expect(held.signal.aborted).toBe(false);
  cluster.revoke([...cluster.leases.keys()][0] ?? 0);
  await settled();
  expect(held.signal.aborted).toBe(true);
});
