const mostFilled = 0.6;

/**
 * A set of 64-bit hashes in two plain arrays: some 13 bytes a state. Two states of one hash would
 * be taken for one; how likely that is says `chanceOfMistake`.
 */
export class StateSet {
  #high: Uint32Array;
  #low: Uint32Array;
  size = 0;

  constructor(capacity: number = 2 ** 16) {
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
  }

  /** An upper bound of the chance that any two states so far have one hash. */
  get chanceOfMistake(): number {
    return this.size ** 2 / 2 ** 65;
  }

  /** Returns `false` if it was there already. */
  add(state: readonly number[]): boolean {
    const { high, low } = hash64(state);
    const at = findPlace(this.#high, this.#low, { high, low });
    if (this.#high[at] !== 0 || this.#low[at] !== 0) return false;
    this.#high[at] = high;
    this.#low[at] = low;
    this.size += 1;
    if (this.size > this.#high.length * mostFilled) this.#grow();
    return true;
  }

  #grow(): void {
    const oldHigh = this.#high;
    const oldLow = this.#low;
    this.#high = new Uint32Array(oldHigh.length * 2);
    this.#low = new Uint32Array(oldHigh.length * 2);
    for (const [from, high] of oldHigh.entries()) {
      const low = oldLow[from] as number;
      if (high === 0 && low === 0) continue;
      const at = findPlace(this.#high, this.#low, { high, low });
      this.#high[at] = high;
      this.#low[at] = low;
    }
  }
}

function findPlace(
  highs: Uint32Array,
  lows: Uint32Array,
  { high, low }: { high: number; low: number },
): number {
  const mask = highs.length - 1;
  let at = (high ^ Math.imul(low, 0x9e3779b1)) & mask;
  while (highs[at] !== 0 || lows[at] !== 0) {
    if (highs[at] === high && lows[at] === low) break;
    at = (at + 1) & mask;
  }
  return at;
}

/** Two hashes of 32 bits that have nothing to do with each other. Never both 0. */
export function hash64(state: readonly number[]): { high: number; low: number } {
  let high = 0x2545f491 ^ state.length;
  let low = 0x85157af5 + state.length;
  for (const value of state) {
    high = Math.imul(high ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
    high = ((high << 13) | (high >>> 19)) + 0x52dce729;
    low = Math.imul(low ^ (value + 0x7ed55d16), 0x9e3779b1);
    low ^= low >>> 15;
  }
  high = finish(high);
  low = finish(low ^ 0x38495ab5);
  return high === 0 && low === 0 ? { high, low: 1 } : { high, low };
}

function finish(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
