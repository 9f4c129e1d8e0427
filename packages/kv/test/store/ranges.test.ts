import { expect, test } from 'vitest';
import { byteString } from '../../src/bytes.ts';
import { KvError } from '../../src/errors.ts';
import { KvStore } from '../../src/store/store.ts';
import type { RangeRequest } from '../../src/types.ts';
import { bytes, codeOf, pairs, plain, put } from './kit.ts';

const everything = { key: bytes('\0'), end: bytes('\0') };

function storeOf(...puts: readonly string[]): KvStore {
  const store = new KvStore();
  for (const text of puts) {
    const [key = '', value = ''] = text.split('=');
    put(store, key, value);
  }
  return store;
}

function keysOf(store: KvStore, request: RangeRequest): string[] {
  return store.range(request).kvs.map(({ key }) => byteString(key));
}

test('a range is one key, all from a key on and before an end, or all from a key on', () => {
  const store = storeOf('a', 'b', 'ba', 'c', '\xff');

  expect(keysOf(store, { key: bytes('b') })).toEqual(['b']);
  expect(keysOf(store, { key: bytes('b'), end: bytes('c') })).toEqual(['b', 'ba']);
  expect(keysOf(store, { key: bytes('b'), end: bytes('\0') })).toEqual(['b', 'ba', 'c', '\xff']);
  expect(keysOf(store, everything)).toEqual(['a', 'b', 'ba', 'c', '\xff']);
  expect(keysOf(store, { key: bytes('c'), end: bytes('b') })).toEqual([]);
  expect(codeOf(() => store.range({ key: bytes('') }))).toBe('KV_INVALID');
});

test('keys are in the order of their bytes', () => {
  const store = storeOf('\x80', '\x7f', 'a', 'B', '\xff', '\x00', 'aa');

  expect(keysOf(store, everything)).toEqual(['\x00', 'B', 'a', 'aa', '\x7f', '\x80', '\xff']);
});

test('a limit cuts the pairs, and the count is of all of them', () => {
  const store = storeOf('a', 'b', 'c');

  expect(store.range({ ...everything, limit: 2 })).toMatchObject({ more: true, count: 3 });
  expect(store.range({ ...everything, limit: 3 })).toMatchObject({ more: false, count: 3 });
  expect(keysOf(store, { ...everything, limit: 2 })).toEqual(['a', 'b']);
  const down = { target: 'key', order: 'descend' } as const;
  expect(keysOf(store, { ...everything, limit: 2, sort: down })).toEqual(['c', 'b']);
});

test('the store can be read as of every revision that is not compacted', () => {
  const store = storeOf('a=1', 'b=2', 'a=3');
  put(store, 'b', undefined);

  expect([1, 2, 3, 4, 5].map((revision) => pairs(store, revision))).toEqual([
    [],
    ['a=1'],
    ['a=1', 'b=2'],
    ['a=3', 'b=2'],
    ['a=3'],
  ]);
  expect(store.range({ ...everything, revision: 3, limit: 1 })).toMatchObject({
    revision: 5,
    count: 2,
    more: true,
  });
  expect(codeOf(() => store.range({ ...everything, revision: 6 }))).toBe('KV_FUTURE_REVISION');
});

test('pairs come in the order of what was asked for, the lower key first among equals', () => {
  const store = storeOf('a=2', 'b=1', 'c=2', 'b=3', 'a=2');

  const orders = (['version', 'create', 'mod', 'value'] as const).flatMap((target) =>
    (['ascend', 'descend'] as const).map((order) =>
      keysOf(store, { ...everything, sort: { target, order } }).join(''),
    ),
  );

  expect(orders).toEqual(['cab', 'abc', 'abc', 'cba', 'cba', 'abc', 'acb', 'bac']);
});

test('values of every size are sorted by their bytes', () => {
  const store = new KvStore();
  for (const [key, value] of [
    ['long', Buffer.alloc(5000, 'b')],
    ['short', bytes('bb')],
    ['longer', Buffer.alloc(6000, 'b')],
    ['low', bytes('a')],
    ['high', bytes('\xff')],
  ] as const) {
    put(store, key, byteString(value));
  }

  const order = keysOf(store, { ...everything, sort: { target: 'value', order: 'ascend' } });

  expect(order).toEqual(['low', 'short', 'long', 'longer', 'high']);
});

test('bounds of revisions leave pairs out, and do not change the count', () => {
  const store = storeOf('a', 'b', 'c', 'a');

  expect(keysOf(store, { ...everything, minModRevision: 4 })).toEqual(['a', 'c']);
  expect(keysOf(store, { ...everything, maxModRevision: 4 })).toEqual(['b', 'c']);
  expect(keysOf(store, { ...everything, minCreateRevision: 3 })).toEqual(['b', 'c']);
  expect(keysOf(store, { ...everything, maxCreateRevision: 2 })).toEqual(['a']);
  expect(keysOf(store, { key: bytes('b'), minModRevision: 4 })).toEqual([]);
  expect(store.range({ ...everything, minModRevision: 4, limit: 1 })).toMatchObject({
    count: 3,
    more: true,
  });
});

test('values can be left out, and pairs altogether', () => {
  const store = storeOf('a=1', 'b=2');

  expect(plain(store.range({ ...everything, keysOnly: true }).kvs)).toMatchObject([
    { key: 'a', value: '', modRevision: 2 },
    { key: 'b', value: '', modRevision: 3 },
  ]);
  expect(store.range({ ...everything, countOnly: true, limit: 1 })).toEqual({
    revision: 3,
    kvs: [],
    more: false,
    count: 2,
  });
  expect(store.range({ ...everything, countOnly: true, revision: 2 })).toMatchObject({ count: 1 });
});

test('an answer that would be too long is refused as soon as that is seen', () => {
  const store = storeOf(...Array.from({ length: 500 }, (_, at) => `key-${at}=${'v'.repeat(100)}`));
  const refusalOf = (request: RangeRequest, mostBytes: number): unknown => {
    try {
      return store.range(request, mostBytes).kvs.length;
    } catch (error) {
      if (!(error instanceof KvError) || error.code !== 'KV_TOO_LARGE') throw error;
      if (!error.message.includes('in pages, with a limit')) throw error;
      return error.details;
    }
  };
  const sort = { target: 'mod', order: 'descend' } as const;
  // The first keys are key-0, key-1, key-10, key-100: 40 bytes, the key, and a value of 100.
  const came = 145 + 145 + 146 + 147;

  expect(refusalOf(everything, 450)).toEqual({ limit: 'maxAnswerBytes', most: 450, came });
  expect(refusalOf({ ...everything, minModRevision: 1 }, 450)).toMatchObject({ came });
  expect(refusalOf({ ...everything, sort }, 450)).toMatchObject({ came: 4 * 147 });
  expect(refusalOf({ ...everything, keysOnly: true }, 150)).toMatchObject({ came: came - 400 });
  expect(refusalOf({ key: bytes('key-7') }, 144)).toMatchObject({ came: 145 });
  expect(refusalOf(everything, -1)).toMatchObject({ came: 145 });
  // What is not in the answer takes no room.
  expect(refusalOf({ ...everything, limit: 3 }, 450)).toBe(3);
  expect(refusalOf({ ...everything, limit: 3, sort }, 450)).toBe(3);
  expect(refusalOf({ ...everything, limit: 3, maxModRevision: 9 }, 450)).toBe(3);
  expect(refusalOf({ ...everything, countOnly: true }, 0)).toBe(0);
});
