import type { StoredKey } from './versions.ts';

/** Parts of the table; each grows by itself, so that no put waits until all of it has grown. */
const partCount = 256;
const firstPlaces = 8;
/** Up to here a loop over the characters is quicker than a new string. */
const shortKey = 64;

type Places = (StoredKey | undefined)[];

/**
 * Finds keys by their bytes, without making a string of them. Open addressing with linear probing;
 * a part has at least half of its places free.
 */
export class KeyTable {
  readonly #parts: Places[] = [];
  readonly #counts: number[] = [];

  constructor() {
    for (let part = 0; part < partCount; part += 1) {
      this.#parts.push(emptyPlaces(firstPlaces));
      this.#counts.push(0);
    }
  }

  /** The key with the bytes `from..to`, which have this hash. */
  find(hash: number, bytes: Buffer, from: number, to: number): StoredKey | undefined {
    const places = this.#parts[hash & (partCount - 1)] as Places;
    const mask = places.length - 1;
    for (let at = (hash >>> 8) & mask; ; at = (at + 1) & mask) {
      const stored = places[at];
      if (stored === undefined) return undefined;
      if (stored.hash === hash && isKey(stored.key, bytes, from, to)) return stored;
    }
  }

  /** Adds a key that is not there. */
  add(stored: StoredKey): void {
    const part = stored.hash & (partCount - 1);
    const count = (this.#counts[part] as number) + 1;
    this.#counts[part] = count;
    let places = this.#parts[part] as Places;
    if (count * 2 > places.length) {
      places = grown(places);
      this.#parts[part] = places;
    }
    place(places, stored);
  }

  /** Removes a key that is there. */
  remove(stored: StoredKey): void {
    const part = stored.hash & (partCount - 1);
    const places = this.#parts[part] as Places;
    const mask = places.length - 1;
    let hole = (stored.hash >>> 8) & mask;
    while (places[hole] !== stored) {
      if (places[hole] === undefined) throw new Error('Only a key that is there can be removed.');
      hole = (hole + 1) & mask;
    }
    // Whoever stands behind the hole only because its own place was taken moves forward.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const next = places[at];
      if (next === undefined) break;
      const home = (next.hash >>> 8) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      places[hole] = next;
      hole = at;
    }
    places[hole] = undefined;
    this.#counts[part] = (this.#counts[part] as number) - 1;
  }
}

function isKey(key: string, bytes: Buffer, from: number, to: number): boolean {
  const size = to - from;
  if (key.length !== size) return false;
  if (size > shortKey) return bytes.toString('latin1', from, to) === key;
  for (let at = 0; at < size; at += 1) if (key.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
}

function emptyPlaces(count: number): Places {
  return new Array<StoredKey | undefined>(count).fill(undefined);
}

function grown(places: Places): Places {
  const larger = emptyPlaces(places.length * 2);
  for (const stored of places) if (stored !== undefined) place(larger, stored);
  return larger;
}

function place(places: Places, stored: StoredKey): void {
  const mask = places.length - 1;
  let at = (stored.hash >>> 8) & mask;
  while (places[at] !== undefined) at = (at + 1) & mask;
  places[at] = stored;
}
