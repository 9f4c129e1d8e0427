import { KvError, type KvErrorCode } from '../errors.ts';

/*
 * Fields one after the other, little-endian. Numbers that count or name something are whole, from 0
 * to 2^53 - 1, in eight bytes ("u53"). Bytes and texts are a u32 length and what it counts.
 */

const twoTo32 = 2 ** 32;
/** The first memory of a writer, and the most that it keeps for what comes next. */
const firstBytes = 1024;
const mostKeptBytes = 64 * 1024;
/** Up to here a loop is quicker than a call that copies. */
const shortBytes = 32;

const noBytes = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Writes into memory that grows. Take it with `finish`; then the next message may begin. */
export class FieldWriter {
  bytes: Uint8Array = noBytes;
  view: DataView = new DataView(noBytes.buffer);
  /** Where the next field goes. */
  at = 0;
  #nextBytes = firstBytes;

  /** Makes room for `size` bytes from `at` on, for whoever writes them by hand. */
  reserve(size: number): void {
    const needed = this.at + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(
      Buffer.allocUnsafeSlow(Math.max(needed, this.#nextBytes, 2 * this.bytes.length)).buffer,
    );
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.at] = value;
    this.at += 1;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** @throws {KvError} `KV_INVALID` if it is no whole number from 0 to 2^53 - 1. */
  u53(value: number): void {
    this.reserve(8);
    demandU53(value);
    this.view.setUint32(this.at, value >>> 0, true);
    this.view.setUint32(this.at + 4, (value / twoTo32) >>> 0, true);
    this.at += 8;
  }

  /** Bytes without a length. */
  raw(bytes: Uint8Array): void {
    const size = bytes.length;
    this.reserve(size);
    const { at, bytes: target } = this;
    if (size > shortBytes) target.set(bytes, at);
    else for (let place = 0; place < size; place += 1) target[at + place] = bytes[place] as number;
    this.at += size;
  }

  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** What UTF-8 has no bytes for, half of a pair, comes out as U+FFFD. */
  text(text: string): void {
    this.sized(encoder.encode(text));
  }

  /** What was written, as memory that nobody writes again. */
  finish(): Uint8Array {
    const { bytes, at } = this;
    this.at = 0;
    this.#nextBytes = Math.min(bytes.length, mostKeptBytes);
    // A copy if it is small: it must not keep much more memory alive than it has bytes.
    const isWellFilled = at * 2 >= bytes.length;
    if (isWellFilled || bytes.length > mostKeptBytes) {
      this.bytes = noBytes;
      this.view = new DataView(noBytes.buffer);
    }
    return isWellFilled ? bytes.subarray(0, at) : bytes.slice(0, at);
  }
}

export interface FieldReaderOptions {
  /** What the bytes should be, such as `a command`. */
  readonly what: string;
  /** What to refuse them with. Default `KV_INVALID`. */
  readonly code?: KvErrorCode;
}

/**
 * Reads one message. Whatever is wrong with the bytes is a `KvError` that names the place; memory
 * grows with what is there and never with what a length or a count claims. Bytes that it gives are
 * views: they keep the whole message in memory.
 */
export class FieldReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;
  /** Which of its parts is being read, from 0 on; -1: none. */
  partNumber = -1;
  readonly #what: string;
  readonly #code: KvErrorCode;

  constructor(bytes: Uint8Array, { what, code = 'KV_INVALID' }: FieldReaderOptions) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#code = code;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    this.demand(1, 'a field');
    const value = this.bytes[this.at] as number;
    this.at += 1;
    return value;
  }

  u16(): number {
    this.demand(2, 'a field');
    const value = this.view.getUint16(this.at, true);
    this.at += 2;
    return value;
  }

  u32(): number {
    this.demand(4, 'a field');
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  u53(): number {
    this.demand(8, 'a number');
    const value = this.u53At(this.at);
    this.at += 8;
    return value;
  }

  /** The number at `at`; the bytes must be there. */
  u53At(at: number): number {
    const high = this.view.getUint32(at + 4, true);
    if (high >= 2 ** 21) this.fail('a number is larger than 2^53 - 1');
    return high * twoTo32 + this.view.getUint32(at, true);
  }

  /** How many parts follow, each of at least `leastBytes`. */
  count(leastBytes: number, what: string): number {
    const count = this.u32();
    if (count * leastBytes <= this.left) return count;
    return this.fail(`it claims ${count} ${what}, and ${this.left} bytes are left`);
  }

  /** A view of the next `size` bytes. */
  raw(size: number, what: string): Uint8Array {
    this.demand(size, what);
    const { bytes, at } = this;
    this.at += size;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + at, size);
  }

  sized(what: string): Uint8Array {
    return this.raw(this.u32(), what);
  }

  text(what: string): string {
    const bytes = this.sized(what);
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      return this.fail(`${what} is no UTF-8`, cause);
    }
  }

  /** The name that a number of one byte stands for: its place in `names`. */
  name<Name>(names: readonly Name[], what: string): Name {
    const number = this.u8();
    const name = names[number];
    return name === undefined ? this.fail(`there is no ${what} with the number ${number}`) : name;
  }

  /** Flags of one byte, all of them known. */
  flags(known: number): number {
    const flags = this.u8();
    if ((flags & ~known) !== 0) this.fail(`it has flags that nobody knows (${flags})`);
    return flags;
  }

  /** The version that everything begins with: `newest`, or one from `oldest` on. */
  version(newest: number, oldest: number = newest): number {
    const version = this.u8();
    if (version >= oldest && version <= newest) return version;
    const known = oldest === newest ? `only ${newest} is` : `${oldest} to ${newest} are`;
    return this.fail(`its version is ${version}, and ${known} known`);
  }

  end(): void {
    if (this.left > 0) this.fail(`it ends here, and ${this.left} more bytes follow`);
  }

  demand(size: number, what: string): void {
    if (size <= this.bytes.length - this.at) return;
    this.fail(`${what} takes ${size} bytes, and ${this.left} are left`);
  }

  fail(problem: string, cause?: unknown): never {
    const { partNumber: part, at } = this;
    const place = part < 0 ? `at byte ${at}` : `in part ${part}, at byte ${at}`;
    throw new KvError(this.#code, `This is not ${this.#what}: ${place}, ${problem}.`, {
      details: { byte: at, ...(part < 0 ? {} : { part }) },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** @throws {KvError} `KV_INVALID` */
export function demandU53(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new KvError(
    'KV_INVALID',
    `A number must be whole, from 0 to 2^53 - 1; got ${String(value)}.`,
  );
}
