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
  for (const { of: stored, size } of versions) {
    bytes += pairBytes(stored.key) + (keysOnly ? 0 : size);
  }
  return bytes;
}

/**
 * Counts the pairs of an answer while they are found, so that no more are than it may have.
 *
 * @throws {KvError} `KV_TOO_LARGE` at the first pair that does not fit.
 */
export class AnswerRoom {
  readonly #mostBytes: number;
  readonly #keysOnly: boolean;
  #bytes = 0;

  constructor(mostBytes: number, { keysOnly = false }: { readonly keysOnly?: boolean } = {}) {
    this.#mostBytes = mostBytes;
    this.#keysOnly = keysOnly;
  }

  take({ of: stored, size }: StoredVersion): void {
    this.#take(pairBytes(stored.key), size);
  }

  takePair(key: { length: number }, value: { length: number }): void {
    this.#take(pairBytes(key), value.length);
  }

  #take(withoutValue: number, valueBytes: number): void {
    this.#bytes += withoutValue + (this.#keysOnly ? 0 : valueBytes);
    if (this.#bytes <= this.#mostBytes) return;
    const most = this.#mostBytes;
    const message = `The pairs of this range have ${this.#bytes} bytes or more, ${pairHeadBytes} for each among them, and there is room for ${Math.max(most, 0)} in the answer (maxAnswerBytes). Read them in pages, with a limit.`;
    const details = { limit: 'maxAnswerBytes', most, came: this.#bytes };
    throw new KvError('KV_TOO_LARGE', message, { details });
  }
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
