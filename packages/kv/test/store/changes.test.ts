import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation } from '../../src/types.ts';
import { apply, applyAt, bytes, codeOf, history, pairs, plain, put, run } from './kit.ts';

const everything = { key: bytes('\0'), end: bytes('\0') };

test('the empty store has revision 1, and each change makes the next one', () => {
  const store = new KvStore();

  const revisions = [
    store.revision,
    put(store, 'a', '1'),
    put(store, 'a', '2'),
    put(store, 'b', ''),
  ];

  expect(revisions).toEqual([1, 2, 3, 4]);
  expect(store.keyCount).toBe(2);
});

test('operations of one command have a revision each, and what fails changes nothing', () => {
  const store = new KvStore();

  const results = apply(
    store,
    { type: 'put', key: bytes('a'), value: bytes('1') },
    { type: 'put', key: bytes('b'), value: bytes('2'), lease: 9 },
    { type: 'put', key: bytes('c'), value: bytes('3') },
  );

  expect(plain(results)).toEqual([
    { type: 'put', revision: 2 },
    { type: 'error', code: 'KV_LEASE_NOT_FOUND' },
    { type: 'put', revision: 3 },
  ]);
  expect(pairs(store)).toEqual(['a=1', 'c=3']);
});

test('a put counts the version up, and a delete begins anew', () => {
  const store = new KvStore();
  put(store, 'a', '1');
  put(store, 'a', '2');
  const before = store.range({ key: bytes('a') }).kvs;
  put(store, 'a', undefined);

  put(store, 'a', '3');

  expect(plain(before)).toEqual([
    { key: 'a', value: '2', createRevision: 2, modRevision: 3, version: 2, lease: 0 },
  ]);
  expect(plain(store.range({ key: bytes('a') }).kvs)).toEqual([
    { key: 'a', value: '3', createRevision: 5, modRevision: 5, version: 1, lease: 0 },
  ]);
});

test('deleting nothing changes nothing', () => {
  const store = new KvStore();
  put(store, 'a', '1');

  const result = run(store, { type: 'delete', key: bytes('b'), end: bytes('\0') });

  expect(plain(result)).toEqual({ type: 'delete', revision: 2, deleted: 0, previous: [] });
  expect(store.changesAt(3)).toBeUndefined();
});

test('a range is deleted at one revision, in the order of the keys', () => {
  const store = new KvStore();
  for (const key of ['c', 'a', 'b', 'd']) put(store, key, key);

  const result = run(store, { type: 'delete', key: bytes('a'), end: bytes('d') });

  expect(result).toMatchObject({ revision: 6, deleted: 3 });
  expect(history(store, 6)).toEqual(['6: delete a', '6: delete b', '6: delete c']);
});

test('previous pairs are answered as they were', () => {
  const store = new KvStore();
  put(store, 'a', 'old');

  const first = run(store, { type: 'put', key: bytes('a'), value: bytes('new'), previous: true });
  const second = run(store, { type: 'delete', key: bytes('a'), previous: true });
  const third = run(store, { type: 'put', key: bytes('a'), value: bytes(''), previous: true });

  expect(plain(first)).toMatchObject({ previous: { value: 'old', version: 1 } });
  expect(plain(second)).toMatchObject({ previous: [{ value: 'new', version: 2 }] });
  expect(third).not.toHaveProperty('previous');
});

test('a put can keep the value or the lease, of a key that is there', () => {
  const store = new KvStore();
  run(store, { type: 'leaseGrant', id: 5, ttl: 10 });
  run(store, { type: 'put', key: bytes('a'), value: bytes('old'), lease: 5 });

  run(store, { type: 'put', key: bytes('a'), value: bytes('new'), ignoreLease: true });
  const keptLease = store.range({ key: bytes('a') }).kvs;
  run(store, { type: 'put', key: bytes('a'), value: bytes(''), ignoreValue: true });
  const keptValue = store.range({ key: bytes('a') }).kvs;

  expect(plain(keptLease)).toMatchObject([{ value: 'new', lease: 5 }]);
  expect(plain(keptValue)).toMatchObject([{ value: 'new', lease: 0 }]);
  for (const keep of [{ ignoreLease: true }, { ignoreValue: true }]) {
    const value = bytes(keep.ignoreValue === true ? '' : 'x');
    const putting = { type: 'put' as const, key: bytes('b'), value, ...keep };
    expect(codeOf(() => run(store, putting))).toBe('KV_KEY_NOT_FOUND');
  }
});

