import { isUint8Array } from 'node:util/types';

/** A key in the state; a string stands for its bytes in UTF-8. Keys are ordered by their bytes. */
export type Key = string | Uint8Array;

/** A stretch of keys. `from` is in and `to` is out; without one, it is open at that side. */
export interface KeyRange {
  readonly from?: Key | undefined;
  readonly to?: Key | undefined;
}

/** The longest key, in bytes. */
export const maxKeyBytes: number = 1024 * 1024;

/** The largest value, in bytes. Some values at a time are in memory while the state is read. */
export const maxValueBytes: number = 64 * 1024 * 1024;

// What the library keeps and what the application keeps lie in one database, told apart by the
// first byte of the key: so one write, and one file that the engine makes of its memory, always has
// both.
const libraryPrefix = 0;
const statePrefix = 1;

/** A stretch of the database. */
interface PrefixRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

export const libraryRange: PrefixRange = {
  gte: Buffer.of(libraryPrefix),
  lt: Buffer.of(libraryPrefix + 1),
};
export const stateRange: PrefixRange = {
  gte: Buffer.of(statePrefix),
  lt: Buffer.of(statePrefix + 1),
};

export function libraryKey(key: string): Buffer {
  return Buffer.concat([libraryRange.gte, Buffer.from(key)]);
}

/** @throws {TypeError | RangeError} if it is no key, or one that is too long. */
export function stateKey(key: Key): Buffer {
  if (typeof key !== 'string' && !isUint8Array(key)) {
    throw new TypeError(`A key must be a string or a Uint8Array; got ${typeName(key)}.`);
  }
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  if (bytes.byteLength > maxKeyBytes) {
    throw new RangeError(`A key has at most ${maxKeyBytes} bytes; got ${bytes.byteLength}.`);
  }
  return Buffer.concat([stateRange.gte, bytes]);
}

export function withoutPrefix(key: Buffer): Buffer {
  return key.subarray(1);
}

/** @throws {TypeError | RangeError} if it is no value, or one that is too large. */
export function checkValue(value: Uint8Array): void {
  if (!isUint8Array(value)) {
    throw new TypeError(`A value must be a Uint8Array; got ${typeName(value)}.`);
  }
  if (value.byteLength <= maxValueBytes) return;
  throw new RangeError(`A value has at most ${maxValueBytes} bytes; got ${value.byteLength}.`);
}

/** The stretch of the database that holds a stretch of the state. */
export function stateRangeOf({ from, to }: KeyRange): PrefixRange {
  return {
    gte: from === undefined ? stateRange.gte : stateKey(from),
    lt: to === undefined ? stateRange.lt : stateKey(to),
  };
}

function typeName(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
