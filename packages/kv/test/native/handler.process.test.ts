import fc from 'fast-check';
import { UnreachableError } from 'quorate';
import { ChannelError } from 'quorate/network/tcp';
import { describe, expect, test } from 'vitest';
import { errorKinds, KvError } from '../../src/errors.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { errorOf } from '../../src/protocol/failures.ts';
import {
  decodeKeptAlive,
  encodeKeepAlive,
  encodeRangeCall,
  encodeWrite,
} from '../../src/protocol/messages.ts';
import { decodeRangeResponses } from '../../src/protocol/ranges.ts';
import { samples } from '../protocol/samples.ts';
import { key, limits, rare, refusalOf, until, wireForTests } from './wire-kit.ts';

const command = encodeCommand([{ type: 'put', key, value: new Uint8Array(1000).fill(7) }]);
const wire = wireForTests();

describe('a write', () => {
  test('brings its command and its number, and is answered by the bytes of the service', async () => {
    wire.service.answerWrite = async () => Uint8Array.of(1, 2, 3);

    const plain = await wire.channel.call(encodeWrite(undefined, command));
    await wire.channel.call(encodeWrite({ id: 9, sequence: 2 ** 40 }, command));

    expect(plain).toEqual(Uint8Array.of(1, 2, 3));
    expect(wire.service.written).toEqual([
      { command, session: undefined },
      { command, session: { id: 9, sequence: 2 ** 40 } },
    ]);
  });

  test.each([
    ['of the store', new KvError('KV_LIMIT', 'Full.', { details: { limit: 'maxLeases' } })],
    ['of the library', new UnreachableError('Full.', { maybeApplied: true })],
    ['that is a bug', new TypeError('Full.')],
  ])('that fails brings the error %s, with code, message and details', async (_what, thrown) => {
    wire.service.answerWrite = () => Promise.reject(thrown);

    const error = await refusalOf(wire.channel.call(encodeWrite(undefined, command)));

    const { code, details } = errorOf(thrown);
    expect(error).toMatchObject({ code, message: 'Full.', details });
    expect(error.cause).toBeInstanceOf(ChannelError);
  });

  test('whose caller waits no longer is told so by its signal', async () => {
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    wire.service.answerWrite = (_bytes, context) => {
      ({ signal } = context);
      return new Promise(() => {});
    };
    const session = { id: 1, sequence: 1 };
    const call = wire.channel.call(encodeWrite(session, command), { signal: controller.signal });
    const ended = call.catch((error: unknown) => error);
    await until(() => signal !== undefined);

    controller.abort('enough');

    expect(await ended).toBe('enough');
    await until(() => signal?.aborted === true);
  });

  test('may be as long as a request, and not longer', async () => {
    const longest = new Uint8Array(limits.maxRequestBytes).fill(1);
    const longer = new Uint8Array(limits.maxRequestBytes + 1).fill(1);

    await wire.channel.call(encodeWrite({ id: 1, sequence: 1 }, longest));
    const error = await refusalOf(wire.channel.call(encodeWrite({ id: 1, sequence: 1 }, longer)));

    expect(error).toMatchObject({
      code: 'KV_TOO_LARGE',
      details: { limit: 'maxRequestBytes', most: 65_536, came: 65_537 },
    });
    expect(wire.service.written).toHaveLength(1);
  });
});

describe('reads', () => {
  const requests = [{ key }, { key: Uint8Array.of(1), limit: 3 }, { key: new Uint8Array(101) }];

  test('wait for one barrier together, and are answered each by itself', async () => {
    const kv = { key, value: key, createRevision: 2, modRevision: 3, version: 2, lease: 0 };
    wire.service.answerRange = (request) => {
      if (request.limit === 3) {
        throw new KvError('KV_COMPACTED', 'Gone.', { details: { compactedRevision: 9 } });
      }
      return { revision: 8, kvs: [kv], more: true, count: 4 };
    };

    const answer = await wire.channel.call(encodeRangeCall({ requests, serializable: false }));

    expect(wire.service.barriers).toBe(1);
    expect(decodeRangeResponses(answer)).toEqual([
      { type: 'range', revision: 8, kvs: [kv], more: true, count: 4 },
      {
        type: 'error',
        code: 'KV_COMPACTED',
        message: 'Gone.',
        details: { compactedRevision: 9 },
      },
      {
        type: 'error',
        code: 'KV_TOO_LARGE',
        message: 'A key has at most 100 bytes (maxKeyBytes); got 101.',
        details: { limit: 'maxKeyBytes', most: 100, came: 101 },
      },
    ]);
  });

  test('get each the room that those before it have left in the answer', async () => {
    const value = new Uint8Array(1000);
    const kv = { key, value, createRevision: 2, modRevision: 3, version: 2, lease: 0 };
    const rooms: number[] = [];
    wire.service.answerRange = (_request, mostBytes = 0) => {
      rooms.push(mostBytes);
      return { revision: 8, kvs: [kv], more: true, count: 4 };
    };

    const call = encodeRangeCall({ requests: [{ key }, { key }, { key }], serializable: true });
    const { length } = await wire.channel.call(call);

    const [first = 0, second = 0, third = 0] = rooms;
    expect(first).toBeLessThan(32 * 1024 * 1024);
    expect(second - third).toBe(first - second);
    expect(first - second).toBeGreaterThan(1000);
    expect(third).toBe(32 * 1024 * 1024 - (length - (first - second)));
  });

  test('do not wait for a barrier when any state will do', async () => {
    wire.service.answerBarrier = () => Promise.reject(new Error('must not be asked'));

    const answer = await wire.channel.call(encodeRangeCall({ requests, serializable: true }));

    expect(decodeRangeResponses(answer)).toHaveLength(3);
    expect(wire.service.barriers).toBe(0);
  });

  test('fail together when there is no barrier, and read nothing', async () => {
    let isRead = false;
    wire.service.answerBarrier = () => Promise.reject(new KvError('KV_NO_LEADER', 'None.'));
    wire.service.answerRange = () => {
      isRead = true;
      throw new Error('read all the same');
    };

    const call = wire.channel.call(encodeRangeCall({ requests, serializable: false }));

    expect(await refusalOf(call)).toMatchObject({ code: 'KV_NO_LEADER', message: 'None.' });
    expect(isRead).toBe(false);
  });
});

