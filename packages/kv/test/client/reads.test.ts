import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import type { KeyValue, RangeRequest, RangeResponse } from '../../src/types.ts';
import { FakeClient, FakeWire, lost, watched } from './support/fake-wire.ts';
import { settle } from './support/test-runtime.ts';

const members = ['a:1', 'b:1', 'c:1'];
const encoder = new TextEncoder();

function pair(key: string, value = key): KeyValue {
  return {
    key: encoder.encode(key),
    value: encoder.encode(value),
    createRevision: 2,
    modRevision: 3,
    version: 1,
    lease: 0,
  };
}

function response(...keys: readonly string[]): RangeResponse {
  return { revision: 9, kvs: keys.map((key) => pair(key)), more: false, count: keys.length };
}

const keyOf = ({ key }: RangeRequest): string => new TextDecoder().decode(key);

test('the reads of one turn are one message, and each gets its own answer', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async (requests) =>
    requests.map((request) => (keyOf(request) === 'none' ? response() : response(keyOf(request))));
  await using kv = new FakeClient(wire);

  const [a, none, b] = await Promise.all([kv.get('a'), kv.get('none'), kv.get('b')]);

  expect([a?.text(), none, b?.key]).toEqual(['a', undefined, 'b']);
  expect(wire.reads).toHaveLength(1);
});

test('reads go to the leader, and serializable ones to each member in turn', async () => {
  const wire = new FakeWire(members);
  wire.leader = 'b:1';
  await using kv = new FakeClient(wire);
  await kv.status();
  await settle();
  wire.reads.length = 0;

  for (let at = 0; at < 3; at += 1) await kv.get('a');
  expect(wire.reads.map(({ member }) => member)).toEqual(['b:1', 'b:1', 'b:1']);
  wire.reads.length = 0;
  for (let at = 0; at < 6; at += 1) await kv.get('a', { serializable: true });

  expect(wire.reads.map(({ member }) => member).sort()).toEqual([
    ...['a:1', 'a:1', 'b:1', 'b:1', 'c:1', 'c:1'],
  ]);
});

test('a read is tried again at another member until its deadline', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async (_, { member }) => {
    if (member !== 'c:1') throw lost();
    return [response('a')];
  };
  await using kv = new FakeClient(wire);

  const got = watched(kv.get('a'));
  await kv.runtime.pass(500);
  expect(got.answer?.text()).toBe('a');

  wire.onRanges = async () => {
    throw lost();
  };
  const failed = watched(kv.get('a', { timeoutMs: 200 }));
  await kv.runtime.pass(200);
  expect(failed.error).toMatchObject({ code: 'KV_NO_LEADER' });
});

test('a read that nobody answers fails at its deadline', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = () => new Promise(() => undefined);
  await using kv = new FakeClient(wire);

  const got = watched(kv.get('a', { timeoutMs: 200 }));
  await kv.runtime.pass(199);
  expect(got.isOver).toBe(false);
  await kv.runtime.pass(1);

  expect(got.error).toMatchObject({ code: 'KV_TIMEOUT' });
});

test('an aborted read rejects with the reason', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = () => new Promise(() => undefined);
  await using kv = new FakeClient(wire);
  const controller = new AbortController();

  const got = watched(kv.get('a', { signal: controller.signal }));
  await settle();
  controller.abort('enough');
  await settle();

  expect(got.error).toBe('enough');
});

test('one read that is refused is refused alone', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async (requests) => {
    if (requests.some((request) => keyOf(request) === 'bad')) {
      throw new KvError('KV_TOO_LARGE', 'Too large.');
    }
    return requests.map((request) => response(keyOf(request)));
  };
  await using kv = new FakeClient(wire);

  const keys = ['a', 'b', 'bad', 'c', 'd'];
  const got = await Promise.allSettled(keys.map((key) => kv.get(key)));

  expect(got.map((one) => (one.status === 'fulfilled' ? one.value?.key : 'refused'))).toEqual([
    ...['a', 'b', 'refused', 'c', 'd'],
  ]);
});

