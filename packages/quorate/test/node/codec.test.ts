import { describe, expect, test } from 'vitest';
import type { Codec } from '../../src/contract/codec.ts';
import { decodeCommand, encodeCommand, jsonCodec } from '../../src/node/codec.ts';

describe('a command', () => {
  test('is what its bytes decode to, also on the node that wrote it', () => {
    const at = new Date(0);

    const data = encodeCommand(jsonCodec, { at, absent: undefined });

    expect(data.value).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(new TextDecoder().decode(data.bytes)).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });

  test('is encoded in the call, so that later changes of the object change nothing', () => {
    const command = { list: [1] };

    const data = encodeCommand(jsonCodec, command);
    command.list.push(2);

    expect(decodeCommand(jsonCodec, data)).toEqual({ list: [1] });
  });

  test('that came over a wire is decoded from its bytes', () => {
    const { bytes } = encodeCommand(jsonCodec, { é: 'ü€😀' });

    expect(decodeCommand(jsonCodec, { bytes, value: undefined })).toEqual({ é: 'ü€😀' });
  });

  test('of bytes passes as it is, and no codec is asked', () => {
    const refusing: Codec<unknown> = {
      encode: () => expect.unreachable(),
      decode: () => expect.unreachable(),
    };
    const command = new Uint8Array([0, 255, 7]);

    const data = encodeCommand(refusing, command);

    expect(data).toEqual({ bytes: command, raw: true, value: command });
    expect(decodeCommand(refusing, { bytes: command, raw: true, value: undefined })).toBe(command);
  });

  test.each([null, 0, false, '', [], {}])('may be %j', (command) => {
    const data = encodeCommand(jsonCodec, command);

    expect(data.value).toEqual(command);
    expect(decodeCommand(jsonCodec, { bytes: data.bytes, value: undefined })).toEqual(command);
  });
});

describe('a command that does not survive the codec is refused', () => {
  const circular: unknown[] = [];
  circular.push(circular);
  test.each([
    ['undefined', undefined, 'JSON has no text for a undefined'],
    ['a function', () => 1, 'JSON has no text for a function'],
    ['a bigint', 1n, 'BigInt'],
    ['a circle', circular, 'circular'],
  ])('if it is %s', (_name, command, reason) => {
    const encode = (): unknown => encodeCommand(jsonCodec, command);

    expect(encode).toThrow(TypeError);
    expect(encode).toThrow('The command must turn into bytes by the codec and back again');
    expect(encode).toThrow(reason);
  });

  test('if the codec throws in either direction, with the cause kept', () => {
    const cause = new Error('cannot read this');
    const codec: Codec<unknown> = {
      encode: () => new Uint8Array(1),
      decode: () => {
        throw cause;
      },
    };

    expect(() => encodeCommand(codec, 1)).toThrow(expect.objectContaining({ cause }));
  });

  test('if the codec does not return bytes', () => {
    const codec = { encode: () => 'text', decode: () => 1 } as unknown as Codec<unknown>;

    expect(() => encodeCommand(codec, 1)).toThrow('encode() did not return a Uint8Array.');
  });
});

test('bytes that are no UTF-8 or no JSON do not decode', () => {
  expect(() => jsonCodec.decode(new Uint8Array([0xff]))).toThrow(TypeError);
  expect(() => jsonCodec.decode(new Uint8Array([0x7b]))).toThrow(SyntaxError);
});
