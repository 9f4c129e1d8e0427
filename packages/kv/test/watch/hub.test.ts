import { describe, expect, it } from 'vitest';
import { FakeStore } from './fake-store.ts';
import { HubKit, isPending, nextOf } from './kit.ts';

describe('Watching', () => {
  it('a watcher is told what happens to its key after it came', async () => {
    const { watch, put, txn } = new HubKit();
    put('a', '1');
    const events = watch('a');

    put('a', '2');
    put('b', '3');
    txn(['a']);

    expect(await nextOf(events)).toBe('+a=2@3 -a@5 to 5');
    const next = nextOf(events);
    expect(await isPending(next)).toBe(true);
    put('a', '4');
    expect(await next).toBe('+a=4@6 to 6');
  });

  it('a watcher that waits is told at once', async () => {
    const { watch, put } = new HubKit();
    const events = watch('a');
    const next = nextOf(events);

    put('b');
    expect(await isPending(next)).toBe(true);
    put('a', '1');

    expect(await next).toBe('+a=1@3 to 3');
  });

  it('the key of a watch is from its call on, whenever the first batch is asked for', async () => {
    const { watch, put } = new HubKit();
    const events = watch('a');

    put('a', '1');
    put('a', '2');

    expect(await nextOf(events)).toBe('+a=1@2 +a=2@3 to 3');
  });

  it('a range is from its key on and before its end', async () => {
    const { watch, put } = new HubKit();
    const events = watch('b', { end: 'd' });

    for (const key of ['a', 'b', 'bb', 'c', 'cz', 'd', 'e']) put(key, '1');

    expect(await nextOf(events)).toBe('+b=1@3 +bb=1@4 +c=1@5 +cz=1@6 to 8');
  });

  it('an end of one zero byte is the end of all keys', async () => {
    const { watch, put } = new HubKit();
    const some = watch('b', { end: '\0' });
    const all = watch('\0', { end: '\0' });
    const fromNothing = watch('', { end: '\0' });

    for (const key of ['\0', 'a', 'b', '\u00ff\u00ff']) put(key, '1');

    expect(await nextOf(some)).toBe('+b=1@4 +\u00ff\u00ff=1@5 to 5');
    expect(await nextOf(all)).toBe('+\0=1@2 +a=1@3 +b=1@4 +\u00ff\u00ff=1@5 to 5');
    expect(await nextOf(fromNothing)).toBe('+\0=1@2 +a=1@3 +b=1@4 +\u00ff\u00ff=1@5 to 5');
  });

  it('from an old revision on the history comes first', async () => {
    const { watch, put } = new HubKit();
    for (const value of ['1', '2', '3']) put('a', value);

    const events = watch('a', { from: 3 });

    expect(await nextOf(events)).toBe('+a=2@3 +a=3@4 to 4');
    put('a', '4');
    expect(await nextOf(events)).toBe('+a=4@5 to 5');
  });

  it('from a revision to come on nothing before it is told', async () => {
    const { watch, put } = new HubKit();
    const events = watch('a', { from: 4 });
    const next = nextOf(events);

    put('a', '1');
    put('a', '2');
    expect(await isPending(next)).toBe(true);
    put('a', '3');

    expect(await next).toBe('+a=3@4 to 4');
  });

  it('a revision to come may be skipped over, or come in the middle of a batch', async () => {
    const { watch, store, hub } = new HubKit();
    const exact = nextOf(watch('a', { from: 4 }));
    const next = nextOf(watch('a', { from: 6 }));
    const later = nextOf(watch('a', { from: 7 }));

    for (const value of ['1', '2', '3', '4']) store.txn(['a', value]);
    hub.applied();
    expect(await exact).toBe('+a=3@4 +a=4@5 to 5');
    expect(await isPending(next)).toBe(true);
    for (const value of ['5', '6']) store.txn(['a', value]);
    hub.applied();

    expect(await next).toBe('+a=5@6 +a=6@7 to 7');
    expect(await later).toBe('+a=6@7 to 7');
  });

  it('what it was before comes along for those who want it', async () => {
    const { watch, put, txn } = new HubKit();
    const plain = watch('a');
    const previous = watch('a', { previous: true });
    const both = [nextOf(plain), nextOf(previous)];

    put('a', '1');
    expect(await Promise.all(both)).toEqual(['+a=1@2 to 2', '+a=1@2 to 2']);
    put('a', '2');
    txn(['a']);

    expect(await nextOf(plain)).toBe('+a=2@3 -a@4 to 4');
    expect(await nextOf(previous)).toBe('+a=2@3(1) -a@4(2) to 4');
  });

  it('puts or deletes may be left out', async () => {
    const { watch, put, txn } = new HubKit();
    const [deletes, puts] = [watch('a', { without: 'put' }), watch('a', { without: 'delete' })];
    const both = [nextOf(deletes), nextOf(puts)];

    put('a', '1');
    txn(['a']);
    put('a', '2');

    expect(await Promise.all(both)).toEqual(['-a@3 to 3', '+a=1@2 to 2']);
    expect(await nextOf(puts)).toBe('+a=2@4 to 4');
  });

  it('changes of one transaction are told together and in order', async () => {
    const { watch, txn } = new HubKit({ maxBatchEvents: 1 });
    const events = watch('a', { end: 'z' });

    txn(['c', '1'], ['a', '2'], ['b', '3']);
    txn(['a'], ['b']);

    expect(await nextOf(events)).toBe('+c=1@2 +a=2@2 +b=3@2 to 2');
    expect(await nextOf(events)).toBe('-a@3 -b@3 to 3');
  });

  it('a watch goes on at another member where it has ended here', async () => {
    const history = new FakeStore();
    const [one, other] = [new HubKit({}, history), new HubKit({}, history)];
    const first = one.watch('a');
    one.put('a', '1');
    one.put('b', '2');
    other.hub.applied();
    const { value } = await first.next();
    await first.return?.();

    const second = other.watch('a', { from: (value?.revision ?? 0) + 1 });
    const next = nextOf(second);
    other.put('a', '3');

    expect(await next).toBe('+a=3@4 to 4');
  });

  it('what is applied and not announced yet is not told twice', async () => {
    const { watch, store, hub } = new HubKit();
    const early = watch('a');
    store.txn(['a', '1']);
    const late = watch('a');
    const [first, second] = [nextOf(early), nextOf(late)];
    expect(await isPending(first)).toBe(true);

    hub.applied();
    hub.applied();
    expect(await first).toBe('+a=1@2 to 2');
    expect(await isPending(second)).toBe(true);
    store.txn(['a', '2']);
    hub.applied();

    expect(await second).toBe('+a=2@3 to 3');
    expect(await nextOf(early)).toBe('+a=2@3 to 3');
  });
});

