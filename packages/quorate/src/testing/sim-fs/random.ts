import { Digest } from './digest.ts';

/** A generator of 32-bit numbers (xorshift128) that gives the same ones for the same seed. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: string) {
    const digest = new Digest();
    digest.addText(seed);
    this.#a = digest.high;
    this.#b = digest.low;
    digest.add(1);
    this.#c = digest.high;
    // Never all zero, from which the generator would not come away.
    this.#d = digest.low | 1;
  }

  uint32(): number {
    let mixed = this.#d;
    mixed ^= mixed << 11;
    mixed ^= mixed >>> 8;
    this.#d = this.#c;
    this.#c = this.#b;
    this.#b = this.#a;
    this.#a = mixed ^ this.#a ^ (this.#a >>> 19);
    return this.#a >>> 0;
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * end);
  }

  /** `count` of `items` in their order, each as likely as any other; all if there are fewer. */
  sample<Item>(items: readonly Item[], count: number): Item[] {
    let wanted = Math.min(count, items.length);
    const taken: Item[] = [];
    for (const [at, item] of items.entries()) {
      if (this.below(items.length - at) >= wanted) continue;
      taken.push(item);
      wanted -= 1;
    }
    return taken;
  }
}
