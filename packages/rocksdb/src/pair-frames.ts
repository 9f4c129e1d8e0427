import { DamagedError, type SnapshotMeta, UnsupportedError } from 'quorate';
import type { FrozenPairs } from './database.ts';
import { maxKeyBytes, maxValueBytes } from './keys.ts';

// A snapshot's content: eight bytes with the format and its version; then for each pair the sizes
// of key and value (two u32, little-endian) and their bytes; then 0xffffffff and the count of pairs
// modulo 2^32, so that a content that ends early is not taken for a smaller one.

const format = 'QROCKS';
const version = '01';
const headBytes = 8;
const endMark = 0xffff_ffff;
const chunkBytes = 64 * 1024;

interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Packs pairs into chunks of 64 KiB; the last one may be smaller. */
async function* framePairs(pairs: AsyncIterable<Pair>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [Buffer.from(format + version)];
  let size = headBytes;
  let count = 0;
  for await (const { key, value } of pairs) {
    parts.push(headOf(key.byteLength, value.byteLength), key, value);
    size += headBytes + key.byteLength + value.byteLength;
    count += 1;
    if (size < chunkBytes) continue;
    const bytes = Buffer.concat(parts, size);
    const whole = size - (size % chunkBytes);
    for (let at = 0; at < whole; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    parts = [bytes.subarray(whole)];
    size -= whole;
  }
  yield Buffer.concat([...parts, headOf(endMark, count >>> 0)]);
}

/** The same for a view of one moment, which is let go of when the chunks end or are given up. */
export function frameFrozen({ pairs, release }: FrozenPairs): AsyncIterableIterator<Uint8Array> {
  const chunks = framePairs(pairs);
  return {
    async next() {
      try {
        const next = await chunks.next();
        if (next.done === true) await release();
        return next;
      } catch (error) {
        await release();
        throw error;
      }
    },
    // A generator that was never begun would end without a word.
    async return() {
      const ended = await chunks.return(undefined);
      await release();
      return ended;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Unpacks them again, however the bytes are cut into chunks, with one pair in memory at a time.
 *
 * @throws {UnsupportedError} if the content is of another version, or of another state machine.
 * @throws {DamagedError} if it ends early, goes on after its end, or is not such a content at all.
 */
export async function* readPairs(
  chunks: AsyncIterable<Uint8Array>,
  meta: SnapshotMeta,
): AsyncGenerator<Pair> {
  const content = new Content(chunks, meta);
  try {
    await checkFormat(content);
    let count = 0;
    for (;;) {
      const head = await content.take(headBytes);
      const keyBytes = head.readUInt32LE(0);
      const valueBytes = head.readUInt32LE(4);
      if (keyBytes === endMark) {
        await checkEnd(content, { counted: count >>> 0, promised: valueBytes });
        return;
      }
      if (keyBytes === 0 || keyBytes > maxKeyBytes + 1 || valueBytes > maxValueBytes) {
        throw content.damaged(`A pair of ${keyBytes} and ${valueBytes} bytes cannot be.`);
      }
      const pair = await content.take(keyBytes + valueBytes);
      yield { key: pair.subarray(0, keyBytes), value: pair.subarray(keyBytes) };
      count += 1;
    }
  } finally {
    await content.close();
  }
}

async function checkFormat(content: Content): Promise<void> {
  const found = (await content.take(headBytes)).toString('latin1');
  if (found === format + version) return;
  throw new UnsupportedError(
    `The snapshot must be of the format ${format}${version}; it begins with ${JSON.stringify(found)}. ` +
      'Run the same state machine, in the same version, on all nodes.',
  );
}

async function checkEnd(
  content: Content,
  { counted, promised }: { readonly counted: number; readonly promised: number },
): Promise<void> {
  if (promised !== counted) {
    throw content.damaged(`It promises ${promised} pairs and holds ${counted}.`);
  }
  if (!(await content.isAtEnd())) throw content.damaged('It goes on after its end.');
}

function headOf(keyBytes: number, valueBytes: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32LE(keyBytes, 0);
  head.writeUInt32LE(valueBytes, 4);
  return head;
}

/** A stream of chunks that is read by sizes. */
class Content {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #meta: SnapshotMeta;
  #parts: Uint8Array[] = [];
  #size = 0;
  #offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#meta = meta;
  }

  /** The next `size` bytes. They are the caller's own. */
  async take(size: number): Promise<Buffer> {
    while (this.#size < size) {
      if (!(await this.#pull())) throw this.damaged('It ends too early.');
    }
    const taken = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    let used = 0;
    for (const part of this.#parts) {
      if (filled + part.byteLength > size) break;
      taken.set(part, filled);
      filled += part.byteLength;
      used += 1;
    }
    this.#parts.splice(0, used);
    const rest = this.#parts[0];
    if (rest !== undefined && filled < size) {
      taken.set(rest.subarray(0, size - filled), filled);
      this.#parts[0] = rest.subarray(size - filled);
    }
    this.#size -= size;
    this.#offset += size;
    return taken;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#size === 0) {
      if (!(await this.#pull())) return true;
    }
    return false;
  }

  damaged(what: string): DamagedError {
    const { id, lastLogId } = this.#meta;
    return new DamagedError(
      `The content of snapshot ${id} is damaged near byte ${this.#offset}. ${what} The old state is kept; send or save the snapshot anew.`,
      { file: id, offset: this.#offset, index: lastLogId.index },
    );
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #pull(): Promise<boolean> {
    const next: IteratorResult<Uint8Array, unknown> = await this.#chunks.next();
    if (next.done === true) return false;
    // A source may fill its chunk anew for the next one.
    const part = new Uint8Array(next.value);
    if (part.byteLength > 0) this.#parts.push(part);
    this.#size += part.byteLength;
    return true;
  }
}
