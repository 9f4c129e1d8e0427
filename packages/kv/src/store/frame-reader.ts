import { crc32 } from 'node:zlib';
import { type ByteString, bufferOf } from '../bytes.ts';
import { frameHeadBytes, mostFrameBytes } from './snapshot-format.ts';

/** What is wrong with a snapshot, and about where; whoever reads it knows its name. */
export class SnapshotFault extends Error {
  override readonly name = 'SnapshotFault';
}

/** Yields the bodies of frames, however the bytes were cut into chunks. */
export async function* frameBodies(
  chunks: AsyncIterable<Uint8Array>,
  told: { offset: number },
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = frameHeadBytes;
  for await (const chunk of chunks) {
    parts.push(bufferOf(chunk));
    size += chunk.byteLength;
    while (size >= wanted) {
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size);
      parts = [bytes];
      wanted = frameHeadBytes + bytes.readUInt32LE(0);
      if (wanted > mostFrameBytes) {
        throw new SnapshotFault(
          `A frame claims ${wanted} bytes; there are none above ${mostFrameBytes}.`,
        );
      }
      if (size < wanted) break;
      yield bodyOf(bytes.subarray(0, wanted));
      told.offset += wanted;
      parts = [bytes.subarray(wanted)];
      size -= wanted;
      wanted = frameHeadBytes;
    }
  }
  if (size > 0) throw new SnapshotFault(`It ends in the middle of a frame of ${wanted} bytes.`);
}

function bodyOf(frame: Buffer): Buffer {
  const body = frame.subarray(frameHeadBytes);
  const wanted = frame.readUInt32LE(4);
  const found = crc32(body);
  if (found === wanted) return body;
  throw new SnapshotFault(`The checksum of a frame is ${found}; it should be ${wanted}.`);
}

/** Reads the records of one body. */
export class RecordReader {
  readonly bytes: Buffer;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw cutOff();
    this.at += 1;
    return value;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (!Number.isSafeInteger(value)) throw new SnapshotFault('A number is above 2^53 - 1.');
      if (byte < 128) return value;
    }
  }

  /** The length in front of bytes that must be there. */
  size(): number {
    const size = this.number();
    if (size > this.bytes.length - this.at) throw cutOff();
    return size;
  }

  text(size: number): ByteString {
    const { at } = this;
    if (size > this.bytes.length - at) throw cutOff();
    this.at += size;
    return this.bytes.toString('latin1', at, at + size);
  }
}

function cutOff(): SnapshotFault {
  return new SnapshotFault('A record is cut off by the end of its frame.');
}