describe('leases', () => {
  test('are kept alive together; one that is gone is told by 0', async () => {
    wire.service.answerKeepAlive = async (id) => {
      if (id === 2) throw new KvError('KV_LEASE_NOT_FOUND', 'Gone.');
      return { ttl: id * 10 };
    };

    const answer = await wire.channel.call(encodeKeepAlive([1, 2, 3]));

    expect(decodeKeptAlive(answer)).toEqual([10, 0, 30]);
  });

  test('are not said to live when that is not known', async () => {
    wire.service.answerKeepAlive = async (id) => {
      if (id === 2) throw new KvError('KV_NO_LEADER', 'None.');
      return { ttl: 10 };
    };

    const error = await refusalOf(wire.channel.call(encodeKeepAlive([1, 2, 3])));

    expect(error).toMatchObject({ code: 'KV_NO_LEADER', message: 'None.' });
  });
});

describe('a rare call', () => {
  test('is answered by what the service says', async () => {
    expect(await rare(wire, 'openSession', {})).toBe(77);
    await rare(wire, 'closeSession', { id: 77 });
    await rare(wire, 'transferLeadership', { to: 'b' });
    await rare(wire, 'transferLeadership', {});
    const changed = { changed: true, members: [] };
    expect(await rare(wire, 'memberAdd', { id: 'd', address: 'h:1' })).toEqual(changed);
    expect(await rare(wire, 'memberPromote', { id: 'd', insteadOf: 'c' })).toEqual(changed);
    expect(await rare(wire, 'memberRemove', { id: 'd', force: true })).toEqual(changed);
    expect(await rare(wire, 'leases', {})).toEqual([3, 4]);
    expect(await rare(wire, 'status', {})).toEqual(wire.service.status());
    expect(await rare(wire, 'hash', {})).toEqual(wire.service.hash());
    const lease = { id: 3, remaining: 1.5, ttl: 30 };
    expect(await rare(wire, 'leaseTimeToLive', { id: 3, keys: false })).toEqual({
      ...lease,
      keys: [],
    });
    expect(await rare(wire, 'leaseTimeToLive', { id: 3, keys: true })).toEqual({
      ...lease,
      keys: [Uint8Array.of(0, 255)],
    });
    expect(wire.service.asked).toEqual([
      'openSession',
      'closeSession 77',
      'transferLeadership b',
      'transferLeadership undefined',
      'memberAdd d h:1',
      'memberPromote d c',
      'memberRemove d true',
    ]);
  });

  test('brings what it was refused with', async () => {
    const error = await refusalOf(rare(wire, 'transferLeadership', { to: 'nobody' }));

    expect(error).toMatchObject({ code: 'KV_NO_LEADER', message: 'There is no member nobody.' });
  });
});

describe('a call that is none', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.integer({ min: 0, max: 5 }), fc.uint8Array({ maxLength: 300 }))
      .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    fc
      .tuple(
        fc.constantFrom(...samples.map(({ bytes }) => bytes)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([bytes, places]) => {
        const copy = bytes.slice();
        for (const [place, byte] of places) copy[place % copy.length] = byte;
        return copy;
      }),
  );

  test('is answered or refused with a code of the table, and the next one is answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 20 }), async (calls) => {
        const outcomes = calls.map((call) => wire.channel.call(call).catch(refusedBy));
        await Promise.all(outcomes);
        expect(await rare(wire, 'openSession', {})).toBe(77);
      }),
      { numRuns: 200 },
    );
  });

  test('is refused as a stream, too, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (request) => {
        const chunks = wire.channel.stream(request)[Symbol.asyncIterator]();
        const first = chunks.next().catch(refusedBy);
        await rare(wire, 'openSession', {});
        await chunks.return?.();
        await first;
      }),
      { numRuns: 200 },
    );
    await until(() => wire.service.watches.size === 0);
  });

  function refusedBy(error: unknown): void {
    expect(error).toBeInstanceOf(ChannelError);
    const { code } = error as ChannelError;
    expect(Object.keys(errorKinds)).toContain(code);
    // The fake has no bugs, and nothing of it is out of order.
    expect(['KV_INTERNAL', 'KV_MAYBE']).not.toContain(code);
  }
});
