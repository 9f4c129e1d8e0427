/** A running hash of 64 bits. Good enough to tell states apart, of no use against an enemy. */
export class Digest {
  #high = 0x9e37_79b9;
  #low = 0x7f4a_7c15;

  add(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x85eb_ca6b);
    this.#high ^= this.#high >>> 13;
    this.#low = Math.imul(this.#low ^ value ^ (value >>> 16), 0xc2b2_ae35);
    this.#low ^= this.#low >>> 15;
  }

  addText(text: string): void {
    this.add(text.length);
    for (let at = 0; at < text.length; at += 1) this.add(text.charCodeAt(at));
  }

  addWords(words: Uint32Array): void {
    for (const word of words) this.add(word);
  }

  get high(): number {
    return this.#high;
  }

  get low(): number {
    return this.#low;
  }

  toString(): string {
    return `${(this.#high >>> 0).toString(16)}:${(this.#low >>> 0).toString(16)}`;
  }
}