test('a read for which there was no room beside the others is asked again without them', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async (requests) =>
    requests.map((request, at) => {
      const isTooMuch = at > 1 || keyOf(request) === 'huge';
      return isTooMuch ? new KvError('KV_TOO_LARGE', 'No room.') : response(keyOf(request));
    });
  await using kv = new FakeClient(wire);

  const keys = ['a', 'b', 'c', 'huge', 'd', 'e', 'f'];
  const got = await Promise.allSettled(keys.map((key) => kv.get(key)));

  expect(got.map((one) => (one.status === 'fulfilled' ? one.value?.key : 'refused'))).toEqual([
    ...['a', 'b', 'c', 'refused', 'd', 'e', 'f'],
  ]);
});

test('a refusal of one read is that of its caller', async () => {
  const wire = new FakeWire(members);
  const compacted = new KvError('KV_COMPACTED', 'Gone.', { details: { compactedRevision: 5 } });
  wire.onRanges = async (requests) =>
    requests.map(({ revision }) => (revision === 3 ? compacted : response('a')));
  await using kv = new FakeClient(wire);

  const [old, now] = await Promise.allSettled([kv.get('a', { revision: 3 }), kv.get('a')]);

  expect(old).toMatchObject({
    reason: { code: 'KV_COMPACTED', details: { compactedRevision: 5 } },
  });
  expect(now.status).toBe('fulfilled');
});

test('a range is read in pages as of the revision of the first one', async () => {
  const wire = new FakeWire(members);
  const all = ['a', 'b', 'c', 'd', 'e'];
  wire.onRanges = async ([request]) => {
    if (request === undefined) return [];
    const { limit = 0 } = request;
    const rest = all.filter((key) => key >= keyOf(request));
    const more = rest.length > limit;
    return [{ ...response(...rest.slice(0, limit)), revision: 20 + wire.reads.length, more }];
  };
  await using kv = new FakeClient(wire);

  const keys: string[] = [];
  for await (const { key } of kv.range({ prefix: '' }, { pageSize: 2 })) keys.push(key);

  expect(keys).toEqual(all);
  expect(wire.reads.map(({ requests }) => requests[0]?.revision)).toEqual([undefined, 21, 21]);
  keys.length = 0;
  for await (const { key } of kv.range({ prefix: '' }, { pageSize: 2, limit: 3 })) keys.push(key);
  expect(keys).toEqual(['a', 'b', 'c']);
});

test('pages that are too large are read again as smaller ones', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = async ([request]) => {
    const limit = request?.limit ?? 0;
    if (limit > 3) return [new KvError('KV_TOO_LARGE', 'Too much.')];
    return [response('a', 'b', 'c')];
  };
  await using kv = new FakeClient(wire);

  let entries = 0;
  for await (const _ of kv.range({ prefix: 'x' })) entries += 1;

  expect(entries).toBe(3);
  await expect(kv.range('x', { pageSize: 0 }).next()).rejects.toThrow(RangeError);
});

test('members that the cluster names are learned, and those that it no longer names are left', async () => {
  const wire = new FakeWire(['a:1']);
  await using kv = new FakeClient(wire);
  wire.members = ['a:1', 'b:1', 'c:1'];
  wire.leader = 'c:1';
  await kv.get('x');
  await settle();
  await kv.get('x');
  expect(wire.reads.at(-1)?.member).toBe('c:1');

  wire.members = ['a:1', 'b:1'];
  wire.leader = 'b:1';
  await kv.runtime.pass(6000);
  await kv.get('x');
  await settle();
  await kv.get('x');

  expect(wire.reads.at(-1)?.member).toBe('b:1');
  expect(wire.closed).toEqual(['c:1']);
});

test('a client without servers, or with a wrong option, is refused', () => {
  const wire = new FakeWire(members);
  expect(() => new FakeClient(wire, { servers: [] })).toThrow(RangeError);
  expect(() => new FakeClient(wire, { timeoutMs: 0 })).toThrow('timeoutMs must be a positive');
  expect(() => new FakeClient(wire, { maxWatches: Number.NaN })).toThrow(RangeError);
});

test('a closed client refuses reads, and ends those under way', async () => {
  const wire = new FakeWire(members);
  wire.onRanges = () => new Promise(() => undefined);
  const kv = new FakeClient(wire);
  const got = watched(kv.get('a'));
  await settle();

  await kv.close();
  await settle();

  expect(got.error).toMatchObject({ code: 'KV_STOPPING' });
  await expect(kv.get('a')).rejects.toMatchObject({ code: 'KV_STOPPING' });
  await expect(kv.status()).rejects.toMatchObject({ code: 'KV_STOPPING' });
});