test('nothing of a command is kept: its bytes can change once it is applied', () => {
  const store = new KvStore();
  const [small, large] = [Buffer.alloc(10, 'a'), Buffer.alloc(10_000, 'a')];
  const puts = [small, large].flatMap((value, place) => [
    { type: 'put' as const, key: bytes(`plain ${place}`), value },
    { type: 'put' as const, key: bytes(`previous ${place}`), value, previous: true },
  ]);
  const inside = [small, large].map((value, place) => {
    return { type: 'put' as const, key: bytes(`txn ${place}`), value };
  });
  const command = encodeCommand([...puts, { type: 'txn', compare: [], then: inside, else: [] }]);
  store.apply(command);
  const before = plain(store.range(everything).kvs);

  command.fill(0x7a);

  expect(plain(store.range(everything).kvs)).toEqual(before);
  expect(store.range(everything).count).toBe(6);
});

test('a command that breaks off is applied up to there, and its last result says so', () => {
  const store = new KvStore();
  const whole = Buffer.from([1, 2, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 97, 98, 99]);

  const answer = Buffer.from(store.apply(whole));

  expect(pairs(store)).toEqual(['a=b']);
  expect(answer.includes('KV_INVALID')).toBe(true);
  expect(plain(apply(store, { type: 'mark' }))).toEqual([{ type: 'mark', revision: 2 }]);
});

describe('compaction', () => {
  test('forgets what happened, and keeps how it was then', () => {
    const store = new KvStore();
    put(store, 'a', '1');
    put(store, 'a', '2');
    put(store, 'b', '1');
    put(store, 'b', undefined);
    put(store, 'c', '1');

    run(store, { type: 'compact', revision: 4 });

    expect(pairs(store, 4)).toEqual(['a=2', 'b=1']);
    expect(history(store)).toEqual(['5: delete b', '6: put c=1']);
    expect(codeOf(() => pairs(store, 3))).toBe('KV_COMPACTED');
    expect(codeOf(() => store.changesAt(4))).toBe('KV_COMPACTED');
  });

  test('is refused for a revision that is compacted, or that is still to come', () => {
    const store = new KvStore();
    put(store, 'a', '1');
    run(store, { type: 'compact', revision: 2 });

    const refused = apply(
      store,
      { type: 'compact', revision: 2 },
      { type: 'compact', revision: 1 },
      { type: 'compact', revision: 3 },
    );

    expect(plain(refused)).toEqual(
      ['KV_COMPACTED', 'KV_COMPACTED', 'KV_FUTURE_REVISION'].map((code) => ({
        type: 'error',
        code,
      })),
    );
    expect(store.compactedRevision).toBe(2);
  });

  test('leaves the pair before an event alone as long as that can be read', () => {
    const store = new KvStore();
    put(store, 'a', '1');
    put(store, 'a', '2');
    put(store, 'a', '3');
    const [second] = store.changesAt(3) ?? [];
    const [third] = store.changesAt(4) ?? [];
    if (second === undefined || third === undefined) throw new Error('Two changes were made.');

    run(store, { type: 'compact', revision: 3 });

    expect(store.eventOf(second, { previous: true })).not.toHaveProperty('previous');
    expect(plain(store.eventOf(third, { previous: true }).previous)).toMatchObject({ value: '2' });
  });

  test('hides the pair before an event even while a snapshot keeps it in memory', () => {
    const store = new KvStore();
    put(store, 'a', '1');
    put(store, 'a', '2');
    const [second] = store.changesAt(3) ?? [];
    if (second === undefined) throw new Error('A change was made.');
    const reading = store.snapshot()[Symbol.iterator]();

    run(store, { type: 'compact', revision: 3 });

    expect(second.version.before).toBeDefined();
    expect(store.eventOf(second, { previous: true })).not.toHaveProperty('previous');
    expect(reading.next().done).toBe(false);
  });

  test('lets go of some thousand changes with each command, until all are gone', () => {
    const store = new KvStore();
    for (let at = 0; at < 5000; at += 1) put(store, `${at}`, '1');
    const deleted = run(store, { type: 'delete', key: bytes('0'), end: bytes('\0') });
    if (deleted.type !== 'delete') throw new Error('The result must be that of a delete.');
    const changes = store.changesAt(deleted.revision) ?? [];
    const kept = (): number => changes.filter(({ version }) => version.before !== undefined).length;
    run(store, { type: 'compact', revision: deleted.revision });

    const left: number[] = [];
    for (let step = 0; step < 20 && kept() > 0; step += 1) {
      run(store, { type: 'mark' });
      left.push(kept());
    }

    expect(left.length).toBeGreaterThan(4);
    expect(left.at(-1)).toBe(0);
    for (const [step, count] of left.entries()) {
      expect((left[step - 1] ?? changes.length) - count).toBeLessThan(3000);
    }
  });

  test('of very much takes many commands, and none of them can tell', () => {
    const store = new KvStore();
    const keys = Array.from({ length: 5000 }, (_, place) => `${place}`.padStart(4, '0'));
    for (const key of keys) put(store, key, '1');
    run(store, { type: 'delete', key: bytes('0'), end: bytes('5') });
    run(store, { type: 'compact', revision: store.revision });

    for (let step = 0; step < 20; step += 1) {
      expect(store.range({ ...everything, countOnly: true }).count).toBe(0);
      expect(pairs(store)).toEqual([]);
      expect(put(store, '0001', '2')).toBe(store.revision);
      expect(pairs(store)).toEqual(['0001=2']);
      put(store, '0001', undefined);
    }
  });
});

