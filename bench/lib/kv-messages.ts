// What the clients of the benches' key-value server say on its channel. One message has many
// requests, all puts or all gets:
//
//     1, and for each put: u16 length of the key, u32 length of the value, key, value
//     2, and for each get: u16 length of the key, key
//
// Puts are answered with nothing, all at once, and the same bytes are the command in the log. Gets
// are answered, in their order, with u32 length of the value and value, or with `noValue`.

export const channelName = 'kv';

const operations = { puts: 1, gets: 2 } as const;
const putHeadBytes = 6;
const getHeadBytes = 2;
const largestKeyBytes = 2 ** 16 - 1;
const lengthBytes = 4;
const noValue = 2 ** 32 - 1;

export interface Pair {
  readonly key: string;
  readonly value: Uint8Array;
}

export function putsMessage(pairs: readonly Pair[]): Uint8Array {
  let room = 1;
  for (const { key, value } of pairs) room += putHeadBytes + 3 * key.length + value.length;
  const bytes = Buffer.allocUnsafe(room);
  bytes[0] = operations.puts;
  let at = 1;
  for (const { key, value } of pairs) {
    const keyBytes = writeKey(bytes, key, at, at + putHeadBytes);
    bytes.writeUInt32LE(value.length, at + 2);
    at += putHeadBytes + keyBytes;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes.subarray(0, at);
}

export function getsMessage(keys: readonly string[]): Uint8Array {
  let room = 1;
  for (const key of keys) room += getHeadBytes + 3 * key.length;
  const bytes = Buffer.allocUnsafe(room);
  bytes[0] = operations.gets;
  let at = 1;
  for (const key of keys) at += getHeadBytes + writeKey(bytes, key, at, at + getHeadBytes);
  return bytes.subarray(0, at);
}

function writeKey(bytes: Buffer, key: string, lengthAt: number, keyAt: number): number {
  const keyBytes = bytes.write(key, keyAt);
  if (keyBytes > largestKeyBytes) {
    throw new RangeError(`A key has ${largestKeyBytes} bytes at most; this one has ${keyBytes}.`);
  }
  bytes.writeUInt16LE(keyBytes, lengthAt);
  return keyBytes;
}

/** @throws {RangeError} if the message is neither. */
export function isPuts(message: Uint8Array): boolean {
  if (message[0] === operations.puts) return true;
  if (message[0] === operations.gets) return false;
  throw new RangeError(`There is no operation ${message[0]}.`);
}

/**
 * Tells of each pair where in `bytes` its value is.
 *
 * @throws {RangeError} if the message is none of puts; earlier pairs may have been put by then.
 */
export function readPuts(
  message: Uint8Array,
  put: (key: string, bytes: Buffer, from: number, to: number) => void,
): void {
  if (!isPuts(message)) throw new RangeError('These are gets, and puts were wanted.');
  const bytes = bufferOf(message);
  for (let at = 1; at < bytes.length; ) {
    const keyAt = at + putHeadBytes;
    demand(bytes, keyAt);
    const valueAt = keyAt + bytes.readUInt16LE(at);
    const end = valueAt + bytes.readUInt32LE(at + 2);
    demand(bytes, end);
    put(bytes.toString('utf8', keyAt, valueAt), bytes, valueAt, end);
    at = end;
  }
}

/** @throws {RangeError} if the message is none of gets. */
export function readGets(message: Uint8Array): string[] {
  if (isPuts(message)) throw new RangeError('These are puts, and gets were wanted.');
  const bytes = bufferOf(message);
  const keys: string[] = [];
  for (let at = 1; at < bytes.length; ) {
    const keyAt = at + getHeadBytes;
    demand(bytes, keyAt);
    const end = keyAt + bytes.readUInt16LE(at);
    demand(bytes, end);
    keys.push(bytes.toString('utf8', keyAt, end));
    at = end;
  }
  return keys;
}

export function valuesMessage(values: readonly (Uint8Array | undefined)[]): Uint8Array {
  let length = 0;
  for (const value of values) length += lengthBytes + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const value of values) {
    at = bytes.writeUInt32LE(value?.length ?? noValue, at);
    if (value === undefined) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

/** The values are views. @throws {RangeError} if the message is none of values. */
export function readValues(message: Uint8Array): (Uint8Array | undefined)[] {
  const bytes = bufferOf(message);
  const values: (Uint8Array | undefined)[] = [];
  for (let at = 0; at < bytes.length; ) {
    demand(bytes, at + lengthBytes);
    const length = bytes.readUInt32LE(at);
    at += lengthBytes;
    if (length === noValue) {
      values.push(undefined);
      continue;
    }
    demand(bytes, at + length);
    values.push(bytes.subarray(at, at + length));
    at += length;
  }
  return values;
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function demand(bytes: Uint8Array, length: number): void {
  if (bytes.length >= length) return;
  throw new RangeError(`A message ends early, at ${bytes.length}; it goes on to ${length}.`);
}
