import { type ByteString, byteString } from '../bytes.ts';
import type { KeyRange } from '../types.ts';

/** The keys from `from` on and before `to`; without `to`, all from there on. */
export interface KeySpan {
  readonly from: ByteString;
  readonly to: ByteString | undefined;
}

/** Whether the range is one key. */
export function isOneKey({ end }: KeyRange): boolean {
  return end === undefined || end.length === 0;
}

export function isIn(key: Uint8Array, range: KeyRange): boolean {
  const { from, to } = spanOf(range);
  const text = byteString(key);
  return from <= text && (to === undefined || text < to);
}

export function spanOf(range: KeyRange): KeySpan {
  const { key, end } = range;
  const from = byteString(key);
  // The next string after a key is that key and a zero byte.
  if (end === undefined || end.length === 0) return { from, to: `${from}\0` };
  if (end.length === 1 && end[0] === 0) return { from, to: undefined };
  return { from, to: byteString(end) };
}