describe('leases', () => {
  test('get the next free number when none is named', () => {
    const store = new KvStore();

    const granted = apply(
      store,
      { type: 'leaseGrant', ttl: 5 },
      { type: 'leaseGrant', id: 2, ttl: 6 },
      { type: 'leaseGrant', ttl: 7 },
      { type: 'leaseRevoke', id: 3 },
      { type: 'leaseGrant', ttl: 8 },
      { type: 'leaseGrant', id: 2, ttl: 9 },
    );

    expect(plain(granted)).toMatchObject([
      { id: 1 },
      { id: 2 },
      { id: 3 },
      { type: 'leaseRevoke' },
      { id: 4 },
      { code: 'KV_LEASE_EXISTS' },
    ]);
    expect([...store.leases()]).toMatchObject([
      { id: 1, ttl: 5 },
      { id: 2, ttl: 6 },
      { id: 4, ttl: 8 },
    ]);
  });

  test('that were granted again under an id are not revoked for the one before', () => {
    const store = new KvStore();
    const revoke = (index: number, grantedAt: number): unknown =>
      plain(applyAt(store, index, [{ type: 'leaseRevoke', id: 7, grantedAt }]));
    const grant: Operation = { type: 'leaseGrant', id: 7, ttl: 5 };

    applyAt(store, 3, [grant]);
    applyAt(store, 4, [{ type: 'leaseRevoke', id: 7 }, grant]);
    applyAt(store, 5, [{ type: 'put', key: bytes('a'), value: bytes(''), lease: 7 }]);

    expect(revoke(6, 3)).toMatchObject([{ type: 'error', code: 'KV_LEASE_NOT_FOUND' }]);
    expect(store.lease(7)).toMatchObject({ grantedAt: 4, keys: ['a'] });
    expect(revoke(7, 4)).toMatchObject([{ type: 'leaseRevoke', deleted: 1 }]);
    expect(revoke(8, 4)).toMatchObject([{ type: 'error', code: 'KV_LEASE_NOT_FOUND' }]);
  });

  test('whose grant is not known any more are revoked whichever is meant', () => {
    const store = new KvStore();
    run(store, { type: 'leaseGrant', id: 7, ttl: 5 });

    expect(run(store, { type: 'leaseRevoke', id: 7, grantedAt: 3 })).toMatchObject({ deleted: 0 });
    expect(store.leaseCount).toBe(0);
  });

  test('take their keys with them, at one revision and in order', () => {
    const store = new KvStore();
    run(store, { type: 'leaseGrant', id: 7, ttl: 5 });
    for (const key of ['c', 'a', 'b']) {
      run(store, { type: 'put', key: bytes(key), value: bytes(''), lease: 7 });
    }
    put(store, 'b', 'detached');
    const attached = store.lease(7)?.keys;

    const revoked = run(store, { type: 'leaseRevoke', id: 7 });

    expect(attached).toEqual(['a', 'c']);
    expect(revoked).toMatchObject({ revision: 6, deleted: 2 });
    expect(history(store, 6)).toEqual(['6: delete a', '6: delete c']);
    expect(store.lease(7)).toBeUndefined();
    expect(store.leaseCount).toBe(0);
    expect(codeOf(() => run(store, { type: 'leaseRevoke', id: 7 }))).toBe('KV_LEASE_NOT_FOUND');
  });

  test('lose a key that is attached to another one, or deleted', () => {
    const store = new KvStore();
    run(store, { type: 'leaseGrant', id: 1, ttl: 5 });
    run(store, { type: 'leaseGrant', id: 2, ttl: 5 });
    for (const key of ['a', 'b']) {
      run(store, { type: 'put', key: bytes(key), value: bytes(''), lease: 1 });
    }

    run(store, { type: 'put', key: bytes('a'), value: bytes(''), lease: 2 });
    put(store, 'b', undefined);

    expect(store.lease(1)?.keys).toEqual([]);
    expect(store.lease(2)?.keys).toEqual(['a']);
    expect(run(store, { type: 'leaseRevoke', id: 1 })).toMatchObject({ deleted: 0, revision: 5 });
  });
});
