import { describe, expect, test } from 'vitest';
import type { Codec } from '../../src/contract/codec.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { decodeResponse, encodeResponse } from '../../src/node/response-codec.ts';

function roundTrip(response: unknown, codec: Codec<unknown> = jsonCodec): unknown {
  return decodeResponse(codec, encodeResponse(codec, response));
}

const refusing: Codec<unknown> = {
  encode: () => expect.unreachable(),
  decode: () => expect.unreachable(),
};

describe('a response', () => {
  test.each([null, 0, '', false, { a: [1, 'ü'] }])('of JSON comes back: %j', (response) => {
    expect(roundTrip(response)).toEqual(response);
  });

  test('that is undefined stays so, and no codec is asked', () => {
    expect(roundTrip(undefined, refusing)).toBeUndefined();
  });

  test('of bytes passes as it is, a plain Uint8Array that is nobody else’s', () => {
    const response = Buffer.from([0, 255, 2]);

    const bytes = encodeResponse(refusing, response);
    response[0] = 9;
    const decoded = decodeResponse(refusing, bytes);

    expect(decoded).toEqual(Uint8Array.of(0, 255, 2));
    expect(Object.getPrototypeOf(decoded)).toBe(Uint8Array.prototype);
  });

  test('of no bytes is not undefined', () => {
    expect(roundTrip(new Uint8Array(0), refusing)).toEqual(new Uint8Array(0));
  });

  test('goes through the codec of the options', () => {
    const codec: Codec<unknown> = {
      encode: (value) => Uint8Array.of(Number(value)),
      decode: ([value]) => ({ value }),
    };

    expect(roundTrip(7, codec)).toEqual({ value: 7 });
  });

  test('that the codec cannot encode is a TypeError that says so', () => {
    expect(() => encodeResponse(jsonCodec, 1n)).toThrow(
      /^The response codec could not encode a response: .*BigInt/,
    );
    const broken = { ...jsonCodec, encode: () => 'text' as unknown as Uint8Array };
    expect(() => encodeResponse(broken, 1)).toThrow('encode() did not return a Uint8Array');
  });
});

test.each([
  ['nothing', []],
  ['another tag', [3, 1]],
  ['something after undefined', [0, 1]],
  ['JSON that is none', [2, 123]],
])('bytes with %s are no response', (_, bytes) => {
  expect(() => decodeResponse(jsonCodec, Uint8Array.from(bytes))).toThrow(TypeError);
});

test('a response given as bytes is a copy, also of those in a Buffer', () => {
  const kept = Buffer.from(encodeResponse(jsonCodec, Uint8Array.of(7)));
  const response = decodeResponse(jsonCodec, kept) as Uint8Array;

  response[0] = 9;

  expect(decodeResponse(jsonCodec, kept)).toEqual(Uint8Array.of(7));
});
