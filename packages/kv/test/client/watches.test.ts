import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WatchUpdate } from '../../src/client/watch.ts';
import { KvError } from '../../src/errors.ts';
import type { KvEvent, WatchBatch } from '../../src/types.ts';
import { FakeClient, type FakeStream, FakeWire, noLeader, watched } from './support/fake-wire.ts';
import { settle } from './support/test-runtime.ts';

const members = ['a:1', 'b:1', 'c:1'];

function event(revision: number, size = 1): KvEvent {
  const value = new Uint8Array(size);
  const kv = { value, createRevision: 1, modRevision: revision, version: 1, lease: 0 };
  return { type: 'put', kv: { ...kv, key: new TextEncoder().encode(`k${revision}`) } };
}

/** Revisions `from` up to and with `to`, one event each. */
function batch(from: number, to: number): WatchBatch {
  const events: KvEvent[] = [];
  for (let revision = from; revision <= to; revision += 1) events.push(event(revision));
  return { revision: to, events };
}

function onlyWatch(stream: FakeStream | undefined): number {
  const [number] = stream?.watches.keys() ?? [];
  if (number === undefined) throw new Error('There is no watch on the stream.');
  return number;
}

function revisionsOf({ value }: IteratorResult<WatchUpdate, undefined>): readonly number[] {
  return value?.events.map(({ revision }) => revision) ?? [];
}

test('a watch begins behind the newest revision, which is read before', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);

  const watch = kv.watch({ prefix: 'k' });

  expect(await watch.ready).toBe(8);
  await settle();
  expect([...(wire.streams[0]?.watches.values() ?? [])]).toMatchObject([{ from: 8 }]);
});

test('all watches share one stream', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);

  const watches = ['x', 'y', 'z'].map((key) => kv.watch({ key, from: 3 }));
  await settle();

  expect(wire.streams).toHaveLength(1);
  expect(wire.streams[0]?.watches.size).toBe(3);
  await Promise.all(watches.map((watch) => watch.return()));
  expect(wire.streams[0]?.isClosed).toBe(true);
});

test('a watch goes on at another member behind what it was told, without a gap or a repetition', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  await settle();
  const [first] = wire.streams;
  first?.receiver.onBatch(onlyWatch(first), batch(3, 5));
  expect(revisionsOf(await watch.next())).toEqual([3, 4, 5]);

  first?.break();
  await kv.runtime.pass(300);
  const second = wire.streams[1];
  expect(second?.member).not.toBe(first?.member);
  expect([...(second?.watches.values() ?? [])]).toMatchObject([{ from: 6 }]);
  // What the old stream still says is not heard, and what is told twice is told once.
  first?.receiver.onBatch(onlyWatch(first), batch(6, 6));
  second?.receiver.onBatch(onlyWatch(second), batch(4, 7));

  expect(revisionsOf(await watch.next())).toEqual([6, 7]);
  expect(watch.revision).toBe(7);
});

test('progress moves the place where a watch goes on, and is not shown', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  await settle();
  const [first] = wire.streams;
  first?.receiver.onProgress(onlyWatch(first), 40);

  first?.break();
  await kv.runtime.pass(300);

  const second = wire.streams[1];
  expect([...(second?.watches.values() ?? [])]).toMatchObject([{ from: 41 }]);
  second?.receiver.onBatch(onlyWatch(second), { revision: 50, events: [] });
  // An old stream that breaks once more moves nothing.
  first?.break();
  await kv.runtime.pass(300);
  expect(second?.isClosed).toBe(false);
  second?.break();
  await kv.runtime.pass(300);
  expect([...(wire.streams[2]?.watches.values() ?? [])]).toMatchObject([{ from: 51 }]);
  expect(watched(watch.next()).isOver).toBe(false);
});

test('a watch whose history is gone fails, and says where it can go on', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  const other = kv.watch({ prefix: 'l', from: 90 });
  await settle();
  const [stream] = wire.streams;
  const details = { compactedRevision: 80 };
  stream?.receiver.onBatch(onlyWatch(stream), batch(3, 4));
  stream?.receiver.onEnded(onlyWatch(stream), new KvError('KV_COMPACTED', 'Gone.', { details }));

  expect(revisionsOf(await watch.next())).toEqual([3, 4]);
  await expect(watch.next()).rejects.toMatchObject({
    code: 'KV_COMPACTED',
    details: { compactedRevision: 80, from: 81, wanted: 5 },
  });
  expect(await watch.next()).toEqual({ done: true, value: undefined });
  expect(watched(other.next()).isOver).toBe(false);
  expect(stream?.isClosed).toBe(false);
});

test('a watch that its member ends for a reason of its own moves with the others', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  kv.watch({ key: 'x', from: 3 });
  kv.watch({ key: 'y', from: 5 });
  await settle();
  const [first] = wire.streams;
  first?.receiver.onEnded(onlyWatch(first), new KvError('KV_STOPPING', 'Stopping.'));
  await kv.runtime.pass(300);

  expect(first?.isClosed).toBe(true);
  expect([...(wire.streams[1]?.watches.values() ?? [])].map(({ from }) => from)).toEqual([3, 5]);
});

