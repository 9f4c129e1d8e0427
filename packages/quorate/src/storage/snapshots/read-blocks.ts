import { crc32 } from 'node:zlib';
import type { OpenFile } from '../../platform/file-system.ts';
import { checkBytes, endOfBlocks, type Head, positionOf, sealed, viewOf } from './format.ts';

export interface Block {
  /** Where it begins in the content. */
  readonly offset: number;
  readonly content: Uint8Array;
  /** Of all content up to its end. */
  readonly checksum: number;
  /** Whether this is what was written; nothing can be said of what follows one that is not. */
  readonly isRight: boolean;
}

/** Reads `length` bytes of a file from `position` on, or as many as there are. */
export type ReadFile = (position: number, length: number) => Promise<Uint8Array>;

/** What of a file is to be read. */
export interface BlockRange {
  /** The first block to be read has this offset of the content in it. */
  readonly from: number;
  /** How much content the file has. */
  readonly size: number;
  /** Read at once, and so much again ahead. */
  readonly pieceBytes: number;
}

/** Reads blocks to the end of the content, and the next ones while these are looked at. */
export async function* readBlocks(
  read: ReadFile,
  head: Head,
  { from, size, pieceBytes }: BlockRange,
): AsyncGenerator<Block, void, undefined> {
  const { blockBytes } = head;
  const perPiece = Math.max(1, Math.floor(pieceBytes / (blockBytes + checkBytes))) * blockBytes;
  let offset = from - (from % blockBytes);
  if (offset >= size) return;
  const readPiece = (start: number): Promise<Uint8Array> => {
    const position = positionOf(head, start);
    return read(position, endOfBlocks(head, Math.min(size, start + perPiece)) - position);
  };
  let checksum = await checksumBefore(read, head, offset);
  let next = readPiece(offset);
  while (offset < size) {
    const piece = await next;
    const end = Math.min(size, offset + perPiece);
    if (end < size) {
      next = readPiece(end);
      // Whoever stops reading early does not care whether this one could be read.
      next.catch(() => undefined);
    }
    for (let at = 0; offset < end; at += blockBytes + checkBytes) {
      const length = Math.min(blockBytes, size - offset);
      const block = blockAt(piece.subarray(at, at + length + checkBytes), length, {
        offset,
        checksum,
        seal: head.seal,
      });
      yield block;
      checksum = block.checksum;
      offset += length;
    }
  }
}

/** Fills a new buffer from a file. */
export async function readBytes(
  file: OpenFile,
  position: number,
  length: number,
): Promise<Uint8Array> {
  // Zeroes that are overwritten at once would cost as much as the read.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  const count = await file.read(bytes, position);
  return count === length ? bytes : bytes.subarray(0, count);
}

/** The checksum that the block at `offset` goes on from, as the one before it says. */
async function checksumBefore(read: ReadFile, head: Head, offset: number): Promise<number> {
  if (offset === 0) return 0;
  const bytes = await read(positionOf(head, offset) - checkBytes, checkBytes);
  return bytes.length < checkBytes ? 0 : sealed(viewOf(bytes).getUint32(0, true), head.seal);
}

function blockAt(
  bytes: Uint8Array,
  length: number,
  before: { readonly offset: number; readonly checksum: number; readonly seal: number },
): Block {
  const content = bytes.subarray(0, length);
  const checksum = crc32(content, before.checksum);
  const isRight =
    bytes.length === length + checkBytes &&
    viewOf(bytes).getUint32(length, true) === sealed(checksum, before.seal);
  return { offset: before.offset, content, checksum, isRight };
}
