import type { Payload } from '../../../src/core/types.ts';

/**
 * Hashes of 52 bits, so that each is one number. Two 32-bit lanes are mixed at once; good enough to
 * tell contents apart that nobody chose in order to collide.
 */
export class Hash {
  #high = 0x9e37_79b9 | 0;
  #low = 0x7f4a_7c15 | 0;

  add(value: number): this {
    // Numbers above 32 bits differ in their upper part as well.
    const upper = Math.trunc(value / 0x1_0000_0000);
    this.#mix(value | 0);
    if (upper !== 0) this.#mix(upper | 0);
    return this;
  }

  addBytes(bytes: Uint8Array): this {
    this.add(bytes.length);
    for (let at = 0; at < bytes.length; at += 1) this.#mix(bytes[at] as number);
    return this;
  }

  addText(text: string): this {
    this.add(text.length);
    for (let at = 0; at < text.length; at += 1) this.#mix(text.charCodeAt(at));
    return this;
  }

  get value(): number {
    let high = this.#high;
    let low = this.#low;
    high = Math.imul(high ^ (high >>> 16) ^ low, 0x7feb_352d);
    low = Math.imul(low ^ (low >>> 15) ^ high, 0x846c_a68b);
    return ((high ^ (high >>> 16)) >>> 12) * 0x1_0000_0000 + ((low ^ (low >>> 15)) >>> 0);
  }

  #mix(word: number): void {
    const high = Math.imul(this.#high ^ word, 0x85eb_ca6b);
    this.#high = high ^ (high >>> 13);
    const low = Math.imul(this.#low ^ word ^ (word >>> 16), 0xc2b2_ae35);
    this.#low = low ^ (low >>> 15);
  }
}

/** Every node has an object of its own for an entry, and sees it more than once. */
const known = new WeakMap<Payload, number>();

/** Equal for two payloads that mean the same, whoever decoded them. */
export function payloadHash(payload: Payload): number {
  const before = known.get(payload);
  if (before !== undefined) return before;
  const hash = new Hash().addText(payload.type);
  if (payload.type === 'command') {
    const { bytes, session, raw } = payload.data;
    hash.addBytes(bytes).add(raw === true ? 1 : 0);
    if (session !== undefined) hash.add(session.id).add(session.sequence);
  } else if (payload.type === 'session') hash.addBytes(payload.data);
  else if (payload.type === 'membership') hash.addText(plainText(payload.membership));
  known.set(payload, hash.value);
  return hash.value;
}

/** JSON with sorted names, so that the order in which an object was built says nothing. */
export function plainText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** Whether two plain values say the same. Cheaper than comparing their texts. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null) return false;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((one, at) => isSame(one, right[at]));
  }
  const one = left as Record<string, unknown>;
  const other = right as Record<string, unknown>;
  const names = namesIn(one);
  return names.length === namesIn(other).length && names.every((at) => isSame(one[at], other[at]));
}

function namesIn(value: Record<string, unknown>): string[] {
  return Object.keys(value).filter((name) => value[name] !== undefined);
}
