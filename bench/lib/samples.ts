import { percentile } from './percentile.ts';

/** Durations as they come, without the garbage of an array that grows by small steps. */
export class Samples {
  #values = new Float64Array(4096);
  #count = 0;
  #maxMs = 0;
  #isSorted = true;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count] = ms;
    this.#count += 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
    this.#isSorted = false;
  }

  percentile(share: number): number {
    const all = this.#values.subarray(0, this.#count);
    if (this.#isSorted) return all[Math.floor(this.#count * share)] ?? this.#maxMs;
    this.#isSorted = true;
    return percentile(all, share);
  }
}
