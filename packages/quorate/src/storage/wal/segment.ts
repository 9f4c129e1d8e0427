import type { OpenFile } from '../../platform/file-system.ts';
import type { Runtime } from '../../platform/runtime.ts';
import { BatchIndex } from './batch-index.ts';

/** One file of the log. */
export class Segment {
  readonly sequence: number;
  readonly path: string;
  /** Bytes that the file has, all of them zero to begin with. */
  readonly size: number;
  readonly salt: number;
  readonly firstBatch: number;
  readonly index: BatchIndex = new BatchIndex();
  /** Where the next batch goes; 0 before the head is written. */
  end: number;
  readonly #file: OpenFile;
  #readers = 0;
  #isDropped = false;

  constructor(
    file: OpenFile,
    known: Pick<Segment, 'sequence' | 'path' | 'size' | 'salt' | 'firstBatch' | 'end'>,
  ) {
    this.#file = file;
    this.sequence = known.sequence;
    this.path = known.path;
    this.size = known.size;
    this.salt = known.salt;
    this.firstBatch = known.firstBatch;
    this.end = known.end;
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(parts, position);
  }

  /** Reads `length` bytes, or as many as there are. The file stays open until it has them. */
  async read(position: number, length: number): Promise<Uint8Array> {
    this.#readers += 1;
    try {
      // Zeroes that are overwritten at once would cost as much as the read.
      const { buffer } = Buffer.allocUnsafeSlow(length);
      const bytes = new Uint8Array(buffer);
      const count = await this.#file.read(bytes, position);
      return count === length ? bytes : bytes.subarray(0, count);
    } finally {
      this.#readers -= 1;
      if (this.#isDropped && this.#readers === 0) await this.#file.close();
    }
  }

  /** Closes the file as soon as nobody reads it. */
  async drop(): Promise<void> {
    this.#isDropped = true;
    if (this.#readers === 0) await this.#file.close();
  }
}

const namePattern = /^(\d{16})\.wal$/;

export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(16, '0')}.wal`;
}

/** The sequence number that a file name stands for, or `undefined` for another file. */
export function sequenceOf(name: string): number | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A salt that a file full of something else is unlikely to hold. */
export function drawSalt(runtime: Runtime): number {
  return 1 + Math.floor(runtime.random() * (2 ** 32 - 1));
}
