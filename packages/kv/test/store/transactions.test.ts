import { describe, expect, test } from 'vitest';
import { KvStore } from '../../src/store/store.ts';
import type { Compare, TxnOperation, TxnRequest } from '../../src/types.ts';
import { bytes, codeOf, history, pairs, plain, put, run } from './kit.ts';

const everything = { key: bytes('\0'), end: bytes('\0') };

function putting(key: string, value = ''): TxnOperation {
  return { type: 'put', key: bytes(key), value: bytes(value) };
}

function deleting(key: string, end?: string): TxnOperation {
  return { type: 'delete', key: bytes(key), ...(end === undefined ? {} : { end: bytes(end) }) };
}

function txn(request: Partial<TxnRequest>): TxnOperation & { readonly type: 'txn' } {
  return { type: 'txn', compare: [], then: [], else: [], ...request };
}

function holds(store: KvStore, ...compare: readonly Compare[]): boolean {
  const result = run(store, txn({ compare }));
  if (result.type !== 'txn') throw new Error('The result must be that of a transaction.');
  return result.succeeded;
}

test('all changes of a transaction have one revision, in the order in which they were made', () => {
  const store = new KvStore();
  put(store, 'x', '1');

  const result = run(store, txn({ then: [putting('b', '1'), deleting('x'), putting('a', '2')] }));

  expect(plain(result)).toEqual({
    type: 'txn',
    revision: 3,
    succeeded: true,
    results: [
      { type: 'put', revision: 3 },
      { type: 'delete', revision: 3, deleted: 1, previous: [] },
      { type: 'put', revision: 3 },
    ],
  });
  expect(history(store, 3)).toEqual(['3: put b=1', '3: delete x', '3: put a=2']);
});

test('a transaction that changes nothing makes no revision', () => {
  const store = new KvStore();
  put(store, 'a', '1');

  const result = run(store, txn({ then: [deleting('b'), { type: 'range', ...everything }] }));

  expect(result).toMatchObject({ revision: 2 });
  expect(store.revision).toBe(2);
});

test('reads in a transaction see what it did so far, and older revisions as they were', () => {
  const store = new KvStore();
  put(store, 'a', '1');
  const read = { type: 'range', ...everything } as const;

  const result = run(
    store,
    txn({ then: [read, putting('b', '2'), read, deleting('a'), read, { ...read, revision: 2 }] }),
  );

  if (result.type !== 'txn') throw new Error('The result must be that of a transaction.');
  const seen = result.results.flatMap((part) =>
    part.type === 'range' ? [[part.revision, part.count, part.kvs.length]] : [],
  );
  expect(seen).toEqual([
    [2, 1, 1],
    [3, 2, 2],
    [3, 1, 1],
    [3, 1, 1],
  ]);
});

test('comparisons of transactions in a transaction see the state before all of it', () => {
  const store = new KvStore();
  const inner = txn({
    compare: [{ key: bytes('a'), target: 'version', result: 'greater', number: 0 }],
    then: [putting('yes')],
    else: [putting('no')],
  });

  run(store, txn({ then: [putting('a', '1'), inner] }));

  expect(pairs(store)).toEqual(['a=1', 'no=']);
});

test('numbers of a key that is not there are 0, and its value is equal to none', () => {
  const store = new KvStore();
  const key = bytes('a');

  for (const target of ['version', 'create', 'mod', 'lease'] as const) {
    expect(holds(store, { key, target, result: 'equal', number: 0 })).toBe(true);
    expect(holds(store, { key, target, result: 'greater', number: 0 })).toBe(false);
  }
  for (const result of ['equal', 'notEqual', 'greater', 'less'] as const) {
    expect(holds(store, { key, target: 'value', result, value: bytes('') })).toBe(false);
  }
});

