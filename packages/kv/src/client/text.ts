/*
 * Strings go in as UTF-8, and bytes come out as strings only if they are UTF-8. Nothing is replaced
 * on the way: two keys that differ would become one. Knows no Buffer, so that browsers can use it.
 */

import { prefixEnd } from '../bytes.ts';
import { KvError } from '../errors.ts';
import type { KeyRange } from '../types.ts';

/** A key or a value: a string means its UTF-8. Bytes must not change until the call has ended. */
export type Text = string | Uint8Array;

/** Keys: one; all that begin alike; or all from one on (in) to another (out), in their order. */
export type Keys =
  | Text
  | { readonly prefix: Text }
  | { readonly from: Text; readonly to?: Text | undefined }
  | { readonly from?: Text | undefined; readonly to: Text };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Short texts share memory, a page at a time: they are copied into a message soon. */
const pageBytes = 16 * 1024;
const longestShared = 1024;
let page = new Uint8Array(pageBytes);
let pageUsed = 0;

/** @throws {KvError} `KV_INVALID` if the string is no Unicode: it has half a surrogate pair. */
export function bytesFrom(text: Text, what: string): Uint8Array {
  if (typeof text !== 'string') {
    if (text instanceof Uint8Array) return text;
    throw new KvError(
      'KV_INVALID',
      `A ${what} must be a string or a Uint8Array; got ${kind(text)}.`,
    );
  }
  if (text.length > longestShared) return encoder.encode(wellFormed(text, what));
  if (pageBytes - pageUsed < 3 * text.length) {
    page = new Uint8Array(pageBytes);
    pageUsed = 0;
  }
  const from = pageUsed;
  const to = writeAscii(text, from);
  if (to >= 0) {
    pageUsed = to;
    return page.subarray(from, to);
  }
  const { written } = encoder.encodeInto(wellFormed(text, what), page.subarray(from));
  pageUsed = from + written;
  return page.subarray(from, pageUsed);
}

/** A key, which has at least one byte. @throws {KvError} `KV_INVALID`. */
export function keyFrom(key: Text): Uint8Array {
  const bytes = bytesFrom(key, 'key');
  if (bytes.length > 0) return bytes;
  throw new KvError('KV_INVALID', 'A key must have at least one byte; got an empty one.');
}

/** What the bytes say. @throws {KvError} `KV_INVALID` if they are no UTF-8. */
export function textFrom(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const message = `The ${what} has ${bytes.length} bytes that are no UTF-8; read them as bytes.`;
    throw new KvError('KV_INVALID', message, { cause });
  }
}

/** @throws {KvError} `KV_INVALID` if this names no keys. */
export function rangeFrom(keys: Keys): KeyRange {
  if (typeof keys === 'string' || keys instanceof Uint8Array) return { key: keyFrom(keys) };
  if (typeof keys !== 'object' || keys === null) throw noKeys(kind(keys));
  if ('prefix' in keys) {
    const prefix = bytesFrom(keys.prefix, 'prefix');
    return prefix.length === 0
      ? { key: firstKey, end: openEnd }
      : { key: prefix, end: prefixEnd(prefix) };
  }
  if (keys.from === undefined && keys.to === undefined) throw noKeys('neither of the last two');
  const key = keys.from === undefined ? firstKey : bytesFrom(keys.from, 'key');
  const end = keys.to === undefined ? openEnd : keyFrom(keys.to);
  return { key: key.length === 0 ? firstKey : key, end };
}

/** The first key after this one. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** As the beginning of a range: no key comes before it. */
const firstKey = Uint8Array.of(0);
/** As the end of a range: every key comes before it. */
const openEnd = Uint8Array.of(0);

function noKeys(got: string): KvError {
  const wanted = 'a key, { prefix }, { from }, { to } or { from, to }';
  return new KvError('KV_INVALID', `Wanted ${wanted}; got ${got}.`);
}

/** Writes it if it is ASCII, and says where it ends; -1 if it is not. */
function writeAscii(text: string, from: number): number {
  const { length } = text;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return -1;
    page[from + at] = code;
  }
  return from + length;
}

function wellFormed(text: string, what: string): string {
  if (text.isWellFormed()) return text;
  const message = `The ${what} is no Unicode: it has half a surrogate pair. Give it as bytes.`;
  throw new KvError('KV_INVALID', message);
}

function kind(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
