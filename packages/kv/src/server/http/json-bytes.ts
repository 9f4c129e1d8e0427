import { isUtf8 } from 'node:buffer';

import { bufferOf } from '../../bytes.ts';
import { KvError } from '../../errors.ts';

/** Bytes in JSON: a string stands for its UTF-8. */
export type BytesJson = string | { readonly base64: string };

export type WriteBytes = (bytes: Uint8Array) => BytesJson;

/** @throws {KvError} `KV_INVALID` for a string that has no UTF-8. */
export function bytesFromJson(json: BytesJson): Uint8Array {
  if (typeof json !== 'string') return Buffer.from(json.base64, 'base64');
  if (json.isWellFormed()) return Buffer.from(json, 'utf8');
  throw new KvError(
    'KV_INVALID',
    'A string has half of a surrogate pair in it, which has no UTF-8; write {"base64": "..."}.',
  );
}

/** A string where that says the same, and base64 elsewhere. */
export const writeAuto: WriteBytes = (bytes) => {
  const buffer = bufferOf(bytes);
  return isUtf8(buffer) ? buffer.toString('utf8') : writeBase64(bytes);
};

export const writeBase64: WriteBytes = (bytes) => ({ base64: bufferOf(bytes).toString('base64') });

/** Whether `text` is base64 in its one canonical form. */
export function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}
