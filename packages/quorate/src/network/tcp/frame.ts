import { checksumOf } from './frame-checksum.ts';
import { allocate } from './frame-memory.ts';

/*
 * A frame: what travels over one connection, one after the other. Little-endian:
 *
 *      0  u32  length of the body
 *      4  u32  CRC-32 of bytes 8 to 16 and of the body
 *      8  u8   type
 *      9  u8   XOR of the other bytes of the head but 4 to 8: a damaged length must not be believed
 *     10  u16  group; 0 for now
 *     12  u32  number of the call that it belongs to; 0 if to none
 *     16  body
 *
 * This layout is the same in all versions, since it carries the handshake as well.
 */

export const headBytes = 16;

/** From this many bytes on, a part of a body is passed on as it is; smaller ones are copied. */
export const gatherBytes: number = 8 * 1024;

/** The longest body that the head can tell of. */
export const longestBody: number = 2 ** 32 - 1;

export const frameTypes = {
  hello: 1,
  welcome: 2,
  /** Why the connection ends: a failure. Nothing follows. */
  goodbye: 3,
  ping: 4,
  pong: 5,
  /** Who asks and who is meant in the calls that follow on this connection. */
  speaker: 6,
  request: 7,
  response: 8,
  failure: 9,
  /** A piece of a stream. */
  chunk: 10,
  /** Of a stream: nothing follows. */
  end: 11,
  cancel: 12,
  /** How many more bytes of a stream may be sent. */
  credit: 13,
} as const;

export const highestFrameType = 13;

export interface FrameHead {
  /** One of `frameTypes`. */
  readonly type: number;
  readonly group: number;
  readonly call: number;
}

export interface Frame extends FrameHead {
  readonly body: Uint8Array;
}

/** The XOR of the four bytes of a word. */
function folded(word: number): number {
  const half = word ^ (word >>> 16);
  return (half ^ (half >>> 8)) & 0xff;
}

/** Whether the byte that the head has for this fits the rest of it. */
export function isHeadWhole(view: DataView, at: number): boolean {
  const words = view.getUint32(at, true) ^ view.getUint32(at + 8, true);
  return folded(words ^ view.getUint32(at + 12, true)) === 0;
}

export type FrameDamage = 'checksum' | 'type' | 'length';

/** What came is no frame. Nothing after it can be trusted, so the connection must end. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly damage: FrameDamage;

  constructor(message: string, damage: FrameDamage) {
    super(message);
    this.damage = damage;
  }
}

/**
 * Returns the buffers to write, in order: the head and the small parts of the body in one, and
 * parts of `gatherBytes` and more as they are. `FrameWriter` does the same for many frames.
 *
 * @throws {RangeError} if the body is longer than 4 GiB.
 */
export function frame(head: FrameHead, body: readonly Uint8Array[]): readonly Uint8Array[] {
  const writer = new FrameWriter(headBytes + smallBytesOf(body));
  writer.add(head, body);
  return writer.take();
}

/** A slab serves many turns; what was handed out of it is never written again. */
const slabBytes = 64 * 1024;
const noBytes = new Uint8Array(0);

/**
 * Puts frames into as few buffers as possible: add those of one turn, then take once.
 *
 * What is taken is never changed here, and the large parts are the caller's own: they must not
 * change until the socket has them.
 */
export class FrameWriter {
  readonly #slabBytes: number;
  #slab: Uint8Array = noBytes;
  #view: DataView = new DataView(noBytes.buffer);
  /** The part of the slab that is written and not yet in `#pieces`. */
  #from = 0;
  #to = 0;
  #pieces: Uint8Array[] = [];
  #byteLength = 0;

  constructor(slabSize: number = slabBytes) {
    this.#slabBytes = slabSize;
  }

  /** Bytes of the frames that were added and not yet taken. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** @throws {RangeError} if the body is longer than 4 GiB; then nothing is added. */
  add({ type, group, call }: FrameHead, body: readonly Uint8Array[]): void {
    let length = 0;
    let small = 0;
    for (const part of body) {
      length += part.length;
      if (part.length < gatherBytes) small += part.length;
    }
    if (length > longestBody) {
      throw new RangeError(`A frame holds at most ${longestBody} bytes; this one has ${length}.`);
    }
    this.#makeRoom(headBytes + small);
    const start = this.#to;
    const view = this.#view;
    view.setUint32(start, length, true);
    const check = folded(length ^ type ^ (group << 16) ^ call);
    view.setUint32(start + 8, type | (check << 8) | (group << 16), true);
    view.setUint32(start + 12, call, true);
    this.#to += headBytes;
    const checksum = this.#addBody(body, start + 8);
    view.setUint32(start + 4, checksum, true);
    this.#byteLength += headBytes + length;
  }

  /** Returns what was added since the last time, as buffers to write in order. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#byteLength = 0;
    return pieces;
  }

  /** Returns the checksum of what lies in the slab from `summedTo` on and of the body. */
  #addBody(body: readonly Uint8Array[], summedTo: number): number {
    const slab = this.#slab;
    let unsummed = summedTo;
    let checksum = 0;
    for (const part of body) {
      if (part.length < gatherBytes) {
        slab.set(part, this.#to);
        this.#to += part.length;
        continue;
      }
      checksum = checksumOf(slab, unsummed, this.#to, checksum);
      this.#cut();
      unsummed = this.#to;
      checksum = checksumOf(part, 0, part.length, checksum);
      this.#pieces.push(part);
    }
    return checksumOf(slab, unsummed, this.#to, checksum);
  }

  #cut(): void {
    if (this.#from === this.#to) return;
    this.#pieces.push(new Uint8Array(this.#slab.buffer, this.#from, this.#to - this.#from));
    this.#from = this.#to;
  }

  #makeRoom(size: number): void {
    if (this.#to + size <= this.#slab.length) return;
    this.#cut();
    this.#slab = allocate(Math.max(size, this.#slabBytes));
    this.#view = new DataView(this.#slab.buffer);
    this.#from = 0;
    this.#to = 0;
  }
}

function smallBytesOf(body: readonly Uint8Array[]): number {
  let small = 0;
  for (const part of body) if (part.length < gatherBytes) small += part.length;
  return small;
}
