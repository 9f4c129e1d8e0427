import { bufferOf } from '../bytes.ts';

/** Takes bytes from a stream, as many as are asked for, however it was cut into chunks. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  #isOver = false;
  /** How many were taken. */
  offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes; fewer only at the end. They may be a view of a chunk. */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0 && (this.#rest.length > 0 || (await this.#next()))) {
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    this.offset += length - missing;
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#chunks.return?.();
  }

  async #next(): Promise<boolean> {
    if (this.#isOver) return false;
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#isOver = true;
      return false;
    }
    this.#rest = bufferOf(next.value);
    return true;
  }
}
