import { expect, test } from 'vitest';

import { Barrier } from '../../src/client/recipes/barrier.ts';
import { DoubleBarrier } from '../../src/client/recipes/double-barrier.ts';
import { FakeCluster, settled, stateOf } from './fake-kv.ts';

test('all who wait at a barrier go on once it is released, and nobody before', async () => {
  const cluster = new FakeCluster();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Barrier(cluster.client(name), 'ready'));

  const held = [await a?.hold(), await b?.hold()];
  const waiting = [b?.wait(), c?.wait()].map((wait) => Promise.resolve(wait));
  const before = await Promise.all(waiting.map(stateOf));
  const released = [await a?.release(), await a?.release()];

  expect([held, before]).toEqual([
    [true, false],
    ['waits', 'waits'],
  ]);
  expect(released).toEqual([true, false]);
  await Promise.all(waiting);
  await c?.wait();
});

test('who waits goes on also if the barrier is held again at once', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('b');
  const barrier = new Barrier(cluster.client('a'), 'ready');
  await barrier.hold();
  const waiting = new Barrier(slow, 'ready').wait();
  await settled();

  slow.freeze();
  await barrier.release();
  await barrier.hold();
  slow.thaw();

  expect(await stateOf(waiting)).toBe('done');
});

test('one who stops waiting at a barrier is told why', async () => {
  const barrier = new Barrier(new FakeCluster().client('a'), 'ready');
  await barrier.hold();
  const stopping = new AbortController();
  const waiting = barrier.wait({ signal: stopping.signal });
  await settled();

  stopping.abort(new Error('no patience'));

  await expect(waiting).rejects.toThrow('no patience');
});

test('a round begins when all are in, and ends when all are out, again and again', async () => {
  const cluster = new FakeCluster();
  const barriers = ['a', 'b', 'c'].map((name) => barrierOf(cluster, name));
  for (let round = 0; round < 3; round += 1) {
    const early = barriers.slice(1).map((barrier) => barrier.enter());
    expect(await Promise.all(early.map(stateOf))).toEqual(['waits', 'waits']);

    const places = await Promise.all([...early, ...barriers.slice(0, 1).map((one) => one.enter())]);

    const [last, ...others] = places;
    const leaving = others.map((place) => place.leave());
    expect(await Promise.all(leaving.map(stateOf))).toEqual(['waits', 'waits']);
    await Promise.all([...leaving, last?.leave()]);
    expect(places.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  }

  await settled();
  expect(cluster.leases.size).toBe(0);
  expect(cluster.store.range({ key: Buffer.of(0), end: Buffer.of(0xff) }).count).toBe(0);
});

function barrierOf(cluster: FakeCluster, name: string, count = 3): DoubleBarrier {
  return new DoubleBarrier(cluster.client(name), 'start', count);
}

test('one who notices late that a round has begun is not left behind by those who leave', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('a');
  const late = new DoubleBarrier(slow, 'start', 2).enter();
  await settled();

  slow.freeze();
  const other = await barrierOf(cluster, 'b', 2).enter();
  const leaving = other.leave();
  expect(await stateOf(leaving)).toBe('waits');
  slow.thaw();

  await (await late).leave();
  await leaving;
});

test('one who comes while others are leaving waits for the next round', async () => {
  const cluster = new FakeCluster();
  const [a, b] = await Promise.all([
    barrierOf(cluster, 'a', 2).enter(),
    barrierOf(cluster, 'b', 2).enter(),
  ]);
  const leaving = a.leave();
  await settled();

  const coming = [barrierOf(cluster, 'a', 2).enter(), barrierOf(cluster, 'c', 2).enter()];
  expect(await Promise.all(coming.map(stateOf))).toEqual(['waits', 'waits']);
  await b.leave();
  await leaving;

  const places = await Promise.all(coming);
  await Promise.all(places.map((place) => place.leave()));
});

test('one who dies before it leaves does not keep the others in', async () => {
  const cluster = new FakeCluster();
  const dying = cluster.client('a');
  const [place, other] = await Promise.all([
    new DoubleBarrier(dying, 'start', 2).enter({ ttl: 3 }),
    barrierOf(cluster, 'b', 2).enter(),
  ]);

  dying.freeze();
  const leaving = other.leave();
  expect(await stateOf(leaving)).toBe('waits');
  await cluster.advance(3);

  await leaving;
  dying.thaw();
  await settled();
  expect(place.signal.aborted).toBe(true);
  await place.leave();
});

test('a round whose participants have all died does not bar the next one', async () => {
  const cluster = new FakeCluster();
  const clients = [cluster.client('a'), cluster.client('b')];
  await Promise.all(clients.map((kv) => new DoubleBarrier(kv, 'start', 2).enter({ ttl: 3 })));
  for (const kv of clients) kv.freeze();
  await cluster.advance(3);

  const next = await Promise.all(['c', 'd'].map((name) => barrierOf(cluster, name, 2).enter()));

  await Promise.all(next.map((place) => place.leave()));
  await settled();
  expect(cluster.leases.size).toBe(0);
});

test('one who dies while it waits does not count, and its place can be taken', async () => {
  const cluster = new FakeCluster();
  const dying = cluster.client('a');
  const dead = new DoubleBarrier(dying, 'start', 2).enter({ ttl: 3 });
  dead.catch(() => undefined);
  await settled();
  dying.freeze();
  await cluster.advance(3);

  const first = barrierOf(cluster, 'b', 2).enter();
  expect(await stateOf(first)).toBe('waits');
  const second = await barrierOf(cluster, 'c', 2).enter();

  await Promise.all([second.leave(), first.then((place) => place.leave())]);
  dying.thaw();
  await expect(dead).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
});

test('one too many is refused, and leaves nothing behind', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('b');
  const first = barrierOf(cluster, 'a', 2).enter();
  await settled();
  // It is in, and stands still before it can tell that the round has begun.
  const second = new DoubleBarrier(slow, 'start', 2).enter();
  while (cluster.store.revision < 3) await Promise.resolve();
  slow.freeze();

  const third = barrierOf(cluster, 'c', 2).enter();

  await expect(third).rejects.toMatchObject({ code: 'KV_BARRIER_FULL' });
  slow.thaw();
  await settled();
  expect(cluster.leases.size).toBe(2);
  const places = await Promise.all([first, second]);
  await Promise.all(places.map((place) => place.leave()));
});

test('a barrier for nobody is refused', () => {
  for (const count of [0, -1, 1.5, NaN]) {
    expect(() => barrierOf(new FakeCluster(), 'a', count)).toThrow(RangeError);
  }
});
