// What the clients of the benches' key-value server say on its channel:
//
//     put   1, u16 length of the key, key, value      the same bytes are the command in the log
//     get   2, u16 length of the key, key
//
// A put is answered with nothing, a get with 1 and the value, or with 0 if there is none.

export const channelName = 'kv';

const operations = { put: 1, get: 2 } as const;
const headBytes = 3;
const largestKeyBytes = 2 ** 16 - 1;

export type KvRequest =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'get'; readonly key: string };

export function putRequest(key: string, value: Uint8Array): Uint8Array {
  const bytes = requestOf(operations.put, key, value.length);
  bytes.set(value, bytes.length - value.length);
  return bytes;
}

export function getRequest(key: string): Uint8Array {
  return requestOf(operations.get, key, 0);
}

function requestOf(operation: number, key: string, valueBytes: number): Buffer {
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes > largestKeyBytes) {
    throw new RangeError(`A key has ${largestKeyBytes} bytes at most; this one has ${keyBytes}.`);
  }
  const bytes = Buffer.allocUnsafe(headBytes + keyBytes + valueBytes);
  bytes[0] = operation;
  bytes.writeUInt16LE(keyBytes, 1);
  bytes.write(key, headBytes);
  return bytes;
}

/** The value is a view. @throws {RangeError} if the bytes are none of the above. */
export function readRequest(request: Uint8Array): KvRequest {
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  const keyEnd = bytes.length < headBytes ? Infinity : headBytes + bytes.readUInt16LE(1);
  if (keyEnd > bytes.length) throw new RangeError(`A request ends early, at ${bytes.length}.`);
  const key = bytes.toString('utf8', headBytes, keyEnd);
  if (bytes[0] === operations.put) return { type: 'put', key, value: bytes.subarray(keyEnd) };
  if (bytes[0] === operations.get) return { type: 'get', key };
  throw new RangeError(`There is no operation ${bytes[0]}.`);
}

const nothing = Uint8Array.of(0);

export function getResponse(value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return nothing;
  const bytes = Buffer.allocUnsafe(1 + value.length);
  bytes[0] = 1;
  bytes.set(value, 1);
  return bytes;
}

export function readGetResponse(bytes: Uint8Array): Uint8Array | undefined {
  return bytes[0] === 1 ? bytes.subarray(1) : undefined;
}
