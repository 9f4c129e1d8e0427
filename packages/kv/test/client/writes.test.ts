import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import type { Result } from '../../src/types.ts';
import {
  FakeClient,
  FakeWire,
  lost,
  noLeader,
  type SeenWrite,
  watched,
} from './support/fake-wire.ts';
import { settle } from './support/test-runtime.ts';

const members = ['a:1', 'b:1', 'c:1'];

function answers({ operations }: SeenWrite): readonly Result[] {
  return operations.map(() => ({ type: 'put', revision: 5 }));
}

test('the writes of one turn are one message, and each gets its own answer', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async ({ operations }) =>
    operations.map((_, at) => ({ type: 'put', revision: 10 + at }));
  await using kv = new FakeClient(wire);

  const done = await Promise.all([kv.put('a', '1'), kv.put('b', '2'), kv.delete('c').catch(code)]);

  expect(done).toEqual([{ revision: 10 }, { revision: 11 }, 'KV_INTERNAL']);
  expect(wire.writes).toHaveLength(1);
  expect(wire.writes[0]?.operations.map(({ type }) => type)).toEqual(['put', 'put', 'delete']);
  expect(wire.writes[0]).toMatchObject({ session: 1, sequence: 1 });
});

test('a session is opened at the first write, and once', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  await kv.get('a');
  expect(wire.sessions).toBe(0);

  await kv.put('a', '1');
  await kv.put('a', '2');

  expect(wire.sessions).toBe(1);
  expect(wire.writes.map(({ sequence }) => sequence)).toEqual([1, 2]);
});

test('every try of a message has the same number, and goes to another member', async () => {
  const wire = new FakeWire(members);
  let tries = 0;
  wire.onWrite = async (write) => {
    tries += 1;
    if (tries < 4) throw lost();
    return answers(write);
  };
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1'));
  await kv.runtime.pass(1000);

  expect(put.answer).toEqual({ revision: 5 });
  expect(wire.writes).toHaveLength(4);
  expect(new Set(wire.writes.map(({ session, sequence }) => `${session}/${sequence}`))).toEqual(
    new Set(['1/1']),
  );
  expect(new Set(wire.writes.map(({ member }) => member)).size).toBeGreaterThan(1);
});

test('what would fail again is not tried again', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async () => {
    throw new KvError('KV_INVALID', 'No.');
  };
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1'));
  await kv.runtime.pass(1000);

  expect(put.error).toMatchObject({ code: 'KV_INVALID', maybeApplied: false });
  expect(wire.writes).toHaveLength(1);
});

test('a refusal after a try whose fate is open says that it may have been applied', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async () => {
    throw wire.writes.length === 1 ? lost() : new KvError('KV_INVALID', 'No.');
  };
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1'));
  await kv.runtime.pass(1000);

  expect(put.error).toMatchObject({ code: 'KV_INVALID', details: { maybeApplied: true } });
});

test('one operation that is refused is refused alone', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async (write) => {
    const isBad = write.operations.some(({ type }) => type === 'compact');
    if (isBad) throw new KvError('KV_TOO_LARGE', 'Too large.');
    return answers(write);
  };
  await using kv = new FakeClient(wire);

  const puts = Array.from({ length: 9 }, (_, at) => kv.put(`k${at}`, 'v'));
  const bad = kv.compact(3).catch(code);
  const after = kv.put('last', 'v');

  expect(await bad).toBe('KV_TOO_LARGE');
  expect(await Promise.all([...puts, after])).toEqual(
    Array.from({ length: 10 }, () => ({ revision: 5 })),
  );
  const numbers = wire.writes.map(({ sequence }) => sequence);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('a write whose fate is open at its deadline fails as one that may have been applied', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = () => new Promise(() => undefined);
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1', { timeoutMs: 300 }));
  await kv.runtime.pass(299);
  expect(put.isOver).toBe(false);
  await kv.runtime.pass(1);

  expect(put.error).toMatchObject({ code: 'KV_TIMEOUT', maybeApplied: true });
});

test('a write that certainly had no effect by its deadline says so', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async () => {
    throw noLeader();
  };
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1', { timeoutMs: 500 }));
  await kv.runtime.pass(500);

  expect(put.error).toMatchObject({ code: 'KV_NO_LEADER', maybeApplied: false });
  const tries = wire.writes.length;
  expect(tries).toBeGreaterThan(3);
  await kv.runtime.pass(5000);
  expect(wire.writes).toHaveLength(tries);
});

test('an aborted write rejects with the reason, and the others of its message go on', async () => {
  const wire = new FakeWire(members);
  const answer = Promise.withResolvers<void>();
  wire.onWrite = async (write) => {
    await answer.promise;
    return answers(write);
  };
  await using kv = new FakeClient(wire);
  const controller = new AbortController();

  const aborted = watched(kv.put('a', '1', { signal: controller.signal }));
  const other = watched(kv.put('b', '1'));
  await settle();
  controller.abort(new Error('Enough.'));
  await settle();

  expect(aborted.error).toEqual(new Error('Enough.'));
  expect(other.isOver).toBe(false);
  answer.resolve();
  await settle();
  expect(other.answer).toEqual({ revision: 5 });
});

test('a write that is aborted before it is sent is not sent', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);
  const controller = new AbortController();

  const first = watched(kv.put('a', '1', { signal: controller.signal }));
  controller.abort('enough');
  const second = await kv.put('b', '1');

  expect(first.error).toBe('enough');
  expect(second).toEqual({ revision: 2 });
  expect(wire.writes.map(({ operations }) => operations.length)).toEqual([1]);
  await expect(kv.put('c', '1', { signal: controller.signal })).rejects.toBe('enough');
});

