import { crc32 } from 'node:zlib';
import type { LibraryRecord } from '../contract/state-machine.ts';
import { UnsupportedError } from '../errors.ts';

/*
 * The content of a snapshot: what the library knows at that moment, then the state machine's bytes.
 * Little-endian:
 *
 *      8 bytes  "QSNAP001"
 *               records: u32 length of the key, u32 length of the value, key in UTF-8, value
 *      u32      0xFFFFFFFF: no more records
 *      u32      CRC-32 of everything before it
 *               the state machine's content, to the end
 */

const magic = new TextEncoder().encode('QSNAP001');
const endMark = 0xffff_ffff;
const recordHeadBytes = 8;
/** Records are small and many, and each chunk has its price: so much of them makes one. */
const gatheredBytes = 16 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A record that has a value. */
export type KeptRecord = LibraryRecord & { readonly value: Uint8Array };

/** Puts the library's records before the state machine's content. */
export async function* sealEnvelope(
  records: Iterable<KeptRecord>,
  content: Chunks,
): AsyncGenerator<Uint8Array, void, undefined> {
  let checksum = crc32(magic);
  let parts: Uint8Array[] = [magic];
  let length = magic.length;
  for (const { key, value } of records) {
    const name = encoder.encode(key);
    const record = new Uint8Array(recordHeadBytes + name.length + value.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, name.length, true);
    view.setUint32(4, value.length, true);
    record.set(name, recordHeadBytes);
    record.set(value, recordHeadBytes + name.length);
    checksum = crc32(record, checksum);
    parts.push(record);
    length += record.length;
    if (length < gatheredBytes) continue;
    yield joined(parts, length);
    parts = [];
    length = 0;
  }
  const end = new Uint8Array(8);
  const view = new DataView(end.buffer);
  view.setUint32(0, endMark, true);
  view.setUint32(4, crc32(end.subarray(0, 4), checksum), true);
  parts.push(end);
  yield joined(parts, length + end.length);
  yield* content;
}

/** A snapshot's content, taken apart. */
export interface OpenedEnvelope {
  readonly records: readonly KeptRecord[];
  /** The state machine's content; it can be read once. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Lets go of the stream, however much of it was read. */
  readonly close: () => Promise<void>;
}

/**
 * Reads the library's records and hands on the rest.
 *
 * @throws {UnsupportedError} if it is none, or of another version.
 */
export async function openEnvelope(chunks: AsyncIterable<Uint8Array>): Promise<OpenedEnvelope> {
  const reader = new ByteReader(chunks);
  try {
    const head = await reader.take(magic.length);
    if (magic.some((byte, at) => head[at] !== byte)) throw notAnEnvelope(head);
    let checksum = crc32(head);
    const found: { readonly body: Uint8Array; readonly keyLength: number }[] = [];
    for (;;) {
      const mark = await reader.take(4);
      checksum = crc32(mark, checksum);
      const keyLength = uint32In(mark);
      if (keyLength === endMark) break;
      const length = await reader.take(4);
      checksum = crc32(length, checksum);
      const body = await reader.take(keyLength + uint32In(length));
      // Node 22 returns 0 for a start value and nothing to count.
      if (body.length > 0) checksum = crc32(body, checksum);
      found.push({ body, keyLength });
    }
    if (uint32In(await reader.take(4)) !== checksum) {
      throw new UnsupportedError(
        "The library's part of this snapshot is not what was written; drop the snapshot and get another one.",
      );
    }
    // Only what the checksum vouches for is looked at.
    const records = found.map(({ body, keyLength }) => {
      const key = decoder.decode(body.subarray(0, keyLength));
      return { key, value: body.subarray(keyLength) };
    });
    return { records, content: reader.rest(), close: () => reader.close() };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

function notAnEnvelope(head: Uint8Array): UnsupportedError {
  const found = JSON.stringify(String.fromCharCode(...head));
  return new UnsupportedError(
    `A snapshot's content must begin with "QSNAP001", and this one begins with ${found}: it was made by another version, or is none of ours. Use the version that made it.`,
  );
}

function uint32In(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** Takes bytes from a stream, as many as are asked for. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Returns a copy of the next `length` bytes. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#chunk.length === 0) await this.#next(missing);
      const part = this.#chunk.subarray(0, missing);
      this.#chunk = this.#chunk.subarray(part.length);
      missing -= part.length;
      // A Buffer's own slice would be no copy.
      parts.push(new Uint8Array(part));
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : joined(parts, length);
  }

  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (this.#chunk.length > 0) yield this.#chunk;
      for (;;) {
        const next = await this.#chunks.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(missing: number): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done !== true) this.#chunk = next.value;
    else throw new UnsupportedError(`The snapshot ends ${missing} bytes before its records do.`);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
