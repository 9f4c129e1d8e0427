import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  type BytesJson,
  bytesFromJson,
  isBase64,
  writeAuto,
  writeBase64,
} from '../../src/server/http/json-bytes.ts';
import { percentDecode, readQuery, readTarget } from '../../src/server/http/target.ts';

test('bytes come back from JSON as they went in, whichever way they are written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      for (const write of [writeAuto, writeBase64]) {
        const json = JSON.parse(JSON.stringify(write(bytes))) as BytesJson;
        expect([...bytesFromJson(json)]).toEqual([...bytes]);
      }
    }),
  );
});

test('bytes are a string exactly where they are UTF-8', () => {
  expect(writeAuto(Buffer.from('grüß'))).toBe('grüß');
  expect(writeAuto(Uint8Array.of(0xff, 0x00))).toEqual({ base64: '/wA=' });
  expect(writeBase64(Buffer.from('a'))).toEqual({ base64: 'YQ==' });
});

test('half of a surrogate pair is refused, since it would become another character', () => {
  expect(() => bytesFromJson('a\ud800')).toThrow('has no UTF-8');
});

test.each([
  ['YQ==', true],
  ['', true],
  ['YQ', false],
  ['YR==', false],
  ['Y Q==', false],
  ['_-8=', false],
])('whether %j is base64: %s', (text, is) => {
  expect(isBase64(text)).toBe(is);
});

test('the parts of an address are taken as they are, dots and slashes too', () => {
  expect(readTarget('/v1/kv/a/../b?x=1?2')).toEqual({ path: '/v1/kv/a/../b', query: 'x=1?2' });
  expect(readTarget('http://host:1/v1/put')).toEqual({ path: '/v1/put', query: '' });
});

test('escaped bytes are bytes, also where they are no UTF-8', () => {
  expect(percentDecode('a%ff%2F+')).toBe('a\u00ff/+');
  expect([...readQuery('a+b=%ff%00&c')]).toEqual([
    ['a b', '\u00ff\u0000'],
    ['c', ''],
  ]);
});

test.each(['%', '%4', '%zz', 'a%'])('the escape in %j is refused', (text) => {
  expect(() => percentDecode(text)).toThrow('two hexadecimal digits');
});

test('a parameter that comes twice is refused', () => {
  expect(() => readQuery('a=1&a=2')).toThrow('"a" is there twice');
});
