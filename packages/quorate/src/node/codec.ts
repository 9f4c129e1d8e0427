import type { Codec } from '../contract/codec.ts';
import type { CommandData } from '../core/types.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON in UTF-8. */
export const jsonCodec: Codec<unknown> = {
  encode(command) {
    const text: string | undefined = JSON.stringify(command);
    if (text === undefined) throw new TypeError(`JSON has no text for a ${typeof command}.`);
    return encoder.encode(text);
  },
  decode: (bytes): unknown => JSON.parse(decoder.decode(bytes)),
};

/**
 * Makes the bytes that are logged and sent, once, and decodes them again at once: every node
 * applies the decoded value, so what a codec drops is dropped everywhere alike.
 *
 * @throws {TypeError} if the command does not survive it. Nothing was logged.
 */
export function encodeCommand(codec: Codec<unknown>, command: unknown): CommandData {
  if (command instanceof Uint8Array) {
    // A Buffer here would be a Uint8Array on the nodes that receive it, and behave otherwise.
    const { buffer, byteOffset, byteLength } = command;
    const isPlain = Object.getPrototypeOf(command) === Uint8Array.prototype;
    const bytes = isPlain ? command : new Uint8Array(buffer, byteOffset, byteLength);
    return { bytes, raw: true, value: bytes };
  }
  try {
    const bytes = codec.encode(command);
    if (!(bytes instanceof Uint8Array))
      throw new TypeError('encode() did not return a Uint8Array.');
    return { bytes, value: codec.decode(bytes) };
  } catch (cause) {
    const what = 'The command must turn into bytes by the codec and back again; it did not';
    throw new TypeError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** Returns the value of a command; one that came over a wire is decoded here. */
export function decodeCommand(codec: Codec<unknown>, data: CommandData): unknown {
  if (data.value !== undefined) return data.value;
  return data.raw ? data.bytes : codec.decode(data.bytes);
}
