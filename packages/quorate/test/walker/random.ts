/**
 * A generator of 32-bit numbers (sfc32). Streams of one seed are independent: taking more from one
 * does not change what another gives, so a fault can be switched off and the rest stays as it was.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string, stream: string) {
    const [a, b, c] = hash(`${seed}/${stream}`);
    this.#a = a;
    this.#b = b;
    this.#c = c;
    for (let round = 0; round < 12; round += 1) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 up to, and without, 1. */
  real(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * end);
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000;
  }

  /** One of `choices`, which must not be empty. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)] as Choice;
  }
}

/** The seeds of a run's walks. The first is the run's own, so that one walk is a run by itself. */
export function walkSeed(seed: string, walk: number): string {
  if (walk === 0) return seed;
  const [high, low] = hash(`${seed}/walk ${walk}`);
  return toHex(high) + toHex(low);
}

export function toHex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

/** Takes one more number into a running hash. */
export function mix(hashed: number, value: number): number {
  const mixed = Math.imul(hashed ^ value, 0x85eb_ca6b);
  return mixed ^ (mixed >>> 13);
}

function hash(text: string): [number, number, number] {
  let a = 0x9e37_79b9;
  let b = 0x243f_6a88;
  let c = 0xb7e1_5162;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x85eb_ca6b) ^ (c >>> 15);
    b = Math.imul(b ^ code, 0xc2b2_ae35) ^ (a >>> 13);
    c = Math.imul(c ^ code, 0x27d4_eb2f) ^ (b >>> 16);
  }
  return [mix(a, b), mix(b, c), mix(c, a)];
}