describe('A batch', () => {
  it('ends after so many events, and the next one goes on', async () => {
    const { watch, put } = new HubKit({ maxBatchEvents: 2 });
    const events = watch('a');
    for (const value of ['1', '2', '3', '4', '5']) put('a', value);

    expect(await nextOf(events)).toBe('+a=1@2 +a=2@3 to 3');
    expect(await nextOf(events)).toBe('+a=3@4 +a=4@5 to 5');
    expect(await nextOf(events)).toBe('+a=5@6 to 6');
  });

  it('ends after so many bytes', async () => {
    const { watch, put } = new HubKit({ maxBatchBytes: 2000 });
    const events = watch('a');
    for (let times = 0; times < 4; times += 1) put('a', 'x'.repeat(1500));

    expect((await events.next()).value?.revision).toBe(3);
    expect((await events.next()).value?.revision).toBe(5);
  });

  it('is bounded as well for those who wait', async () => {
    const { watch, store, hub } = new HubKit({ maxBatchEvents: 2 });
    const events = watch('a');
    const next = nextOf(events);
    for (const value of ['1', '2', '3']) store.txn(['a', value]);
    hub.applied();

    expect(await next).toBe('+a=1@2 +a=2@3 to 3');
    expect(await nextOf(events)).toBe('+a=3@4 to 4');
  });

  it('is the very same for all that want the same and have been told everything', async () => {
    const { watch, put } = new HubKit();
    const equal = [watch('a'), watch('a'), watch('a', { progress: true })];
    const other = watch('a', { previous: true });
    const nexts = [...equal, other].map((one) => one.next());

    put('a', '1');
    const [first, ...others] = (await Promise.all(nexts)).map(({ value }) => value);

    expect(others.map((batch) => batch === first)).toEqual([true, true, false]);
    expect(others[2]).toEqual(first);
  });

  it('is the very same for one that comes a moment later, and for those that come late', async () => {
    const { watch, put } = new HubKit();
    const [early, late, later] = [watch('a'), watch('a'), watch('a')];
    const next = early.next();

    put('a', '1');
    const first = (await next).value;
    put('a', '2');
    const [second, third] = [await late.next(), await later.next()];

    expect(second.value).toBe(first);
    expect(third.value).toBe(first);
    const [fourth, fifth] = [await late.next(), await later.next()];
    expect(fourth.value?.events).toHaveLength(1);
    expect(fifth.value).toBe(fourth.value);
  });
});
