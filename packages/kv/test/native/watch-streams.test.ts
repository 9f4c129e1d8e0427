import { describe, expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import type { OpenedWatch } from '../../src/protocol/rare-calls.ts';
import { FakeService } from './fake-service.ts';
import { batchAt, handlerWith, key, opened, Reader, turns, watchAt } from './stream-kit.ts';

describe('a stream of watches', () => {
  test('first says with which revision each begins, and asks for everything from there on', async () => {
    const service = new FakeService();
    const watches: OpenedWatch[] = [
      { watch: 7, request: { key } },
      { watch: 9, request: { key, from: 3, previous: true } },
    ];

    const reader = new Reader(handlerWith(service), watches);

    expect(await reader.next()).toEqual([
      { type: 'created', watch: 7, from: service.revision + 1 },
      { type: 'created', watch: 9, from: 3 },
    ]);
    expect(service.everyWatch.map(({ request }) => request)).toEqual([
      { key, from: 6 },
      { key, from: 3, previous: true },
    ]);
  });

  test('tells watches that share a batch by one frame', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(100));
    await reader.next();
    const next = reader.next();
    await turns();
    const shared = batchAt(6);

    for (const watch of service.watches) watch.give(shared);

    const numbers = Array.from({ length: 100 }, (_, watch) => watch);
    expect(await next).toEqual([{ type: 'events', watches: numbers, batch: shared }]);
  });

  test('tells different batches apart, and progress as such', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(3));
    await reader.next();
    const next = reader.next();
    await turns();

    watchAt(service, 0).give(batchAt(6));
    watchAt(service, 1).give({ revision: 8, events: [] });
    watchAt(service, 2).give(batchAt(7));

    expect(await next).toEqual([
      { type: 'events', watches: [0], batch: batchAt(6) },
      { type: 'progress', watches: [1], revision: 8 },
      { type: 'events', watches: [2], batch: batchAt(7) },
    ]);
  });

  test('asks no watch for anything while nobody reads', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(40));
    await reader.next();
    await turns();
    expect(service.everyWatch.map(({ asked }) => asked)).toEqual(Array(40).fill(0));

    for (const watch of service.watches) {
      for (let revision = 6; revision < 100; revision += 1) watch.give(batchAt(revision));
    }
    const frames = await reader.next();
    await turns();

    expect(frames.length).toBeLessThanOrEqual(40);
    for (const { asked } of service.everyWatch) expect(asked).toBeLessThanOrEqual(1);
  });

  test('holds few of the batches that are ready for watches that lag', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(200));
    await reader.next();
    const large = 100_000;
    for (const watch of service.watches) watch.give(batchAt(6, large));

    const frames = await reader.next();
    const asked = service.everyWatch.filter((watch) => watch.asked > 0);

    expect(frames).toHaveLength(1);
    expect(asked.length).toBeLessThanOrEqual(16);
  });

  test('lets none of its watches wait for ever behind busy ones', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(60));
    await reader.next();
    const told = new Map<number, number>();
    for (let revision = 6; revision < 26; revision += 1) {
      for (const watch of service.watches) watch.give(batchAt(revision, 40_000));
    }

    for (let chunk = 0; chunk < 10_000 && told.get(59) !== 20; chunk += 1) {
      for (const frame of await reader.next()) {
        if (frame.type !== 'events') throw new Error(`a frame ${frame.type} came`);
        for (const watch of frame.watches) told.set(watch, (told.get(watch) ?? 0) + 1);
        const counts = [...Array(60).keys()].map((watch) => told.get(watch) ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    }

    expect(told.get(0)).toBe(20);
  });

  test('tells each watch its batches in order, once each', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(5));
    await reader.next();
    const told: number[][] = [[], [], [], [], []];

    for (let revision = 6; revision < 40; revision += 1) {
      const shared = batchAt(revision);
      for (const [at, watch] of service.everyWatch.entries()) {
        if (revision % (at + 1) === 0) watch.give(revision % 2 === 0 ? shared : batchAt(revision));
      }
    }
    while (told.some((all, at) => all.length < wanted(at).length)) {
      for (const frame of await reader.next()) {
        if (frame.type !== 'events') continue;
        for (const watch of frame.watches) told[watch]?.push(frame.batch.revision);
      }
    }

    expect(told).toEqual([0, 1, 2, 3, 4].map(wanted));
    function wanted(at: number): number[] {
      return Array.from({ length: 34 }, (_, index) => index + 6).filter(
        (revision) => revision % (at + 1) === 0,
      );
    }
  });

  test('tells that a watch has failed, after what it had, and goes on with the others', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(2));
    await reader.next();
    const details = { compactedRevision: 9 };
    watchAt(service, 0).give(batchAt(6));
    watchAt(service, 0).fail(new KvError('KV_COMPACTED', 'Gone.', { details }));

    const frames = [...(await reader.next()), ...(await reader.next())];
    const next = reader.next();
    await turns();
    watchAt(service, 1).give(batchAt(7));

    expect(frames).toMatchObject([
      { type: 'events', watches: [0] },
      { type: 'ended', watch: 0, error: { code: 'KV_COMPACTED', message: 'Gone.', details } },
    ]);
    expect(await next).toMatchObject([{ type: 'events', watches: [1] }]);
  });

  test('tells that one of its watches has too long a key, and has the others', async () => {
    const watches = [{ watch: 5, request: { key: new Uint8Array(70_000) } }, ...opened(1)];

    const reader = new Reader(handlerWith(new FakeService()), watches);

    expect(await reader.next()).toMatchObject([
      { type: 'ended', watch: 5, error: { code: 'KV_TOO_LARGE' } },
      { type: 'created', watch: 0 },
    ]);
  });

  test('tells that the service refused one of its watches, and has the others', async () => {
    const service = new FakeService();
    service.refuseWatch = ({ from }) =>
      from === 1 ? new KvError('KV_LIMIT', 'Too many.') : undefined;
    const watches = [...opened(1), { watch: 5, request: { key, from: 1 } }];

    const reader = new Reader(handlerWith(service), watches);

    expect(await reader.next()).toMatchObject([
      { type: 'created', watch: 0 },
      { type: 'ended', watch: 5, error: { code: 'KV_LIMIT' } },
    ]);
  });
});
