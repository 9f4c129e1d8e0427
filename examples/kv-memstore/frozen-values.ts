/** A value and the index of the log entry that wrote it: no two writes share a version. */
export interface Versioned {
  readonly value: string;
  readonly version: number;
}

/** All that was there at one moment, as bytes that are the same on every node. */
export interface FrozenContent {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** How many entries they hold; call it once they are read. */
  readonly count: () => number;
}

/**
 * The values of one moment, while others are written to the same map.
 *
 * To freeze takes no time and copies nothing: a map goes through its keys in the order in which
 * they came, an overwritten key keeps its place, and nothing is ever removed; so what was there at
 * that moment is the first `size` keys, with their old values where they were overwritten since.
 * Those are kept here, and a version tells which: the first write after that moment to a key that
 * was there costs about twice as much, and the memory for the old value. At worst all are
 * overwritten while a snapshot is built, and are there twice; what came later is kept once.
 */
export class FrozenValues implements Iterable<readonly [string, Versioned]> {
  readonly #values: ReadonlyMap<string, Versioned>;
  readonly size: number;
  readonly #lastVersion: number;
  readonly #overwritten = new Map<string, Versioned>();

  /** No value has a version after `lastVersion`, and every later write has. */
  constructor(values: ReadonlyMap<string, Versioned>, lastVersion: number) {
    this.#values = values;
    this.#lastVersion = lastVersion;
    this.size = values.size;
  }

  /** How many old values are kept. */
  get keptCount(): number {
    return this.#overwritten.size;
  }

  /** Call it before a key that has a value gets another. */
  keep(key: string, old: Versioned): void {
    if (old.version <= this.#lastVersion) this.#overwritten.set(key, old);
  }

  *[Symbol.iterator](): Generator<readonly [string, Versioned], void, undefined> {
    let left = this.size;
    if (left === 0) return;
    for (const [key, newest] of this.#values) {
      yield [key, this.#overwritten.get(key) ?? newest];
      left -= 1;
      if (left === 0) return;
    }
  }
}
