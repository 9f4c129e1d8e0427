import { crc32 } from 'node:zlib';
import { setUint53 } from '../../contract/entry-codec.ts';

/*
 * The files of the write-ahead log, version 1. Little-endian. docs/wal-format.md tells it in words.
 *
 * A segment begins with a head:
 *      0  8 bytes  "QWALSEG1"
 *      8  u32      salt, drawn for this segment
 *     12  u32      0
 *     16  u64      sequence number of the segment
 *     24  u64      number of its first batch
 *     32  u32      CRC-32 of the bytes before
 *     36  28 bytes 0
 * and then holds batches, each one write, each at a multiple of 8 from the start of the file:
 *      0  u32      "QWB1"
 *      4  u32      salt of the segment
 *      8  u64      number of the batch: one more than that of the batch before
 *     16  u32      length of the records
 *     20  u32      CRC-32 of the records
 *     24  u32      CRC-32 of the bytes before
 *     28  u32      0
 *     32           records: u32 length, u8 tag, 3 bytes 0, content
 * What follows the last batch is zero.
 */

export const segmentHeadBytes = 64;
export const batchHeadBytes = 32;
export const recordHeadBytes = 8;
export const batchAlignment = 8;

const segmentMagic = new TextEncoder().encode('QWALSEG1');
export const batchMagic = 0x31425751; // "QWB1"

export const recordTag = {
  state: 1,
  entries: 2,
  truncate: 3,
  purge: 4,
  vote: 5,
  identity: 6,
} as const;
export type RecordTag = (typeof recordTag)[keyof typeof recordTag];

export interface SegmentHead {
  readonly salt: number;
  readonly sequence: number;
  readonly firstBatch: number;
}

export interface BatchHead {
  readonly salt: number;
  readonly number: number;
  readonly length: number;
  readonly recordsCrc: number;
}

export function align(offset: number): number {
  return Math.ceil(offset / batchAlignment) * batchAlignment;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function encodeSegmentHead({ salt, sequence, firstBatch }: SegmentHead): Uint8Array {
  const bytes = new Uint8Array(segmentHeadBytes);
  const view = viewOf(bytes);
  bytes.set(segmentMagic);
  view.setUint32(8, salt, true);
  setUint53(view, 16, sequence);
  setUint53(view, 24, firstBatch);
  view.setUint32(32, crc32(bytes.subarray(0, 32)), true);
  return bytes;
}

/**
 * Returns the version of the format that a right head tells of. Heads of all versions have their
 * checksum in the same place, so that a torn one is not taken for another version's.
 */
export function versionIn(bytes: Uint8Array): string | undefined {
  const isSegment = segmentMagic.every((byte, at) => at === 7 || bytes[at] === byte);
  if (!isSegment || viewOf(bytes).getUint32(32, true) !== crc32(bytes.subarray(0, 32))) {
    return undefined;
  }
  return String.fromCharCode(bytes[7] ?? 0);
}

/** Returns the head, or `undefined` if these bytes are none. */
export function decodeSegmentHead(bytes: Uint8Array): SegmentHead | undefined {
  if (bytes.length < segmentHeadBytes) return undefined;
  const view = viewOf(bytes);
  if (segmentMagic.some((byte, at) => bytes[at] !== byte)) return undefined;
  if (view.getUint32(32, true) !== crc32(bytes.subarray(0, 32))) return undefined;
  const sequence = uint53At(view, 16);
  const firstBatch = uint53At(view, 24);
  if (sequence === undefined || firstBatch === undefined) return undefined;
  return { salt: view.getUint32(8, true), sequence, firstBatch };
}

/** Writes the head of a batch whose records are in place already, behind it. */
export function writeBatchHead(
  bytes: Uint8Array,
  view: DataView,
  { salt, number, length }: Omit<BatchHead, 'recordsCrc'>,
): void {
  view.setUint32(0, batchMagic, true);
  view.setUint32(4, salt, true);
  setUint53(view, 8, number);
  view.setUint32(16, length, true);
  view.setUint32(20, crc32(bytes.subarray(batchHeadBytes, batchHeadBytes + length)), true);
  view.setUint32(24, crc32(bytes.subarray(0, 24)), true);
  view.setUint32(28, 0, true);
}

/** Returns the head at `offset`, or `undefined` if there is none. */
export function decodeBatchHead(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): BatchHead | undefined {
  if (offset + batchHeadBytes > bytes.length) return undefined;
  if (view.getUint32(offset, true) !== batchMagic) return undefined;
  if (view.getUint32(offset + 24, true) !== crc32(bytes.subarray(offset, offset + 24))) {
    return undefined;
  }
  const number = uint53At(view, offset + 8);
  if (number === undefined) return undefined;
  return {
    salt: view.getUint32(offset + 4, true),
    number,
    length: view.getUint32(offset + 16, true),
    recordsCrc: view.getUint32(offset + 20, true),
  };
}

/** Returns `undefined` for what no writer of ours has written: these bytes may be anybody's. */
function uint53At(view: DataView, offset: number): number | undefined {
  const high = view.getUint32(offset + 4, true);
  return high < 2 ** 21 ? high * 2 ** 32 + view.getUint32(offset, true) : undefined;
}

export function recordsMatch(head: BatchHead, records: Uint8Array): boolean {
  return records.length === head.length && crc32(records) === head.recordsCrc;
}
