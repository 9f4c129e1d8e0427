import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import {
  encodeBatch,
  encodeCreated,
  encodeEnded,
  encodeEvents,
  encodeProgress,
  mostFrameBytes,
  mostWatchNumber,
  type WatchFrame,
  WatchFrameReader,
} from '../../src/protocol/watching.ts';
import { batch, u53 } from './arbitraries.ts';

const watch = fc.nat(mostWatchNumber);
const watches = fc.array(watch, { maxLength: 20 });
const error = fc
  .record({ message: fc.string(), details: fc.dictionary(fc.string(), fc.nat()) })
  .map(({ message, details }) => new KvError('KV_COMPACTED', message, { details }));

const frame: fc.Arbitrary<WatchFrame> = fc.oneof(
  fc.record({ type: fc.constant('created' as const), watch, from: u53 }),
  fc.record({ type: fc.constant('events' as const), watches, batch }),
  fc.record({ type: fc.constant('progress' as const), watches, revision: u53 }),
  fc.record({ type: fc.constant('ended' as const), watch }),
  fc.record({ type: fc.constant('ended' as const), watch, error }),
);

function encode(one: WatchFrame): Uint8Array {
  switch (one.type) {
    case 'created':
      return encodeCreated(one.watch, one.from);
    case 'events':
      return encodeEvents(one.watches, encodeBatch(one.batch));
    case 'progress':
      return encodeProgress(one.watches, one.revision);
    case 'ended':
      return encodeEnded(one.watch, one.error);
  }
}

test('frames are read as they were written, however the stream is cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 10 }),
      (frames, sizes) => {
        const stream = new Uint8Array(Buffer.concat(frames.map(encode)));
        const reader = new WatchFrameReader();
        const read: WatchFrame[] = [];

        for (let at = 0, cut = 0; at < stream.length; cut += 1) {
          const to = at + (sizes[cut % sizes.length] as number);
          read.push(...reader.push(stream.slice(at, to)));
          at = to;
        }

        expect(read).toEqual(frames);
        const errors = (all: readonly WatchFrame[]): unknown =>
          all.map((one) => one.type === 'ended' && [one.error?.code, one.error?.details]);
        expect(errors(read)).toEqual(errors(frames));
      },
    ),
    { numRuns: 500 },
  );
});

test('events are encoded once for all watches that share them', () => {
  const shared = encodeBatch({ revision: 9, events: [] });

  const one = encodeEvents([1], shared);
  const two = encodeEvents([2, 3], shared);

  expect(one.subarray(-shared.length)).toEqual(shared);
  expect(two.length).toBe(one.length + 4);
});

test('a frame that claims too much is refused when its length is there', () => {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, mostFrameBytes + 1, true);

  expect(() => new WatchFrameReader().push(head)).toThrow(
    expect.objectContaining({ code: 'KV_INTERNAL' }),
  );
});

test('a long frame is put together once, not again with every chunk', () => {
  const value = new Uint8Array(4 * 1024 * 1024).fill(7);
  const kv = { key: value.subarray(0, 1), createRevision: 1, modRevision: 1, version: 1, lease: 0 };
  const events = [{ type: 'put' as const, kv: { ...kv, value } }];
  const long = encodeEvents([1], encodeBatch({ revision: 1, events }));
  const reader = new WatchFrameReader();
  const read: WatchFrame[] = [];

  // To copy all that is there for each of these chunks would be to move more than 100 GiB.
  for (let at = 0; at < long.length; at += 64)
    read.push(...reader.push(long.subarray(at, at + 64)));

  const [first] = read;
  expect(read).toHaveLength(1);
  if (first?.type !== 'events') throw new Error('no events came');
  const came = first.batch.events[0]?.kv.value ?? new Uint8Array(0);
  expect(Buffer.compare(came, value)).toBe(0);
});
