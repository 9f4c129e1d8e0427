import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { told } from '../../src/cli/commands/watch-command.ts';
import { FakeClient, FakeWire } from '../client/support/fake-wire.ts';
import { settle } from '../client/support/test-runtime.ts';

const everyMs = 1000;
const pair = { createRevision: 1, version: 1, lease: 0, value: new Uint8Array() };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('marks of progress come between the events, each once and never before an event', async () => {
  const wire = new FakeWire(['a:1']);
  await using client = new FakeClient(wire);
  const watch = client.watch({ key: 'k', from: 3 });
  await settle();
  const [stream] = wire.streams;
  const [number = 0] = stream?.watches.keys() ?? [];
  const kv = { ...pair, key: Buffer.from('k'), modRevision: 7 };
  const reading = told(watch, { progress: true, everyMs });

  stream?.receiver.onProgress(number, 5);
  const first = reading.next();
  await vi.advanceTimersByTimeAsync(3 * everyMs);
  // It began where the watch did, before the mark came.
  stream?.receiver.onProgress(number, 6);
  await vi.advanceTimersByTimeAsync(everyMs);
  const progress = await first;
  const second = reading.next();
  stream?.receiver.onProgress(number, 6);
  await vi.advanceTimersByTimeAsync(3 * everyMs);
  stream?.receiver.onBatch(number, { revision: 8, events: [{ type: 'put', kv }] });
  const event = await second;
  const third = reading.next();
  stream?.receiver.onProgress(number, 20);
  await vi.advanceTimersByTimeAsync(everyMs);
  const last = await third;

  expect(progress.value).toBe(6);
  expect(event.value).toMatchObject({ type: 'put', revision: 7 });
  expect(last.value).toBe(20);
  await watch.return();
});

test('a position is never ahead of events that were not read', async () => {
  const wire = new FakeWire(['a:1']);
  await using client = new FakeClient(wire);
  const watch = client.watch({ key: 'k', from: 3 });
  await settle();
  const [stream] = wire.streams;
  const [number = 0] = stream?.watches.keys() ?? [];
  const kv = { ...pair, key: Buffer.from('k'), modRevision: 4 };

  const before = watch.position;
  stream?.receiver.onBatch(number, { revision: 4, events: [{ type: 'put', kv }] });
  stream?.receiver.onProgress(number, 9);
  const unread = watch.position;
  await watch.next();

  expect([before, unread, watch.position]).toEqual([2, 2, 9]);
  await watch.return();
});
