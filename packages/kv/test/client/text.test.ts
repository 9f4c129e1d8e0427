import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';
import { Entry } from '../../src/client/entry.ts';
import { compare, op } from '../../src/client/operations.ts';
import { bytesFrom, keyAfter, keyFrom, rangeFrom, textFrom } from '../../src/client/text.ts';
import { FakeClient, FakeWire } from './support/fake-wire.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function entry(key: Uint8Array, value: Uint8Array): Entry {
  const revisions = { createRevision: 2, modRevision: 2, version: 1, lease: 0 };
  return new Entry({ key, value, ...revisions });
}

test('a string goes in as UTF-8 and comes out as it was', () => {
  const short = fc.string({ unit: 'binary', maxLength: 40 });
  const strings = fc.tuple(short, fc.nat(60)).map(([text, times]) => text.repeat(times));
  fc.assert(
    fc.property(fc.array(strings, { maxLength: 5 }), (texts) => {
      const kept = texts.map((text) => bytesFrom(text, 'value'));
      for (const [at, text] of texts.entries()) {
        const bytes = kept[at] ?? utf8('');
        const isSame = Buffer.compare(bytes, Buffer.from(text, 'utf8')) === 0;
        expect(isSame && textFrom(bytes, 'value') === text).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test('what would be replaced on the way is refused', () => {
  expect(() => bytesFrom('\ud800', 'key')).toThrow('half a surrogate pair');
  expect(() => bytesFrom(`${'x'.repeat(5000)}\udc00`, 'value')).toThrow('half a surrogate pair');
  expect(() => bytesFrom(5 as never, 'value')).toThrow('must be a string or a Uint8Array');
  expect(() => textFrom(Uint8Array.of(0xff), 'key')).toThrow('no UTF-8');
  expect(() => keyFrom('')).toThrow('at least one byte');
});

test('an entry is read as bytes, text or JSON', () => {
  const json = entry(utf8('k'), utf8('{"a":1}'));
  expect([json.key, json.text(), json.json()]).toEqual(['k', '{"a":1}', { a: 1 }]);
  // A mark of byte order is part of the text.
  expect(entry(utf8('k'), utf8('\ufeffx')).text()).toBe('\ufeffx');
  const bytes = entry(Uint8Array.of(0xff), Uint8Array.of(0xfe));
  expect(() => bytes.key).toThrow('no UTF-8');
  expect(() => bytes.text()).toThrow('The value of a key that is no text');
  expect(() => entry(utf8('k'), utf8('{')).json()).toThrow('The value of "k" is no JSON');
});

test('keys are one, those with a prefix, or those between two', () => {
  expect(rangeFrom('a')).toEqual({ key: utf8('a') });
  expect(rangeFrom({ prefix: 'a' })).toEqual({ key: utf8('a'), end: utf8('b') });
  expect(rangeFrom({ prefix: '' })).toEqual({ key: Uint8Array.of(0), end: Uint8Array.of(0) });
  expect(rangeFrom({ prefix: Uint8Array.of(0xff) }).end).toEqual(Uint8Array.of(0));
  expect(rangeFrom({ from: 'a', to: 'c' })).toEqual({ key: utf8('a'), end: utf8('c') });
  expect(rangeFrom({ from: 'a' })).toEqual({ key: utf8('a'), end: Uint8Array.of(0) });
  expect(rangeFrom({ to: 'c' })).toEqual({ key: Uint8Array.of(0), end: utf8('c') });
  expect(keyAfter(utf8('a'))).toEqual(Uint8Array.of(97, 0));
  for (const wrong of [undefined, null, 5, {}, { from: undefined }]) {
    expect(() => rangeFrom(wrong as never)).toThrow('Wanted a key');
  }
});

test('a transaction is typed by its operations, and answers in their places', async () => {
  const wire = new FakeWire(['a:1']);
  const kvs = [{ key: utf8('b'), value: utf8('2'), ...{ createRevision: 2, modRevision: 2 } }];
  wire.onWrite = async () => [
    {
      type: 'txn',
      revision: 9,
      succeeded: true,
      results: [
        { type: 'put', revision: 9 },
        {
          type: 'range',
          revision: 9,
          kvs: kvs.map((kv) => ({ ...kv, version: 1, lease: 0 })),
          more: false,
          count: 1,
        },
        { type: 'txn', revision: 9, succeeded: false, results: [] },
      ],
    },
  ];
  await using kv = new FakeClient(wire);
  const inner = kv
    .txn()
    .if(compare.exists('x'))
    .then(op.count({ prefix: 'x' }))
    .nested();

  const done = await kv
    .txn()
    .if(compare.version('a', '=', 0), compare.value('b', '!=', '1'))
    .then(op.put('a', '1'), op.get('b'), inner)
    .else(op.delete('a'))
    .commit();

  if (!done.succeeded) throw new Error('It has succeeded.');
  const [put, got, nested] = done.results;
  expectTypeOf(got).toEqualTypeOf<Entry | undefined>();
  expect([put, got?.text(), nested.succeeded]).toEqual([{ revision: 9 }, '2', false]);
  expect(wire.writes[0]?.operations).toMatchObject([
    {
      type: 'txn',
      compare: [
        { target: 'version', result: 'equal', number: 0 },
        { target: 'value', result: 'notEqual', value: utf8('1') },
      ],
      then: [{ type: 'put' }, { type: 'range' }, { type: 'txn', then: [{ countOnly: true }] }],
      else: [{ type: 'delete' }],
    },
  ]);
});

test('a transaction that is awaited before it was sent says so', async () => {
  await using kv = new FakeClient(new FakeWire(['a:1']));
  // The types refuse it as well, unless they do not know what it is.
  const txn: unknown = kv.txn();
  const forgetful = async (): Promise<unknown> => txn;

  await expect(forgetful()).rejects.toThrow('call commit()');
});

test('a put on a condition says whether it was done, and what is there instead', async () => {
  const wire = new FakeWire(['a:1']);
  const current = { key: utf8('k'), value: utf8('other'), createRevision: 2, modRevision: 4 };
  wire.onWrite = async () => [
    {
      type: 'txn',
      revision: 9,
      succeeded: false,
      results: [
        {
          type: 'range',
          revision: 9,
          kvs: [{ ...current, version: 2, lease: 0 }],
          more: false,
          count: 1,
        },
      ],
    },
  ];
  await using kv = new FakeClient(wire);

  const refused = await kv.put('k', 'mine', { ifRevision: 3 });

  expect(refused).toMatchObject({ succeeded: false, revision: 9 });
  expect(refused.current?.text()).toBe('other');
  expect(wire.writes[0]?.operations).toMatchObject([
    { compare: [{ target: 'mod', result: 'equal', number: 3 }] },
  ]);
  expect(() => compare.value('k', '==' as never, 'x')).toThrow('made by =, !=, > or <');
});
