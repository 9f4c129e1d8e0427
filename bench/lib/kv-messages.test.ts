import { expect, test } from 'vitest';
import {
  getsMessage,
  isPuts,
  type Pair,
  putsMessage,
  readGets,
  readPuts,
  readValues,
  valuesMessage,
} from './kv-messages.ts';

test('puts are read as they were written', () => {
  const pairs: Pair[] = [
    { key: 'käse', value: Buffer.of(1, 2) },
    { key: '', value: Buffer.of() },
    { key: 'wein', value: Buffer.alloc(70_000, 3) },
  ];

  const message = putsMessage(pairs);

  const read: Pair[] = [];
  readPuts(message, (key, bytes, from, to) => read.push({ key, value: bytes.subarray(from, to) }));
  expect(read).toEqual(pairs);
  expect(isPuts(message)).toBe(true);
});

test('gets and their values are read as they were written; an empty value is not none', () => {
  const values = [Buffer.of(1, 2), undefined, Buffer.of()];

  const message = getsMessage(['a', 'ü', 'c']);

  expect(isPuts(message)).toBe(false);
  expect(readGets(message)).toEqual(['a', 'ü', 'c']);
  expect(readValues(valuesMessage(values))).toEqual(values);
});

test('a message that was cut off anywhere within a request is refused', () => {
  const puts = putsMessage([{ key: 'key', value: Uint8Array.of(1) }]);
  const gets = getsMessage(['key']);
  const values = valuesMessage([Uint8Array.of(1)]);

  for (let length = 2; length < puts.length; length += 1) {
    expect(() => readPuts(puts.subarray(0, length), () => undefined)).toThrow('ends early');
  }
  for (let length = 2; length < gets.length; length += 1) {
    expect(() => readGets(gets.subarray(0, length))).toThrow('ends early');
  }
  for (let length = 1; length < values.length; length += 1) {
    expect(() => readValues(values.subarray(0, length))).toThrow('ends early');
  }
});

test('one sort is not taken for the other, and a key may be too long', () => {
  expect(() => readGets(putsMessage([]))).toThrow('gets were wanted');
  expect(() => readPuts(getsMessage([]), () => undefined)).toThrow('puts were wanted');
  expect(() => getsMessage(['k'.repeat(65_536)])).toThrow('65535 bytes at most');
});
