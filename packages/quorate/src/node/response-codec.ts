import type { Codec } from '../contract/codec.ts';

/*
 * A response on its way between nodes, and in the table of the sessions. Its first byte says what
 * follows, since a codec knows neither bytes as they are nor a response that is none.
 */
const nothing = 0;
const asItIs = 1;
const byCodec = 2;

/**
 * Makes the bytes of a state machine's response: a `Uint8Array` as it is, anything else but
 * `undefined` by the codec. The bytes are the caller's own.
 *
 * @throws {TypeError} if the codec cannot make bytes of it.
 */
export function encodeResponse(codec: Codec<unknown>, response: unknown): Uint8Array {
  if (response === undefined) return Uint8Array.of(nothing);
  if (response instanceof Uint8Array) return tagged(asItIs, response);
  return tagged(byCodec, encoded(codec, response));
}

/**
 * Returns the response that `encodeResponse` made these bytes of, as the codec has it.
 *
 * @throws {TypeError} if they are not such bytes, or the codec cannot read them.
 */
export function decodeResponse(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  const rest = bytes.subarray(1);
  switch (bytes[0]) {
    case nothing:
      if (rest.length > 0) break;
      return undefined;
    case asItIs:
      // A Buffer's own slice would be no copy.
      return new Uint8Array(rest);
    case byCodec:
      return decoded(codec, rest);
    default:
  }
  throw new TypeError(
    `A response must begin with 0 (nothing), 1 (bytes) or 2 (by the codec), and nothing follows a 0; it begins with ${bytes[0] ?? 'nothing'} and has ${bytes.length} bytes.`,
  );
}

function encoded(codec: Codec<unknown>, response: unknown): Uint8Array {
  try {
    const bytes: unknown = codec.encode(response);
    if (bytes instanceof Uint8Array) return bytes;
    throw new TypeError('encode() did not return a Uint8Array.');
  } catch (cause) {
    throw new TypeError(`The response codec could not encode a response: ${text(cause)}`, {
      cause,
    });
  }
}

function decoded(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new TypeError(`The response codec could not decode a response: ${text(cause)}`, {
      cause,
    });
  }
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const response = new Uint8Array(1 + bytes.length);
  response[0] = tag;
  response.set(bytes, 1);
  return response;
}
