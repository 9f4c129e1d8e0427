import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { bytes, HubKit, isPending, nextOf, stopping } from './kit.ts';

describe('A watch ends', () => {
  it('when it is returned from, and leaves nothing behind', async () => {
    const { hub, watch, put } = new HubKit();
    const [waiting, idle, ahead] = [watch('a'), watch('a', { end: 'b' }), watch('a', { from: 9 })];
    const nexts = [nextOf(waiting), nextOf(ahead)];
    expect([hub.count, hub.interestCount]).toEqual([3, 2]);

    for (const one of [waiting, idle, ahead]) await one.return?.();

    expect(await Promise.all(nexts)).toEqual(['end', 'end']);
    expect([hub.count, hub.interestCount, hub.isEmpty]).toEqual([0, 0, true]);
    put('a');
    expect(await nextOf(waiting)).toBe('end');
    expect(await nextOf(idle)).toBe('end');
  });

  it('before the revision that it waits for, and is not remembered when that comes', async () => {
    const { hub, store, watch, put } = new HubKit();
    const ahead = watch('a', { from: 4 });
    const next = nextOf(ahead);

    await ahead.return?.();
    expect(hub.isEmpty).toBe(true);
    for (const value of ['1', '2', '3', '4']) put('a', value);

    expect(await next).toBe('end');
    expect(store.looks).toBe(0);
  });

  it('when a loop over it is left', async () => {
    const { hub, watch, put } = new HubKit();
    const events = watch('a');
    put('a');

    for await (const { revision } of events) if (revision === 2) break;

    expect([hub.count, hub.interestCount, hub.isEmpty]).toEqual([0, 0, true]);
  });

  it('when its signal is aborted, whether somebody waits or not', async () => {
    const { hub, watch, runtime } = new HubKit();
    const caller = new AbortController();
    const { signal } = caller;
    const waiting = watch('a', { signal, progress: true });
    const idle = watch('b', { signal });
    const next = waiting.next();
    expect(runtime.timerCount).toBe(1);

    caller.abort(new Error('The client has gone.'));

    await expect(next).rejects.toThrow('The client has gone.');
    await expect(idle.next()).rejects.toThrow('The client has gone.');
    expect(await nextOf(idle)).toBe('end');
    expect([hub.count, hub.isEmpty, runtime.timerCount]).toEqual([0, true, 0]);
    await expect(watch('a', { signal }).next()).rejects.toThrow('The client has gone.');
    expect(hub.count).toBe(0);
  });

  it('and its signal forgets it, which may live longer', async () => {
    const { watch } = new HubKit();
    const { signal } = new AbortController();
    const events = watch('a', { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);

    await events.return?.();

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('when the hub is closed, with the reason, and no other begins', async () => {
    const { hub, watch, runtime } = new HubKit();
    const waiting = watch('a', { progress: true });
    const idle = watch('b');
    const next = waiting.next();

    hub.close(stopping());

    await expect(next).rejects.toMatchObject({ code: 'KV_STOPPING' });
    await expect(idle.next()).rejects.toMatchObject({ code: 'KV_STOPPING' });
    await expect(watch('a').next()).rejects.toMatchObject({ code: 'KV_STOPPING' });
    expect(await nextOf(waiting)).toBe('end');
    expect([hub.count, hub.isEmpty, runtime.timerCount]).toEqual([0, true, 0]);
  });

  it('without a trace in the places of others', async () => {
    const { hub, watch, put } = new HubKit();
    const [one, other] = [watch('a'), watch('a')];
    const nexts = [nextOf(one), nextOf(other)];

    await one.return?.();
    put('a', '1');

    expect(await Promise.all(nexts)).toEqual(['end', '+a=1@2 to 2']);
    expect([hub.count, hub.interestCount]).toEqual([1, 1]);
  });
});

describe('A watch is refused', () => {
  it('when there are too many', async () => {
    const { hub, watch, put } = new HubKit({ limits: { maxWatchers: 2, maxKeyBytes: 10 } });
    const [first] = [watch('a'), watch('b')];

    await expect(watch('c').next()).rejects.toMatchObject({
      code: 'KV_LIMIT',
      details: { limit: 'maxWatchers', most: 2, came: 3 },
    });
    expect([hub.count, hub.interestCount]).toEqual([2, 2]);
    await first.return?.();
    const next = nextOf(watch('c'));
    put('c', '1');

    expect(await next).toBe('+c=1@2 to 2');
  });

  it.each([
    ['a key without bytes', { key: bytes('') }, 'KV_INVALID'],
    ['an end before its key', { key: bytes('b'), end: bytes('a') }, 'KV_INVALID'],
    ['an end that is its key', { key: bytes('b'), end: bytes('b') }, 'KV_INVALID'],
    ['an end without bytes', { key: bytes('b'), end: bytes('') }, 'KV_INVALID'],
    ['a revision below zero', { key: bytes('b'), from: -1 }, 'KV_INVALID'],
    ['half a revision', { key: bytes('b'), from: 1.5 }, 'KV_INVALID'],
    ['a filter that nobody knows', { key: bytes('b'), without: 'all' as 'put' }, 'KV_INVALID'],
    ['a long key', { key: bytes('b'.repeat(1025)) }, 'KV_TOO_LARGE'],
    ['a long end', { key: bytes('b'), end: bytes('c'.repeat(1025)) }, 'KV_TOO_LARGE'],
  ] as const)('for %s', async (_what, request, code) => {
    const { hub } = new HubKit();

    const refused = hub.watch(request, { signal: new AbortController().signal });

    await expect(refused.next()).rejects.toMatchObject({ code });
    expect((await refused.next()).done).toBe(true);
    expect(hub.count).toBe(0);
  });

  it('a second call while the first one waits is refused, and changes nothing', async () => {
    const { watch, put } = new HubKit();
    const events = watch('a');
    const first = nextOf(events);

    await expect(events.next()).rejects.toMatchObject({ code: 'KV_INVALID' });
    put('a', '1');

    expect(await first).toBe('+a=1@2 to 2');
  });
});

describe('Compaction', () => {
  it('ends a watch whose next revision is gone, and says up to where', async () => {
    const { hub, store, watch, put } = new HubKit();
    const slow = watch('a');
    for (const value of ['1', '2', '3']) put('a', value);

    store.compact(3);

    const compacted = { code: 'KV_COMPACTED', details: { compactedRevision: 3 } };
    await expect(slow.next()).rejects.toMatchObject(compacted);
    await expect(watch('a', { from: 3 }).next()).rejects.toMatchObject(compacted);
    expect(await nextOf(watch('a', { from: 4 }))).toBe('+a=3@4 to 4');
    expect(await nextOf(slow)).toBe('end');
    expect(hub.count).toBe(1);
  });

  it('does nothing to a watcher that was told everything, if it is announced', async () => {
    const { hub, store, watch } = new HubKit();
    const next = nextOf(watch('a'));

    store.txn(['a', '1']);
    hub.compacting();
    store.compact(2);
    store.txn(['a', '2']);
    hub.applied();

    expect(await next).toBe('+a=1@2 to 2');
  });

  it('of everything leaves watchers that wait for the next revision as they are', async () => {
    const { hub, store, watch, put } = new HubKit();
    const next = nextOf(watch('a'));
    put('b');

    store.compact(2);
    hub.applied();
    put('a', '1');

    expect(await next).toBe('+a=1@3 to 3');
  });

  it('ends a watcher that waits if the store leaps over what it waits for', async () => {
    const { hub, store, watch } = new HubKit();
    const next = watch('a').next();
    const ahead = nextOf(watch('a', { from: 4 }));

    for (const value of ['1', '2', '3']) store.txn(['a', value]);
    store.compact(3);
    hub.restored();

    await expect(next).rejects.toMatchObject({ code: 'KV_COMPACTED' });
    expect(await ahead).toBe('+a=3@4 to 4');
  });
});

describe('A store that was restored', () => {
  it('tells watchers what its history has', async () => {
    const { hub, store, watch, put } = new HubKit();
    const [waiting, slow] = [watch('a'), watch('a')];
    const next = nextOf(waiting);
    put('b');

    for (const value of ['1', '2']) store.txn(['a', value]);
    store.compact(1);
    hub.restored();

    expect(await next).toBe('+a=1@3 +a=2@4 to 4');
    expect(await nextOf(slow)).toBe('+a=1@3 +a=2@4 to 4');
  });

  it('never goes back; if it does, no watch goes on as if nothing were', async () => {
    const { hub, store, watch, put } = new HubKit();
    put('a');
    const next = watch('a').next();

    Object.defineProperty(store, 'revision', { value: 1, writable: true });
    hub.restored();

    await expect(next).rejects.toMatchObject({ code: 'KV_INTERNAL' });
  });
});

describe('Marks of progress', () => {
  it('come after a while without events, again and again, to those who want them', async () => {
    const { runtime, watch, put } = new HubKit({ progressIntervalMs: 1000 });
    const [marked, silent] = [watch('a', { progress: true }), watch('a')];
    const [first, never] = [nextOf(marked), nextOf(silent)];

    put('b');
    await runtime.pass(999);
    expect(await isPending(first)).toBe(true);
    await runtime.pass(1);
    expect(await first).toBe('to 2');
    const second = nextOf(marked);
    await runtime.pass(500);
    put('a', '1');
    expect(await second).toBe('+a=1@3 to 3');
    const third = nextOf(marked);
    await runtime.pass(999);
    expect(await isPending(third)).toBe(true);
    await runtime.pass(1);

    expect(await third).toBe('to 3');
    expect(await never).toBe('+a=1@3 to 3');
  });

  it('come to one that waits for a revision once it is the next', async () => {
    const { runtime, watch, put } = new HubKit({ progressIntervalMs: 1000 });
    const next = nextOf(watch('a', { from: 4, progress: true }));

    await runtime.pass(5000);
    put('b');
    expect(await isPending(next)).toBe(true);
    put('b');
    await runtime.pass(1000);

    expect(await next).toBe('to 3');
  });

  it('are one object for all, need one timer, and none when nobody waits', async () => {
    const { runtime, watch } = new HubKit({ progressIntervalMs: 1000 });
    const watches = ['a', 'b', 'c'].map((key) => watch(key, { progress: true }));
    const nexts = watches.map((one) => one.next());

    expect(runtime.timerCount).toBe(1);
    await runtime.pass(1000);
    const [first, ...others] = (await Promise.all(nexts)).map(({ value }) => value);
    for (const one of watches) await one.return?.();

    expect(others.every((mark) => mark === first)).toBe(true);
    expect(runtime.timerCount).toBe(0);
  });

  it('do not come twice to one that was told something in between', async () => {
    const { runtime, watch, put } = new HubKit({ progressIntervalMs: 1000 });
    const events = watch('a', { progress: true });
    const first = nextOf(events);
    put('a', '1');
    await first;

    await runtime.pass(5000);
    const next = nextOf(events);
    expect(await isPending(next)).toBe(true);
    put('a', '2');

    expect(await next).toBe('+a=2@3 to 3');
  });
});
