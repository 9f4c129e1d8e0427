/*
 * Hashes for telling members apart whose states have drifted: quick, and the same everywhere. They
 * are no defence against somebody who wants two states to look alike.
 */

const multiplierOne = 0xcc9e2d51 | 0;
const multiplierTwo = 0x1b873593 | 0;

/** Takes one more number of 32 bits into a hash, as MurmurHash3 does. */
export function mix(hash: number, number: number): number {
  let word = Math.imul(number, multiplierOne);
  word = (word << 15) | (word >>> 17);
  const mixed = hash ^ Math.imul(word, multiplierTwo);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Makes each bit of the outcome depend on each bit of the hash. */
export function finish(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** What is left of a whole number beyond its lower 32 bits. */
export function highPart(number: number): number {
  return (number / 0x1_0000_0000) | 0;
}

/** The hash of the bytes `from..to` of the view. */
export function hashBytes(view: DataView, from: number, to: number): number {
  let at = from;
  let hash = to - from;
  if (hash >= lanesBytes) {
    at = to - (hash % lanesBytes);
    hash = mix(hash, hashLanes(view, from, at));
  }
  for (const end = to - 3; at < end; at += 4) hash = mix(hash, view.getInt32(at, true));
  let rest = 0;
  for (; at < to; at += 1) rest = (rest << 8) | view.getUint8(at);
  return finish(mix(hash, rest));
}

const lanesBytes = 16;

/** Four words at a time, which do not wait for each other, as xxHash does. */
function hashLanes(view: DataView, from: number, to: number): number {
  let one = 1;
  let two = 2;
  let three = 3;
  let four = 4;
  for (let at = from; at + lanesBytes <= to; at += lanesBytes) {
    one = lane(one, view.getInt32(at, true));
    two = lane(two, view.getInt32(at + 4, true));
    three = lane(three, view.getInt32(at + 8, true));
    four = lane(four, view.getInt32(at + 12, true));
  }
  return mix(mix(mix(finish(one), two), three), four);
}

function lane(hash: number, word: number): number {
  const sum = (hash + Math.imul(word, 0x85ebca77)) | 0;
  return Math.imul((sum << 13) | (sum >>> 19), 0x9e3779b1);
}

export function hashOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return hashBytes(view, 0, bytes.byteLength);
}

/** A sum of digests modulo 2^64, in two halves: what is added can be taken away again. */
export class DigestSum {
  #low: number;
  #high: number;

  /** Of the halves that another one had. */
  constructor(low: number = 0, high: number = 0) {
    this.#low = low;
    this.#high = high;
  }

  add(digest: number): void {
    this.#low = (this.#low + digest) | 0;
    this.#high = (this.#high + secondHalf(digest)) | 0;
  }

  remove(digest: number): void {
    this.#low = (this.#low - digest) | 0;
    this.#high = (this.#high - secondHalf(digest)) | 0;
  }

  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }
}

/** The hash of sums and whole numbers, as 16 hex digits. */
export function hashOfSums(sums: readonly DigestSum[], numbers: readonly number[]): string {
  let low = 0;
  let high = 0x9747b28c | 0;
  for (const sum of sums) {
    low = mix(low, sum.low);
    high = mix(high, sum.high);
  }
  for (const number of numbers) {
    low = mix(mix(low, number | 0), highPart(number));
    high = mix(mix(high, highPart(number)), number | 0);
  }
  return hex(finish(low)) + hex(finish(high));
}

function secondHalf(digest: number): number {
  return Math.imul(digest ^ (digest >>> 15), 0x2c1b3c6d);
}

function hex(number: number): string {
  return (number >>> 0).toString(16).padStart(8, '0');
}
