import { composed, digest, permutations, renamed, textOf } from './permutations.ts';

/**
 * Gives a number to everything that differs, and knows the number of the same thing under every
 * other naming of the nodes. To rename a state is then to look numbers up.
 */
export class Orbits<Data> {
  readonly #ids: Map<string, number> = new Map();
  readonly #data: Data[] = [];
  /** Six for each id: what it is under each permutation. */
  readonly #renamed: number[] = [];
  readonly #rename: (data: Data, permutation: number) => Data;

  constructor(rename: (data: Data, permutation: number) => Data = renamed) {
    this.#rename = rename;
  }

  get size(): number {
    return this.#data.length;
  }

  idOf(data: Data): number {
    const known = this.#ids.get(keyOf(data));
    if (known !== undefined) return known;
    const all = permutations.map((_, number) => this.#rename(data, number));
    return this.addOrbit(all.map(keyOf), (number) => all[number] as Data)[0] as number;
  }

  find(key: string): number | undefined {
    return this.#ids.get(key);
  }

  /** Adds a thing under all its names. Returns the ids, by permutation. */
  addOrbit(keys: readonly string[], dataOf: (permutation: number) => Data): readonly number[] {
    const orbit = keys.map((key, number) => {
      const known = this.#ids.get(key);
      if (known !== undefined) return known;
      const id = this.#data.length;
      this.#ids.set(key, id);
      this.#data.push(dataOf(number));
      return id;
    });
    for (const [first, id] of orbit.entries()) {
      for (const after of permutations.keys()) {
        const number = composed[after]?.[first] as number;
        this.#renamed[id * permutations.length + after] = orbit[number] as number;
      }
    }
    return orbit;
  }

  data(id: number): Data {
    const data = this.#data[id];
    if (data === undefined) throw new Error(`nothing has the number ${id}`);
    return data;
  }

  renamed(id: number, permutation: number): number {
    return this.#renamed[id * permutations.length + permutation] as number;
  }
}

function keyOf(data: unknown): string {
  return digest(textOf(data));
}
