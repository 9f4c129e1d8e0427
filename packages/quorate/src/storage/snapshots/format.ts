import { crc32 } from 'node:zlib';
import { setUint53 } from '../../contract/entry-codec.ts';
import type { SnapshotWhole } from '../../contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../core/types.ts';

/*
 * The file of a snapshot, version 1. Little-endian. docs/snapshot-format.md tells it in words.
 *
 * It begins with a head:
 *      0  8 bytes  "QSNAPSH1"
 *      8  u32      length of the meta
 *     12  u32      bytes of content in a block
 *     16  u32      CRC-32 of the bytes before and of the meta: the seal of this file
 *     20           the meta: JSON in UTF-8
 * Then come the blocks, all full but the last:
 *                  content
 *         u32      CRC-32 of all content up to here, XOR the seal
 * Once the content is complete a trailer follows:
 *      0  8 bytes  "QSNAPEND"
 *      8  u64      bytes of content
 *     16  u32      CRC-32 of the content
 *     20  u32      CRC-32 of the bytes before, XOR the seal
 */

export const fixedHeadBytes = 20;
export const trailerBytes = 24;
export const checkBytes = 4;

const maxBlockBytes = 2 ** 24;

const headMagic = new TextEncoder().encode('QSNAPSH1');
const trailerMagic = new TextEncoder().encode('QSNAPEND');

export interface Head {
  readonly meta: SnapshotMeta;
  readonly blockBytes: number;
  /** Where the first block begins. */
  readonly length: number;
  /** In every check of the file, so that none of its bytes is right in the file of another. */
  readonly seal: number;
}

export function encodeHead(
  meta: SnapshotMeta,
  blockBytes: number,
): { readonly head: Head; readonly bytes: Uint8Array } {
  const json = new TextEncoder().encode(JSON.stringify(meta));
  const bytes = new Uint8Array(fixedHeadBytes + json.length);
  const view = viewOf(bytes);
  bytes.set(headMagic);
  view.setUint32(8, json.length, true);
  view.setUint32(12, blockBytes, true);
  bytes.set(json, fixedHeadBytes);
  const seal = sealOf(bytes);
  view.setUint32(16, seal, true);
  return { head: { meta, blockBytes, length: bytes.length, seal }, bytes };
}

/** How long the head is whose fixed part this is; `undefined` if it is none of any version. */
export function headLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < fixedHeadBytes) return undefined;
  if (!headMagic.every((byte, at) => at === 7 || bytes[at] === byte)) return undefined;
  return fixedHeadBytes + viewOf(bytes).getUint32(8, true);
}

/**
 * Returns the version of the format that a right head tells of. Heads of all versions have lengths
 * and checksum in the same places, so that a damaged one is not taken for another version's.
 */
export function versionIn(bytes: Uint8Array): string | undefined {
  if (headLength(bytes) !== bytes.length) return undefined;
  if (viewOf(bytes).getUint32(16, true) !== sealOf(bytes)) return undefined;
  return String.fromCharCode(bytes[7] ?? 0);
}

/** Returns the head, or `undefined` if these bytes are none of this version. */
export function decodeHead(bytes: Uint8Array): Head | undefined {
  if (versionIn(bytes) !== '1') return undefined;
  const view = viewOf(bytes);
  const blockBytes = view.getUint32(12, true);
  if (blockBytes === 0 || blockBytes > maxBlockBytes) return undefined;
  const json = new TextDecoder().decode(bytes.subarray(fixedHeadBytes));
  return {
    meta: JSON.parse(json) as SnapshotMeta,
    blockBytes,
    length: bytes.length,
    seal: view.getUint32(16, true),
  };
}

export function encodeTrailer({ size, checksum }: SnapshotWhole, { seal }: Head): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  const view = viewOf(bytes);
  bytes.set(trailerMagic);
  setUint53(view, 8, size);
  view.setUint32(16, checksum, true);
  view.setUint32(20, sealed(crc32(bytes.subarray(0, 20)), seal), true);
  return bytes;
}

/** Returns what the trailer says, or `undefined` if these bytes are not the trailer of the file. */
export function decodeTrailer(bytes: Uint8Array, { seal }: Head): SnapshotWhole | undefined {
  if (bytes.length !== trailerBytes) return undefined;
  if (trailerMagic.some((byte, at) => bytes[at] !== byte)) return undefined;
  const view = viewOf(bytes);
  const check = sealed(crc32(bytes.subarray(0, 20)), seal);
  if (view.getUint32(20, true) !== check) return undefined;
  const size = view.getUint32(12, true) * 2 ** 32 + view.getUint32(8, true);
  return { size, checksum: view.getUint32(16, true) };
}

/** Where a byte of the content lies in the file; for the size, where the content ends. */
export function positionOf({ length, blockBytes }: Head, offset: number): number {
  return length + offset + checkBytes * Math.floor(offset / blockBytes);
}

/** Where the checks end that go with so much content. */
export function endOfBlocks(head: Head, size: number): number {
  return positionOf(head, size) + (size % head.blockBytes > 0 ? checkBytes : 0);
}

/** The most content that a file without a trailer can hold that is so long. */
export function contentIn({ length, blockBytes }: Head, fileBytes: number): number {
  const bytes = Math.max(0, fileBytes - length);
  const full = Math.floor(bytes / (blockBytes + checkBytes));
  const rest = bytes - full * (blockBytes + checkBytes);
  return full * blockBytes + Math.max(0, rest - checkBytes);
}

/** A checksum as it stands in a file with that seal, and the other way round. */
export function sealed(checksum: number, seal: number): number {
  return (checksum ^ seal) >>> 0;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sealOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(fixedHeadBytes), crc32(bytes.subarray(0, 16)));
}
