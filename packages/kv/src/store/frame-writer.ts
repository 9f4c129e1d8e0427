import { crc32 } from 'node:zlib';
import type { ByteString } from '../bytes.ts';
import { frameHeadBytes, wantedFrameBytes } from './snapshot-format.ts';

/** Room for the record that closes a frame, so that most frames need no larger memory. */
const spareBytes = 4096;
/** The most bytes that a varint takes. */
const mostVarintBytes = 8;

export interface FrameWriterOptions {
  /**
   * The memory of a frame is that of the next one, so a frame must be done with before the writer
   * is used again. Memory that comes and goes outside of the heap makes the engine collect it all.
   */
  readonly reuses?: boolean;
}

/** Puts the records of one frame together. */
export class FrameWriter {
  readonly #reuses: boolean;
  #bytes = newFrame(wantedFrameBytes + spareBytes);
  #at = frameHeadBytes;

  constructor({ reuses = false }: FrameWriterOptions = {}) {
    this.#reuses = reuses;
  }

  /** Whether the frame should be taken now. */
  get isFull(): boolean {
    return this.#at >= wantedFrameBytes;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    this.#reserve(mostVarintBytes);
    let rest = value;
    // Beyond 32 bits there are no shifts.
    while (rest >= 0x8000_0000) {
      this.#bytes[this.#at] = (rest % 128) | 128;
      this.#at += 1;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#at] = (rest & 127) | 128;
      this.#at += 1;
      rest >>>= 7;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  /** A length and so many bytes. */
  sized(value: ByteString | Uint8Array): void {
    this.number(value.length);
    this.raw(value);
  }

  raw(value: ByteString | Uint8Array): void {
    this.#reserve(value.length);
    if (typeof value === 'string') this.#bytes.write(value, this.#at, 'latin1');
    else this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** The bytes `from..to` of the memory. */
  copy(memory: Buffer, from: number, to: number): void {
    this.#reserve(to - from);
    memory.copy(this.#bytes, this.#at, from, to);
    this.#at += to - from;
  }

  /** The frame; what comes next is in another one. */
  take(): Uint8Array {
    const frame = this.#bytes.subarray(0, this.#at);
    const body = frame.subarray(frameHeadBytes);
    frame.writeUInt32LE(body.length, 0);
    frame.writeUInt32LE(crc32(body), 4);
    if (!this.#reuses) this.#bytes = newFrame(wantedFrameBytes + spareBytes);
    this.#at = frameHeadBytes;
    return frame;
  }

  #reserve(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const larger = newFrame(needed + spareBytes);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function newFrame(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size);
}