test('a comparison of a range holds if it does for each of its keys', () => {
  const store = new KvStore();
  put(store, 'a', '1');
  put(store, 'b', '2');
  put(store, 'b', '3');

  const version = { ...everything, target: 'version' } as const;
  expect(holds(store, { ...version, result: 'greater', number: 0 })).toBe(true);
  expect(holds(store, { ...version, result: 'greater', number: 1 })).toBe(false);
  expect(holds(store, { ...version, result: 'less', number: 2 })).toBe(false);
  const value = { key: bytes('a'), end: bytes('c'), target: 'value', value: bytes('1') } as const;
  expect(holds(store, { ...value, result: 'notEqual' })).toBe(false);
  expect(holds(store, { ...value, key: bytes('b'), result: 'greater' })).toBe(true);
  expect(holds(store, { ...value, key: bytes('c'), end: bytes('d'), result: 'equal' })).toBe(false);
});

test('values are compared by their bytes, whatever their size', () => {
  const store = new KvStore();
  run(store, { type: 'put', key: bytes('a'), value: Buffer.alloc(5000, 'x') });
  const of = { key: bytes('a'), target: 'value' } as const;

  expect(holds(store, { ...of, result: 'equal', value: Buffer.alloc(5000, 'x') })).toBe(true);
  expect(holds(store, { ...of, result: 'greater', value: bytes('xxx') })).toBe(true);
  expect(holds(store, { ...of, result: 'less', value: bytes('\xff') })).toBe(true);
});

describe('a transaction is refused before it changes anything', () => {
  const later = { type: 'range', ...everything, revision: 9 } as const;
  const orphan = { type: 'put', key: bytes('b'), value: bytes(''), lease: 4 } as const;
  const keeping = { type: 'put', key: bytes('b'), value: bytes(''), ignoreValue: true } as const;

  test.each([
    ['KV_DUPLICATE_KEY', 'a key that is put twice', [putting('b'), putting('b')]],
    ['KV_DUPLICATE_KEY', 'a put after its delete', [deleting('a', 'c'), putting('b')]],
    ['KV_DUPLICATE_KEY', 'a put before its delete', [putting('b'), deleting('a', '\0')]],
    ['KV_DUPLICATE_KEY', 'a put in it', [putting('b'), txn({ else: [putting('b')] })]],
    [
      'KV_DUPLICATE_KEY',
      'two in it',
      [txn({ then: [putting('b')] }), txn({ else: [deleting('b')] })],
    ],
    ['KV_LEASE_NOT_FOUND', 'a lease that is not there', [putting('c'), orphan]],
    ['KV_KEY_NOT_FOUND', 'a value that is not there', [putting('c'), keeping]],
    ['KV_FUTURE_REVISION', 'a read of what is to come', [putting('c'), later]],
    ['KV_FUTURE_REVISION', 'such a read in it', [putting('c'), txn({ then: [later] })]],
  ] as const)('%s: %s', (code, _, operations) => {
    const store = new KvStore();
    put(store, 'a', '1');
    const hash = store.hash();

    expect(codeOf(() => run(store, txn({ then: operations })))).toBe(code);

    expect(pairs(store)).toEqual(['a=1']);
    expect([store.revision, store.hash()]).toEqual([2, hash]);
  });

  test('a side that is not taken is looked at for keys, and for nothing else', () => {
    const store = new KvStore();

    const untaken = txn({ else: [putting('b'), putting('b')] });
    expect(codeOf(() => run(store, untaken))).toBe('KV_DUPLICATE_KEY');
    expect(codeOf(() => run(store, txn({ else: [later, orphan] })))).toBeUndefined();
  });
});

test('the two sides of a transaction may have the same keys, and deletes may overlap', () => {
  const store = new KvStore();
  const sides = txn({ then: [putting('a', '1')], else: [deleting('a')] });

  run(store, txn({ then: [sides, deleting('b', 'd'), deleting('c', 'e')] }));

  expect(pairs(store)).toEqual(['a=1']);
});
