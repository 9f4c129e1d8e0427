import fc from 'fast-check';
import { nodeRuntime } from 'quorate';
import { expect, test } from 'vitest';
import { defaultLimits } from '../../src/protocol/limits.ts';
import { WatchHub } from '../../src/server/watch/hub.ts';
import type { KvEvent, Operation, WatchBatch, WatchRequest } from '../../src/types.ts';
import { command } from '../store/arbitraries.ts';
import { bytes, plain } from '../store/kit.ts';
import { pastEvents, RocksKit } from './kit.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const runs = isFull ? 150 : 15;
const timeout = isFull ? 900_000 : 120_000;
const everything = { key: bytes('\0'), end: bytes('\0') };

/** A store that keeps next to nothing in memory, and the hub that tells of it. */
async function watched(tailBytes = 1): Promise<{ kit: RocksKit; hub: WatchHub }> {
  let hub: WatchHub | undefined;
  const kit = await RocksKit.open({
    tailBytes,
    onCompacting: () => hub?.compacting(),
    onApplied: () => hub?.applied(),
  });
  hub = new WatchHub({ store: kit.store, limits: defaultLimits, runtime: nodeRuntime });
  return { kit, hub };
}

function never(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

/** Reads until everything up to a revision was told. */
async function readTo(
  watch: AsyncIterable<WatchBatch>,
  revision: number,
  last: () => number,
): Promise<KvEvent[]> {
  const events: KvEvent[] = [];
  for await (const batch of watch) {
    for (const event of batch.events) events.push(event);
    if (batch.revision >= revision || (events.at(-1)?.kv.modRevision ?? 0) >= last()) break;
  }
  return events;
}

test('watchers are told everything in order, from wherever they begin, mostly from the disk', {
  timeout,
}, async () => {
  const commands = fc.array(command, { minLength: 2, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(commands, fc.nat(20), fc.nat(300), async (all, from, tailBytes) => {
      const { kit, hub } = await watched(tailBytes);
      try {
        const withoutCompaction = all.map((some) => some.filter(({ type }) => type !== 'compact'));
        for (const operations of withoutCompaction) {
          if (operations.length > 0) await kit.apply(operations);
        }
        await kit.apply([{ type: 'put', key: bytes('last'), value: bytes('one') }]);
        const first = Math.max(2, Math.min(from, kit.store.revision));

        const watch = hub.watch({ ...everything, from: first, previous: true }, never());
        const told = await readTo(watch, kit.store.revision, () => kit.store.revision);

        const wanted = (await pastEvents(kit.store)).slice(first - 1);
        expect(plain(told)).toEqual(plain(wanted.flat()));
        expect(hub.isEmpty).toBe(true);
      } finally {
        await kit[Symbol.asyncDispose]();
      }
    }),
    { numRuns: runs },
  );
});

test('a watcher that waits is told of a batch that is more than memory keeps', async () => {
  const { kit, hub } = await watched();
  const watch = hub.watch({ ...everything, previous: true }, never());
  const many = (round: number): Operation[] =>
    Array.from({ length: 3000 }, (_, at) => ({
      type: 'put',
      key: bytes(`key ${at}`),
      value: bytes(`${round}`),
    }));
  const told = readTo(watch, 9001, () => 9001);
  for (let round = 0; round < 3; round += 1) await kit.apply(many(round));

  const events = await told;

  expect(events.map(({ kv }) => kv.modRevision)).toEqual(
    Array.from({ length: 9000 }, (_, at) => at + 2),
  );
  expect(events.at(-1)?.previous?.value).toEqual(bytes('1'));
  await kit[Symbol.asyncDispose]();
});

test('a watcher that has waited while the past was compacted goes on all the same', async () => {
  const { kit, hub } = await watched();
  const watch = hub.watch({ key: bytes('seldom') }, never());
  const pull = watch.next();
  const others = (count: number): Operation[] =>
    Array.from({ length: count }, (_, at) => ({
      type: 'put',
      key: bytes(`other ${at}`),
      value: bytes('x'),
    }));
  await kit.apply(others(10));
  await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  await kit.store.trimmed();

  // More than memory keeps, and more than is told in one turn.
  await kit.apply([...others(9000), { type: 'put', key: bytes('seldom'), value: bytes('1') }]);

  expect((await pull).value?.events.map(({ kv }) => Buffer.from(kv.value).toString())).toEqual([
    '1',
  ]);
  await kit[Symbol.asyncDispose]();
});

test('of many watchers on one key each is told, and an interest costs only what it selects', async () => {
  const { kit, hub } = await watched();
  for (let at = 0; at < 50; at += 1) {
    await kit.apply([
      { type: 'put', key: bytes('seldom'), value: bytes(`${at}`) },
      ...Array.from({ length: 40 }, (_, other): Operation => {
        return { type: 'put', key: bytes(`often ${other}`), value: bytes(`${at}`) };
      }),
    ]);
  }
  const request: WatchRequest = { key: bytes('seldom'), from: 2 };
  const watches = Array.from({ length: 30 }, () => hub.watch(request, never()));

  const told = await Promise.all(
    watches.map((watch) => readTo(watch, Infinity, () => 50 * 41 - 39)),
  );

  const values = Array.from({ length: 50 }, (_, at) => `${at}`);
  for (const events of told) {
    expect(events.map(({ kv }) => Buffer.from(kv.value).toString())).toEqual(values);
  }
  await kit[Symbol.asyncDispose]();
});

test('who is behind is told when its place was compacted, also while it is read', async () => {
  const { kit, hub } = await watched();
  const puts = (round: number): Operation[] =>
    Array.from({ length: 2000 }, (_, at) => ({
      type: 'put',
      key: bytes(`key ${at}`),
      value: bytes(`${round}`),
    }));
  await kit.apply(puts(0));
  await kit.apply(puts(1));
  const watch = hub.watch({ ...everything, from: 2 }, never());

  const first = await watch.next();
  expect(first.value?.events[0]?.kv.modRevision).toBe(2);
  const second = watch.next();
  await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  await kit.store.trimmed();

  // What was begun to be read before is told; what comes after it is not there any more.
  const begun = await second;
  expect(begun.value?.events[0]?.kv.modRevision).toBe((first.value?.revision ?? 0) + 1);
  await expect(watch.next()).rejects.toMatchObject({ code: 'KV_COMPACTED' });
  await kit[Symbol.asyncDispose]();
});

test('a watcher that ends while the disk is read is not told, and leaves nothing behind', async () => {
  const { kit, hub } = await watched();
  for (let at = 0; at < 20; at += 1) {
    await kit.apply([{ type: 'put', key: bytes('k'), value: bytes(`${at}`) }]);
  }
  const ending = new AbortController();
  const watch = hub.watch({ ...everything, from: 2 }, { signal: ending.signal });

  const pull = watch.next();
  ending.abort(new Error('enough'));

  await expect(pull).rejects.toThrow('enough');
  await kit.apply([{ type: 'put', key: bytes('k'), value: bytes('more') }]);
  expect(hub.isEmpty).toBe(true);
  await kit[Symbol.asyncDispose]();
});