test('numbers under way at once lie within the window, and the rest waits', async () => {
  const wire = new FakeWire(members);
  wire.maxUnanswered = 8;
  const open = new Map<number, () => void>();
  wire.onWrite = (write) =>
    new Promise((resolve) => open.set(write.sequence, () => resolve(answers(write))));
  await using kv = new FakeClient(wire);

  const puts: Promise<unknown>[] = [];
  for (let at = 0; at < 20; at += 1) {
    puts.push(kv.put(`k${at}`, 'v'));
    await settle();
  }
  expect([...open.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  // All but the first are answered: what comes next would still be too far from it.
  for (let at = 2; at <= 8; at += 1) open.get(at)?.();
  await settle();
  expect(open.size).toBe(8);
  open.get(1)?.();
  await settle();
  expect(open.size).toBe(16);
  for (let at = 1; at <= 20; at += 1) {
    open.get(at)?.();
    await settle();
  }

  expect(await Promise.all(puts)).toHaveLength(20);
});

test('more calls than may wait are refused at once', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = () => new Promise(() => undefined);
  await using kv = new FakeClient(wire, { maxPendingCalls: 3, maxPendingBytes: 1000 });
  const calls = [1, 2, 3].map((at) => watched(kv.put(`k${at}`, 'v')));

  await expect(kv.put('one more', 'v')).rejects.toMatchObject({ code: 'KV_OVERLOADED' });
  await kv.runtime.pass(5000);
  expect(calls.every(({ isOver }) => isOver)).toBe(true);
  const large = watched(kv.put('large', new Uint8Array(2000)));
  await expect(kv.put('small', 'v')).rejects.toMatchObject({ code: 'KV_OVERLOADED' });
  await kv.runtime.pass(5000);
  expect(large.isOver).toBe(true);
  expect(watched(kv.put('small', 'v')).isOver).toBe(false);
});

test('after a session has expired, new writes and those without effect use a new one', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async (write) => {
    if (write.session === 1) throw new KvError('KV_SESSION_EXPIRED', 'Over.');
    return answers(write);
  };
  await using kv = new FakeClient(wire);

  expect(await kv.put('a', '1')).toEqual({ revision: 5 });
  expect(await kv.put('b', '1')).toEqual({ revision: 5 });
  expect(wire.writes.map(({ session, sequence }) => [session, sequence])).toEqual([
    [1, 1],
    [2, 1],
    [2, 2],
  ]);
});

test('a write whose fate is open is never sent in another session', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async (write) => {
    if (write.session === 2) return answers(write);
    throw wire.writes.length === 1 ? lost() : new KvError('KV_SESSION_EXPIRED', 'Over.');
  };
  await using kv = new FakeClient(wire);

  const put = watched(kv.put('a', '1'));
  await kv.runtime.pass(1000);

  expect(put.error).toMatchObject({
    code: 'KV_SESSION_EXPIRED',
    details: { maybeApplied: true },
  });
  expect(wire.writes.map(({ session }) => session)).toEqual([1, 1]);
  expect(await kv.put('b', '1')).toEqual({ revision: 5 });
});

test('a session that cannot be opened in time fails the writes with the reason', async () => {
  const wire = new FakeWire(members);
  wire.onCold = async (method, member) => {
    if (method === 'openSession') throw wire.colds.length % 2 === 0 ? noLeader() : lost();
    return wire.cold(method, member);
  };
  await using kv = new FakeClient(wire);

  // That the opening of a session may have taken effect is nothing to the write.
  const lostToo = watched(kv.put('a', '1', { timeoutMs: 20 }));
  await kv.runtime.pass(20);
  expect(lostToo.error).toMatchObject({ code: 'KV_NO_LEADER', maybeApplied: false });
  const put = watched(kv.put('a', '1', { timeoutMs: 400 }));
  await kv.runtime.pass(400);

  expect(put.error).toMatchObject({ code: 'KV_NO_LEADER', maybeApplied: false });
  expect(wire.writes).toHaveLength(0);
});

test('a closed client refuses, and says of each write whether it may have been applied', async () => {
  const wire = new FakeWire(members);
  wire.maxUnanswered = 1;
  wire.onWrite = () => new Promise(() => undefined);
  const kv = new FakeClient(wire);
  const sent = watched(kv.put('a', '1'));
  await settle();
  const queued = watched(kv.put('b', '1'));
  await settle();

  await kv.close();
  await settle();

  expect(sent.error).toMatchObject({ code: 'KV_MAYBE', maybeApplied: true });
  expect(queued.error).toMatchObject({ code: 'KV_STOPPING', maybeApplied: false });
  await expect(kv.put('c', '1')).rejects.toMatchObject({ code: 'KV_STOPPING' });
  expect(kv.runtime.timerCount).toBe(0);
  expect(wire.closed).toEqual(members);
  expect(wire.colds.at(-1)?.method).toBe('closeSession');
});

test('a value that is large goes alone', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);

  await Promise.all([kv.put('a', '1'), kv.put('large', new Uint8Array(60_000)), kv.put('b', '1')]);

  expect(wire.writes.map(({ operations }) => operations.length)).toEqual([1, 1, 1]);
});

test('no timer is left when nothing is under way', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);

  await Promise.all(Array.from({ length: 50 }, (_, at) => kv.put(`k${at}`, 'v')));
  await kv.get('k1');
  await settle();

  expect(kv.runtime.timerCount).toBe(0);
});

async function code(error: unknown): Promise<unknown> {
  return (error as { code?: unknown }).code;
}
