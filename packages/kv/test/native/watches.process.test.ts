import { TcpClient } from 'quorate/network/tcp';
import { describe, expect, test } from 'vitest';
import { channelName } from '../../src/protocol/messages.ts';
import { encodeWatchStream } from '../../src/protocol/rare-calls.ts';
import { type WatchFrame, WatchFrameReader } from '../../src/protocol/watching.ts';
import type { FakeWatch } from './fake-service.ts';
import { batchAt, name as stream } from './stream-kit.ts';
import { key, rare, refusalOf, until, wireForTests } from './wire-kit.ts';

const wire = wireForTests();

describe('watches', () => {
  async function* framesOf(watches: number, signal?: AbortSignal): AsyncGenerator<WatchFrame> {
    const reader = new WatchFrameReader();
    const request = encodeWatchStream({
      stream,
      watches: Array.from({ length: watches }, (_, watch) => ({ watch, request: { key } })),
    });
    const options = signal === undefined ? {} : { signal };
    for await (const chunk of wire.channel.stream(request, options)) yield* reader.push(chunk);
  }

  test('go over one stream, and frames of any size come whole', async () => {
    const frames = framesOf(2);
    await frames.next();
    await frames.next();
    const large = batchAt(6, 3 * 1024 * 1024);
    const events = frames.next();
    await until(() => wire.service.everyWatch.every(({ asked }) => asked === 1));

    for (const watch of wire.service.watches) watch.give(large);

    const { value } = (await events) as { value: WatchFrame & { type: 'events' } };
    expect(value.watches).toEqual([0, 1]);
    const came = value.batch.events[0]?.kv.value ?? new Uint8Array(0);
    expect(Buffer.compare(came, large.events[0]?.kv.value ?? new Uint8Array(0))).toBe(0);
    await frames.return(undefined);
  });

  test('are added and given up on the same connection', async () => {
    const frames = framesOf(0);
    const first = frames.next();

    const added = await rare(wire, 'watch', { stream, watch: 8, request: { key, from: 2 } });
    const created = await first;
    await rare(wire, 'unwatch', { stream, watch: 8 });

    expect(added).toEqual({ from: 2 });
    expect(created.value).toEqual({ type: 'created', watch: 8, from: 2 });
    expect(wire.service.watches.size).toBe(0);
    await frames.return(undefined);
    expect(await refusalOf(rare(wire, 'unwatch', { stream, watch: 8 }))).toMatchObject({
      code: 'KV_NOT_FOUND',
    });
  });

  test('of a caller that does not read are asked for no more than fits on the way', async () => {
    const frames = framesOf(1);
    await frames.next();
    const watch = [...wire.service.watches][0] as FakeWatch;
    const count = 400;
    for (let revision = 6; revision < 6 + count; revision += 1) {
      watch.give(batchAt(revision, 100_000));
    }

    // A megabyte is on its way, and then the stream waits for its reader.
    await until(() => watch.asked >= 10);
    await rare(wire, 'status', {});
    expect(watch.asked).toBeLessThan(30);

    for (let revision = 6; revision < 6 + count; revision += 1) {
      const { value } = (await frames.next()) as { value: WatchFrame & { type: 'events' } };
      expect(value.batch.revision).toBe(revision);
    }
    await frames.return(undefined);
  });

  test('of a caller that has stopped, or is gone, are freed', async () => {
    const frames = framesOf(1000);
    for (let created = 0; created < 1000; created += 1) await frames.next();
    expect(wire.service.watches.size).toBe(1000);

    await frames.return(undefined);
    await until(() => wire.service.watches.size === 0);

    const other = new TcpClient(`127.0.0.1:${wire.server.port}`);
    const opened = Array.from({ length: 40 }, (_, watch) => ({ watch, request: { key } }));
    const request = encodeWatchStream({ stream, watches: opened });
    const chunks = other.channel(channelName).stream(request)[Symbol.asyncIterator]();
    await chunks.next();
    expect(wire.service.watches.size).toBe(40);
    const lost = chunks.next().catch((error: unknown) => error);
    await other.close();

    await until(() => wire.service.watches.size === 0);
    await lost;
  });

  test('that are refused as a stream say why', async () => {
    const error = await refusalOf(framesOf(1501).next());

    const details = { limit: 'maxWatchers', most: 1500, came: 1501 };
    expect(error).toMatchObject({ code: 'KV_LIMIT', details });
    expect(wire.service.everyWatch).toHaveLength(0);
  });
});