test('a watch that is one too many for the member fails, and the others stay', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire, { maxWatches: 2 });
  const watch = kv.watch({ key: 'x', from: 3 });
  kv.watch({ key: 'y', from: 3 });
  await settle();
  expect(() => kv.watch({ key: 'z' })).toThrow('2 watches already');
  const [stream] = wire.streams;
  stream?.receiver.onEnded(onlyWatch(stream), new KvError('KV_LIMIT', 'Too many.'));

  await expect(watch.next()).rejects.toMatchObject({ code: 'KV_LIMIT' });
  expect(stream?.isClosed).toBe(false);
  kv.watch({ key: 'z', from: 4 });
});

test('a slow reader holds a bounded amount, and misses nothing', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  const other = kv.watch({ prefix: 'l', from: 3 });
  await settle();
  const [stream] = wire.streams;
  const slow = onlyWatch(stream);
  let told = 2;
  while (stream?.watches.has(slow) === true && told < 50) {
    told += 1;
    stream.receiver.onBatch(slow, { revision: told, events: [event(told, 200_000)] });
  }
  expect(told).toBeLessThan(10);
  stream?.receiver.onBatch(slow, { revision: 100, events: [event(100)] });

  const seen: number[] = [];
  for (let at = 3; at <= told; at += 1) seen.push(...revisionsOf(await watch.next()));
  expect(seen).toEqual(Array.from({ length: told - 2 }, (_, at) => at + 3));
  await settle();
  const [, again] = [...(stream?.watches ?? [])].map(([number, { from }]) => ({ number, from }));
  expect(again?.from).toBe(told + 1);
  stream?.receiver.onBatch(again?.number ?? 0, batch(told + 1, told + 2));
  expect(revisionsOf(await watch.next())).toEqual([told + 1, told + 2]);
  await other.return();
});

test('an aborted watch rejects with the reason and leaves nothing behind', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const controller = new AbortController();
  const watch = kv.watch({ prefix: 'k', from: 3, signal: controller.signal });
  await settle();
  const next = watched(watch.next());

  controller.abort('enough');
  await settle();

  expect(next.error).toBe('enough');
  expect(wire.streams[0]?.watches.size).toBe(0);
  expect(() => kv.watch({ key: 'k', signal: controller.signal })).toThrow('enough');
});

test('leaving the loop ends the watch', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  await settle();
  const [stream] = wire.streams;
  stream?.receiver.onBatch(onlyWatch(stream), batch(3, 9));

  for await (const { revision } of watch.events()) if (revision === 5) break;

  expect(stream?.watches.size).toBe(0);
  expect(await watch.next()).toEqual({ done: true, value: undefined });
});

test('the watches leave a member that knows no leader any more', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  kv.watch({ prefix: 'k', from: 3 });
  await settle();
  const [first] = wire.streams;
  const normal = wire.onCold;
  wire.onCold = async (method, member, params) => {
    if (method !== 'status' || member !== first?.member) return normal(method, member, params);
    return { ...wire.status(member), leader: undefined };
  };

  await kv.runtime.pass(1500);
  expect(wire.streams).toHaveLength(1);
  await kv.runtime.pass(8000);

  expect(first?.isClosed).toBe(true);
  const last = wire.streams.at(-1);
  expect(last?.isClosed).toBe(false);
  expect(last?.member).not.toBe(first?.member);
});

test('a watch that cannot begin says why', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async () => {
    throw noLeader();
  };
  await using kv = new FakeClient(wire);

  const watch = kv.watch({ key: 'k' });
  const ready = watched(watch.ready);
  const next = watched(watch.next());
  await kv.runtime.pass(5000);

  expect(ready.error).toMatchObject({ code: 'KV_NO_LEADER' });
  expect(next.error).toMatchObject({ code: 'KV_NO_LEADER' });
  expect(() => kv.watch({ key: 'k', prefix: 'l' } as never)).toThrow(
    'one of key, prefix and range',
  );
  expect(() => kv.watch({ key: 'k', from: -1 })).toThrow('a whole number');
});

test('closing the client ends the watches and their timers', async () => {
  const wire = new FakeWire(members);
  const kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  await settle();
  const next = watched(watch.next());

  await kv.close();
  await settle();

  expect(next.error).toMatchObject({ code: 'KV_STOPPING' });
  expect(wire.streams[0]?.isClosed).toBe(true);
  expect(kv.runtime.timerCount).toBe(0);
});

/** A member that tells what it should, in pieces, and may break at any moment. */
async function watchThrough(
  steps: readonly { readonly tell: number; readonly breaks: boolean }[],
): Promise<void> {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const watch = kv.watch({ prefix: 'k', from: 3 });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { revision } of watch.events()) seen.push(revision);
  })();
  let newest = 2;
  for (const { tell, breaks } of steps) {
    await kv.runtime.pass(600);
    const stream = wire.streams.findLast(({ isClosed }) => !isClosed);
    if (stream === undefined) throw new Error('There is no stream.');
    const [number = 0, request] = [...stream.watches][0] ?? [];
    newest = Math.max(newest, (request?.from ?? 3) + tell - 1);
    stream.receiver.onBatch(number, batch(request?.from ?? 3, newest));
    if (breaks) stream.break();
  }
  await settle();
  await watch.return();
  await reading;

  expect(seen).toEqual(Array.from({ length: newest - 2 }, (_, at) => at + 3));
}

test('whatever breaks and whenever, each revision is seen once and in order', async () => {
  const step = fc.record({
    tell: fc.integer({ min: 1, max: 5 }),
    breaks: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), watchThrough), {
    numRuns: 60,
  });
});
