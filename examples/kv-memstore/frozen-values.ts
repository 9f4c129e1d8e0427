/** A value and the index of the log entry that wrote it: no two writes share a version. */
export interface Versioned {
  readonly value: string;
  readonly version: number;
}

/**
 * The values of one moment, while others are written to the same map.
 *
 * To freeze takes no time and copies nothing: a map goes through its keys in the order in which
 * they came, an overwritten key keeps its place, and nothing is ever removed; so what was there at
 * that moment is the first `size` keys, with their old values where they were overwritten since.
 * Those are kept here: a write to a key that was there costs about twice as much, and the memory
 * for one old value. At worst all are overwritten while a snapshot is built, and are there twice.
 */
export class FrozenValues implements Iterable<readonly [string, Versioned]> {
  readonly #values: ReadonlyMap<string, Versioned>;
  readonly size: number;
  readonly #overwritten = new Map<string, Versioned>();

  constructor(values: ReadonlyMap<string, Versioned>) {
    this.#values = values;
    this.size = values.size;
  }

  /** Call it before a key that has a value gets another. */
  keep(key: string, old: Versioned): void {
    // What is overwritten once more is not of that moment.
    if (!this.#overwritten.has(key)) this.#overwritten.set(key, old);
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
