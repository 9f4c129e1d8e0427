import { describe, expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import { encodeWatchStream } from '../../src/protocol/rare-calls.ts';
import { FakeService } from './fake-service.ts';
import {
  batchAt,
  call,
  context,
  handlerWith,
  key,
  name,
  opened,
  Reader,
  turns,
  watchAt,
} from './stream-kit.ts';

describe('the watches of a stream', () => {
  test('takes more watches, and gives some up, while it is read', async () => {
    const service = new FakeService();
    const handler = handlerWith(service);
    const reader = new Reader(handler, []);
    const next = reader.next();

    const added = await call(handler, 'watch', { stream: name, watch: 4, request: { key } });
    expect(added).toEqual({ from: 6 });
    expect(await next).toEqual([{ type: 'created', watch: 4, from: 6 }]);

    const after = reader.next();
    await turns();
    watchAt(service, 0).give(batchAt(6));
    await call(handler, 'unwatch', { stream: name, watch: 4 });
    await call(handler, 'watch', { stream: name, watch: 4, request: { key, from: 2 } });

    expect(service.watches.size).toBe(1);
    expect(watchAt(service, 0).isOver).toBe(true);
    // What the first watch of this number had ready must not pass for what the second one tells.
    expect(await after).toEqual([{ type: 'created', watch: 4, from: 2 }]);
  });

  test('does not tell what a watch had ready that was given up since', async () => {
    const service = new FakeService();
    const handler = handlerWith(service);
    const reader = new Reader(handler, opened(2));
    await reader.next();
    const first = reader.next();
    await turns();
    watchAt(service, 1).give(batchAt(6));
    expect(await first).toMatchObject([{ type: 'events', watches: [1] }]);

    watchAt(service, 0).give(batchAt(7));
    await turns();
    await call(handler, 'unwatch', { stream: name, watch: 0 });
    const next = reader.next();
    await turns();
    watchAt(service, 1).give(batchAt(8));

    expect(await next).toEqual([{ type: 'events', watches: [1], batch: batchAt(8) }]);
  });

  test('ends its watches by their signals, whatever their iterators wait for', async () => {
    const ended: unknown[] = [];
    const service = new FakeService();
    service.watch = async function* watch(_request, { signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended.push(signal.reason);
      yield batchAt(6);
    };
    const handler = handlerWith(service);
    const reader = new Reader(handler, opened(3));
    await reader.next();
    const next = reader.next();
    await turns();

    await call(handler, 'unwatch', { stream: name, watch: 1 });
    await turns();
    expect(ended).toHaveLength(1);
    await reader.chunks.return?.();

    expect(await next).toEqual([]);
    await turns();
    expect(ended).toHaveLength(3);
  });

  test('lets the iterators of its watches go, whether they look at their signals or not', async () => {
    let returned = 0;
    const service = new FakeService();
    service.watch = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          returned += 1;
          return { done: true, value: undefined };
        },
      }),
    });
    const handler = handlerWith(service);
    const reader = new Reader(handler, opened(3));

    await call(handler, 'unwatch', { stream: name, watch: 1 });
    expect(returned).toBe(1);
    await reader.chunks.return?.();

    expect(returned).toBe(3);
  });

  test('ends with everything in it when its caller is gone', async () => {
    const service = new FakeService();
    const handler = handlerWith(service, 50);
    const controller = new AbortController();
    const reader = new Reader(handler, opened(50), controller.signal);
    await reader.next();
    const next = reader.next();
    await turns();

    controller.abort(new Error('gone'));

    expect(await next).toEqual([]);
    expect(service.watches.size).toBe(0);
    await expect(
      call(handler, 'watch', { stream: name, watch: 60, request: { key } }),
    ).rejects.toMatchObject({ code: 'KV_NOT_FOUND' });
    // All room is there again, and the name as well.
    const again = new Reader(handler, opened(50));
    expect(await again.next()).toHaveLength(50);
  });

  test('ends with everything in it when its reader stops', async () => {
    const service = new FakeService();
    const reader = new Reader(handlerWith(service), opened(3));
    await reader.next();

    await reader.chunks.return?.();

    expect(service.watches.size).toBe(0);
    expect(await reader.next()).toEqual([]);
  });
});

describe('the room for watches', () => {
  test('is bounded, also for those that have ended and whose end nobody reads', async () => {
    const service = new FakeService();
    const handler = handlerWith(service, 10);
    const reader = new Reader(handler, opened(9));
    service.refuseWatch = () => new KvError('KV_LIMIT', 'Too many.');
    const add = (watch: number): Promise<unknown> =>
      call(handler, 'watch', { stream: name, watch, request: { key } });

    await expect(add(20)).rejects.toMatchObject({ code: 'KV_LIMIT', message: 'Too many.' });
    service.refuseWatch = () => undefined;
    await add(21);
    await expect(add(22)).rejects.toMatchObject({
      code: 'KV_LIMIT',
      details: { limit: 'maxWatchers', most: 10, came: 11 },
    });
    await call(handler, 'unwatch', { stream: name, watch: 21 });
    await add(23);

    expect(service.watches.size).toBe(10);
    watchAt(service, 0).fail(new KvError('KV_STOPPING', 'Stopping.'));
    await reader.next();
    await reader.next();
    await add(24);
  });

  test('is not taken by a stream that is refused', async () => {
    const service = new FakeService();
    const handler = handlerWith(service, 2);
    const tooMany = encodeWatchStream({ stream: name, watches: opened(3) });
    const twice = encodeWatchStream({ stream: name, watches: [...opened(1), ...opened(1)] });

    for (const [request, code] of [
      [tooMany, 'KV_LIMIT'],
      [twice, 'KV_INVALID'],
      [new Uint8Array(0), 'KV_INVALID'],
    ] as const) {
      expect(() => handler.stream(request, context())).toThrow(expect.objectContaining({ code }));
    }
    expect(service.everyWatch).toHaveLength(0);
    expect(await new Reader(handler, opened(2)).next()).toHaveLength(2);
  });

  test('belongs to names that are drawn: one that lives cannot be opened again', () => {
    const handler = handlerWith(new FakeService());
    const first = new Reader(handler, []);

    expect(() => new Reader(handler, [])).toThrow(expect.objectContaining({ code: 'KV_INVALID' }));
    expect(first).toBeDefined();
  });
});
