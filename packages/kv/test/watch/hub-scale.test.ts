import { describe, expect, it } from 'vitest';
import { HubKit, isPending, nextOf } from './kit.ts';

describe('Many watchers', () => {
  it('what is new is looked at once, however many there are', async () => {
    const { store, watch, put } = new HubKit();
    const nexts = [];
    for (let at = 0; at < 1000; at += 1) {
      nexts.push(nextOf(watch(`key-${at}`)), nextOf(watch(`key-${at}`, { end: `key-${at}~` })));
    }
    store.looks = 0;

    put('key-7', '1');

    expect(store.looks).toBe(1);
    expect(await nexts[14]).toBe('+key-7=1@2 to 2');
    expect(await nexts[15]).toBe('+key-7=1@2 to 2');
    expect(await isPending(Promise.race(nexts.filter((_, at) => at < 14 || at > 15)))).toBe(true);
  });

  it('are left to rest for a moment, and told together what happened meanwhile', async () => {
    const { runtime, watch, put } = new HubKit();
    const watches = Array.from({ length: 10_000 }, () => watch('a'));
    const pull = () => Promise.all(watches.map((one) => one.next()));
    const first = pull();
    put('a', '1');
    expect(new Set((await first).map(({ value }) => value)).size).toBe(1);

    const second = pull();
    put('a', '2');
    put('a', '3');
    expect(await isPending(second)).toBe(true);
    await runtime.pass(50);
    const batches = new Set((await second).map(({ value }) => value));

    expect(batches.size).toBe(1);
    expect([...batches][0]).toMatchObject({ revision: 4 });
    await runtime.pass(50);
    expect(runtime.timerCount).toBe(0);
  });

  it('that have all gone leave no timer of a rest', async () => {
    const { hub, runtime, watch, put } = new HubKit();
    const watches = Array.from({ length: 1000 }, () => watch('a'));
    const pulls = watches.map((one) => one.next());
    put('a', '1');
    await Promise.all(pulls);

    for (const one of watches) await one.return?.();
    await runtime.pass(50);

    expect([hub.count, hub.isEmpty, runtime.timerCount]).toEqual([0, true, 0]);
  });

  it('of one signal are no reason for a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const { hub, watch } = new HubKit();
    const caller = new AbortController();

    for (let at = 0; at < 100; at += 1) watch('a', { signal: caller.signal });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    caller.abort();

    expect(warnings).toEqual([]);
    expect(hub.count).toBe(0);
  });
});

describe('A long way to go', () => {
  it('takes many turns of the event loop, and others are told in between', async () => {
    const { hub, runtime, store, watch } = new HubKit();
    for (let at = 0; at < 20_000; at += 1) store.txn(['other', '1']);
    hub.applied();
    store.txn(['a', '1']);
    hub.applied();
    store.looks = 0;
    const far = nextOf(watch('a', { from: 2 }));
    const near = nextOf(watch('a', { end: 'b' }));

    await runtime.turn();
    expect(store.looks).toBeLessThan(10_000);
    store.txn(['a', '2']);
    hub.applied();
    expect(await near).toBe('+a=2@20003 to 20003');
    expect(await isPending(far)).toBe(true);
    let turns = 1;
    while (await runtime.turn()) turns += 1;

    expect(await far).toBe('+a=1@20002 +a=2@20003 to 20003');
    expect(turns).toBeGreaterThan(2);
  });

  it('is gone once for all that want the same', async () => {
    const { hub, runtime, store, watch } = new HubKit();
    for (let at = 0; at < 20_000; at += 1) store.txn(['other', '1']);
    hub.applied();
    const first = nextOf(watch('a', { from: 2 }));
    await runtime.turns();
    store.looks = 0;

    const others = [2, 3, 10_000, 20_001].map((from) => nextOf(watch('a', { from })));
    expect(store.looks).toBe(0);
    store.txn(['a', '1']);
    hub.applied();

    expect(await Promise.all([first, ...others])).toEqual(Array(5).fill('+a=1@20002 to 20002'));
  });

  it('is not taken for gone where something lies in between', async () => {
    const { hub, store, watch, put } = new HubKit();
    for (let at = 0; at < 3; at += 1) put('other');
    const first = nextOf(watch('a', { from: 2 }));
    put('a', '1');
    put('other');
    const second = nextOf(watch('a', { from: 6 }));

    expect(await first).toBe('+a=1@5 to 5');
    expect(await nextOf(watch('a', { from: 3 }))).toBe('+a=1@5 to 6');
    store.txn(['a', '2']);
    hub.applied();
    expect(await second).toBe('+a=2@7 to 7');
  });

  it('is fairly shared by all that are behind', async () => {
    const { hub, runtime, store, watch } = new HubKit();
    for (let at = 0; at < 50_000; at += 1) store.txn(['other', '1']);
    store.txn(['a', '1']);
    hub.applied();
    await runtime.turns();

    const far = nextOf(watch('a', { from: 2 }));
    const near = nextOf(watch('a', { from: 48_000, end: 'b' }));
    await runtime.turn();

    expect(await isPending(near)).toBe(false);
    expect(await isPending(far)).toBe(true);
    await runtime.turns();
    expect(await far).toBe('+a=1@50002 to 50002');
  });

  it('ends when it is compacted meanwhile, or when the watcher goes', async () => {
    const { hub, runtime, store, watch } = new HubKit();
    for (let at = 0; at < 20_000; at += 1) store.txn(['other', '1']);
    hub.applied();
    await runtime.turns();
    const caller = new AbortController();
    const lost = watch('a', { from: 2 }).next();
    const gone = watch('a', { from: 2, signal: caller.signal }).next();
    await runtime.turn();

    caller.abort(new Error('The client has gone.'));
    store.compact(15_000);
    await Promise.all([
      expect(gone).rejects.toThrow('The client has gone.'),
      expect(lost).rejects.toMatchObject({ code: 'KV_COMPACTED' }),
      runtime.turns(),
    ]);

    expect(hub.count).toBe(0);
  });

  it('is not gone to its end for a watcher that has left', async () => {
    const { hub, runtime, store, watch } = new HubKit();
    for (let at = 0; at < 20_000; at += 1) store.txn(['other', '1']);
    hub.applied();
    const far = watch('a', { from: 2 });
    const next = nextOf(far);
    await runtime.turn();

    await far.return?.();
    expect(hub.isEmpty).toBe(true);
    store.looks = 0;
    await runtime.turns();
    store.txn(['a', '1']);
    hub.applied();

    expect(await next).toBe('end');
    expect(store.looks).toBe(0);
  });

  it('of what is new is told in turns as well, in order', async () => {
    const { hub, runtime, store, watch } = new HubKit({ maxBatchEvents: 100_000 });
    const events = watch('a');
    const first = events.next();
    for (let at = 0; at < 20_000; at += 1) store.txn(['a', '1']);
    store.looks = 0;

    hub.applied();
    expect(store.looks).toBeLessThan(10_000);
    hub.applied();
    expect(store.looks).toBeLessThan(10_000);
    let { value } = await first;
    let told = 0;
    for (;;) {
      expect(value?.events[0]?.kv.modRevision).toBe(told + 2);
      told += value?.events.length ?? 0;
      if (told === 20_000) break;
      const next = events.next();
      await runtime.turns();
      ({ value } = await next);
    }

    expect(value?.revision).toBe(20_001);
  });
});
