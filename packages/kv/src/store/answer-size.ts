import { KvError } from '../errors.ts';
import type { KeyValue } from '../types.ts';
import type { StoredVersion } from './versions.ts';

/**
 * Pairs in the results of one command, all together, in bytes. A frame takes twice as much, and the
 * results stay in memory for as long as their session may ask again. Every member must go by the
 * same number.
 */
export const mostResultBytes: number = 32 * 1024 * 1024;

/** What a pair has besides its key and its value. */
const pairHeadBytes = 40;

/** What a pair takes in an answer. */
export function pairBytes(key: { length: number }, value?: { length: number }): number {
  return pairHeadBytes + key.length + (value?.length ?? 0);
}

export function versionsBytes(
  versions: readonly StoredVersion[],
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): number {
  let bytes = 0;
  for (const { of: stored, value } of versions) {
    bytes += keysOnly ? pairBytes(stored.key) : pairBytes(stored.key, value);
  }
  return bytes;
}

/** @throws {KvError} `KV_TOO_LARGE` if the pair does not fit into what is left for the results. */
export function demandRoomFor(pair: KeyValue, room: number): void {
  demandRoom(pairBytes(pair.key, pair.value), room);
}

/** @throws {KvError} `KV_TOO_LARGE` if these bytes do not. */
export function demandRoom(came: number, room: number): void {
  if (came <= room) return;
  const message = `The pairs in the result would have ${came} bytes. All results of one message have at most ${mostResultBytes}, and ${Math.max(room, 0)} are left. Nothing was changed; ask for fewer pairs, or for none.`;
  throw new KvError('KV_TOO_LARGE', message, { details: { most: mostResultBytes, came } });
}
