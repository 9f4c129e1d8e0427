const chunkLength = 2 ** 18;

/** States that wait to be looked at, in the order in which they were found; four bytes a number. */
export class StateQueue {
  readonly #chunks: Uint32Array[] = [];
  /** Where the next state begins in the first chunk, and where there is room in the last. */
  #readAt = 0;
  #writeAt = chunkLength;
  length = 0;

  push(state: readonly number[]): void {
    if (this.#writeAt + state.length + 1 > chunkLength) {
      // A length of 0 says that the chunk ends before its end.
      this.#chunks.push(new Uint32Array(chunkLength));
      this.#writeAt = 0;
    }
    const chunk = this.#chunks.at(-1) as Uint32Array;
    chunk[this.#writeAt] = state.length;
    chunk.set(state, this.#writeAt + 1);
    this.#writeAt += state.length + 1;
    this.length += 1;
  }

  shift(): number[] | undefined {
    if (this.length === 0) return undefined;
    if ((this.#chunks[0]?.[this.#readAt] ?? 0) === 0) {
      this.#chunks.shift();
      this.#readAt = 0;
    }
    const chunk = this.#chunks[0] as Uint32Array;
    const count = chunk[this.#readAt] as number;
    const from = this.#readAt + 1;
    this.#readAt = from + count;
    this.length -= 1;
    return Array.from(chunk.subarray(from, from + count));
  }
}

/** A list of whole numbers below 2^32 that grows without being copied. */
export class NumberList {
  readonly #chunks: Uint32Array[] = [];
  length = 0;

  push(value: number): void {
    const at = this.length % chunkLength;
    if (at === 0) this.#chunks.push(new Uint32Array(chunkLength));
    (this.#chunks.at(-1) as Uint32Array)[at] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#chunks[Math.floor(index / chunkLength)]?.[index % chunkLength] ?? 0;
  }
}
