import { EntryFormatError, getUint53, setUint53 } from '../../contract/entry-codec.ts';
import { assert } from '../../core/assert.ts';
import type { LogId } from '../../core/types.ts';
import { WrongShapeError } from '../messages/fields.ts';
import { allocate } from './frame-memory.ts';

/*
 * Writes and reads the fields of a message, one after the other, little-endian. Indexes, terms and
 * sizes are whole numbers up to 2^53 - 1 in eight bytes; strings are a u16 length and UTF-8.
 */

/** The longest string that a message can hold, in bytes of UTF-8. */
const longestString = 0xffff;

/** The slab that small messages share. What was handed out of it is never written again. */
const slabBytes = 64 * 1024;
/** A message that is larger has memory of its own. */
const largestInSlab = 16 * 1024;

const notUtf8 = 'ERR_ENCODING_INVALID_ENCODED_DATA';
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that came whole, and are not the message that they should be. */
export class WireFormatError extends Error {
  override readonly name = 'WireFormatError';
}

interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used: number;
}

/** Only memory: of what one message wrote, no other can see anything. */
let slab: Slab | undefined;

/** The most bytes that a string takes. */
export function stringRoom(text: string): number {
  return 2 + 3 * text.length;
}

/** Writes one message. Finish it before the next one begins: they share their memory. */
export class FieldWriter {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the next field goes. */
  at: number;
  #from: number;
  readonly #limit: number;
  readonly #slab: Slab;
  readonly #parts: Uint8Array[] = [];

  /** @param size bytes that suffice for all fields, apart from the parts that are gathered. */
  constructor(size: number) {
    this.#slab = slabFor(size);
    this.bytes = this.#slab.bytes;
    this.view = this.#slab.view;
    this.at = this.#slab.used;
    this.#from = this.at;
    this.#limit = this.at + size;
  }

  u8(value: number): void {
    this.view.setUint8(this.at, value);
    this.at += 1;
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  u53(value: number): void {
    setUint53(this.view, this.at, value);
    this.at += 8;
  }

  logId({ term, index }: LogId): void {
    this.u53(term);
    this.u53(index);
  }

  /** @throws {RangeError} if it is longer than 65535 bytes of UTF-8, or has half of a character. */
  string(text: string): void {
    const { bytes } = this;
    const start = this.at + 2;
    let at = start;
    for (let place = 0; place < text.length; place += 1) {
      const unit = text.charCodeAt(place);
      if (unit >= 0x80 || at - start > longestString) return this.#anyString(text);
      bytes[at] = unit;
      at += 1;
    }
    this.#endString(at - start);
  }

  /** Bytes without a length; where they end must follow from something else. */
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Puts bytes here without copying them. */
  gather(bytes: Uint8Array): void {
    this.#cut();
    this.#parts.push(bytes);
  }

  /** Returns what was written, in order. */
  finish(): readonly Uint8Array[] {
    assert(this.at <= this.#limit, 'a message fits into the room that was asked for it');
    this.#cut();
    this.#slab.used = this.at;
    return this.#parts;
  }

  #anyString(text: string): void {
    // One half of a pair would come out as another character, and so name somebody else.
    if (!text.isWellFormed()) {
      throw new RangeError(
        `A string on the wire must be well-formed; got ${JSON.stringify(text)}.`,
      );
    }
    const { written } = encoder.encodeInto(text, this.bytes.subarray(this.at + 2));
    this.#endString(written);
  }

  #endString(length: number): void {
    if (length > longestString) {
      throw new RangeError(`A string on the wire has at most ${longestString} bytes of UTF-8.`);
    }
    this.u16(length);
    this.at += length;
  }

  #cut(): void {
    if (this.#from === this.at) return;
    this.#parts.push(new Uint8Array(this.bytes.buffer, this.#from, this.at - this.#from));
    this.#from = this.at;
  }
}

/** Reads the fields of one message. What is left over at the end is refused by `end`. */
export class FieldReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  // A view refuses to read beyond its end with a `RangeError`; see `readMessage`.

  u8(): number {
    const value = this.view.getUint8(this.at);
    this.at += 1;
    return value;
  }

  u16(): number {
    const value = this.view.getUint16(this.at, true);
    this.at += 2;
    return value;
  }

  u32(): number {
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  u53(): number {
    const value = getUint53(this.view, this.at);
    this.at += 8;
    return value;
  }

  logId(): LogId {
    return { term: this.u53(), index: this.u53() };
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) throw new WireFormatError(`A yes or no must be 1 or 0; got ${value}.`);
    return value === 1;
  }

  string(): string {
    const length = this.u16();
    this.#demand(length);
    const text = textOf(this.bytes, this.at, length);
    this.at += length;
    return text;
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    const { bytes, at } = this;
    this.at = bytes.length;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  }

  /** All that is left, as JSON in UTF-8. */
  json(): unknown {
    return JSON.parse(decoder.decode(this.rest()));
  }

  end(): void {
    if (this.left === 0) return;
    throw new WireFormatError(`It ends after ${this.at} bytes, and ${this.left} more follow.`);
  }

  #demand(size: number): void {
    if (size <= this.left) return;
    throw new WireFormatError(`It claims ${size} bytes at ${this.at}, and ${this.left} are left.`);
  }
}

/**
 * Reads one message: `what` names it.
 *
 * @throws {WireFormatError} whatever is wrong with the bytes.
 */
export function readMessage<Value>(
  what: string,
  bytes: Uint8Array,
  read: (reader: FieldReader) => Value,
): Value {
  try {
    return read(new FieldReader(bytes));
  } catch (error) {
    throw noMessage(what, bytes, error);
  }
}

/** JSON in UTF-8, for what is rare or may grow. */
export function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function noMessage(what: string, { length }: Uint8Array, cause: unknown): unknown {
  if (!isAboutTheBytes(cause)) return cause;
  return new WireFormatError(`These ${length} bytes are no ${what}: ${cause.message}`, { cause });
}

/** Everything that a reader may run into; any other error is one of this library. */
function isAboutTheBytes(error: unknown): error is Error {
  return (
    error instanceof WireFormatError ||
    error instanceof EntryFormatError ||
    error instanceof WrongShapeError ||
    // Of a view that ends earlier, and of JSON.
    error instanceof RangeError ||
    error instanceof SyntaxError ||
    // Of the decoder of UTF-8.
    (error instanceof TypeError && 'code' in error && error.code === notUtf8)
  );
}

/** Names are short and nearly always ASCII: a loop is faster than the decoder. */
function textOf(bytes: Uint8Array, from: number, length: number): string {
  let text = '';
  if (length > 32) return decoder.decode(bytes.subarray(from, from + length));
  for (let at = from; at < from + length; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(from, from + length));
    text += String.fromCharCode(byte);
  }
  return text;
}

function slabFor(size: number): Slab {
  if (size > largestInSlab) return newSlab(size);
  if (slab === undefined || slab.bytes.length - slab.used < size) slab = newSlab(slabBytes);
  return slab;
}

function newSlab(size: number): Slab {
  const bytes = allocate(size);
  return { bytes, view: new DataView(bytes.buffer), used: 0 };
}
