import { expect, test } from 'vitest';

import { Counter } from '../../src/client/recipes/counter.ts';
import { FakeCluster, settled, stateOf, txnOf } from './fake-kv.ts';

test('what many clients add at once is added once each, and each total is seen once', async () => {
  const cluster = new FakeCluster();
  const counters = ['a', 'b', 'c'].map((name) => new Counter(cluster.client(name), 'hits'));

  const totals = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => counters[index % 3]?.add()),
  );

  expect(totals.sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  expect(await counters[0]?.get()).toBe(60);
});

test('what one client adds while an addition is under way goes as one', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  const counter = new Counter(kv, 'hits');

  const first = counter.add(5);
  await settled();
  const rest = Array.from({ length: 100 }, () => counter.add(2));

  expect(await first).toBe(5);
  expect((await Promise.all(rest)).at(-1)).toBe(205);
  expect(kv.commits).toBe(2);
});

test('a counter starts at 0, and takes negative numbers', async () => {
  const counter = new Counter(new FakeCluster().client('a'), 'hits');

  const before = await counter.get();

  expect(before).toBe(0);
  expect(await counter.add(-7)).toBe(-7);
  expect(await counter.add(0)).toBe(-7);
});

test('numbers and totals that are not exact are refused, and nothing else with them', async () => {
  const counter = new Counter(new FakeCluster().client('a'), 'hits');

  const [large, tooLarge, small] = await Promise.allSettled([
    counter.add(Number.MAX_SAFE_INTEGER),
    counter.add(1),
    counter.add(-1),
  ]);

  expect(large).toMatchObject({ value: Number.MAX_SAFE_INTEGER });
  expect(tooLarge).toMatchObject({ reason: expect.any(RangeError) as unknown });
  expect(small).toMatchObject({ value: Number.MAX_SAFE_INTEGER - 1 });
  await expect(counter.add(0.5)).rejects.toThrow(RangeError);
});

test('one who stops waiting takes only its own part away, and only before it is sent', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  const counter = new Counter(kv, 'hits');
  const stopping = new AbortController();
  await counter.add(1);
  kv.freeze();
  const sent = counter.add(10);
  await settled();

  const dropped = counter.add(100, { signal: stopping.signal });
  const kept = counter.add(1000);
  stopping.abort(new Error('no patience'));
  await expect(dropped).rejects.toThrow('no patience');
  kv.thaw();

  expect(await sent).toBe(11);
  expect(await kept).toBe(1011);
});

test('after everyone has stopped waiting, the next addition goes all the same', async () => {
  const kv = new FakeCluster().client('a');
  const counter = new Counter(kv, 'hits');
  const stopping = new AbortController();
  kv.freeze();
  const sent = counter.add(1);
  await settled();
  const dropped = counter.add(10, { signal: stopping.signal });
  dropped.catch(() => undefined);

  stopping.abort();
  const next = counter.add(100);
  kv.thaw();

  expect(await Promise.all([sent, next])).toEqual([1, 101]);
  expect(await stateOf(dropped)).toBe('failed');
});

test('an addition whose answer is lost says that its fate is open, and the next one is right', async () => {
  const kv = new FakeCluster().client('a');
  const counter = new Counter(kv, 'hits');
  kv.lostAnswers = 1;

  await expect(counter.add(3)).rejects.toMatchObject({ maybeApplied: true });

  expect(await counter.add(4)).toBe(7);
});

test('what is no number is not written over', async () => {
  const kv = new FakeCluster().client('a');
  const counter = new Counter(kv, 'hits');
  const put = {
    type: 'put',
    key: Buffer.from(counter.key),
    value: Buffer.from('many'),
  } as const;
  await kv.commit(txnOf(put));

  const failing = counter.add(1);

  await expect(failing).rejects.toMatchObject({ code: 'KV_FOREIGN_VALUE', key: counter.key });
  await expect(counter.get()).rejects.toThrow('"many"');
});
