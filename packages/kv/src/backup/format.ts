import { crc32 } from 'node:zlib';
import { bufferOf } from '../bytes.ts';
import type { Revision } from '../types.ts';

/*
 * A backup file, version 1. Little-endian. docs/backup-format.md tells it in words.
 *
 * A head:
 *      0  8 bytes   "QKVBACK1"
 *      8  u32       length of the JSON
 *     12  u32       CRC-32 of the bytes before and of the JSON: the seal of this file
 *     16            JSON in UTF-8: a `BackupHead`
 * frames:
 *      0  u32       length of the content, above 0
 *      4  u32       CRC-32 of the content of all frames up to the end of this one, XOR the seal
 *      8            content
 * and the end:
 *      0  u32       0
 *      4  u32       frames
 *      8  u64       bytes of content
 *     16  32 bytes  SHA-256 of everything before
 */

/** What a backup is of. */
export interface BackupHead {
  /** The id of the cluster. */
  readonly cluster: string;
  /** The member that made it. */
  readonly member: string;
  readonly revision: Revision;
  /** An entry of the log, and its term, whose effect is in it; some that came after it may be. */
  readonly index: number;
  readonly term: number;
  /** The hash of the state, as members compare it. */
  readonly hash: string;
  /** By the clock of the member, for people: nothing goes by it. */
  readonly createdAt: string;
  /** Of the program that made it. */
  readonly version: string;
}

/** What a whole file comes to. */
export interface BackupWhole {
  readonly frames: number;
  readonly contentBytes: number;
  /** Of the file. */
  readonly bytes: number;
  /** SHA-256 of everything but itself, in hex digits. */
  readonly checksum: string;
}

export const magic: Buffer = Buffer.from('QKVBACK1');
export const fixedHeadBytes = 16;
export const frameHeadBytes = 8;
export const trailerBytes = 48;
export const checksumBytes = 32;
/** A damaged length is not waited for. */
export const mostHeadBytes: number = 64 * 1024;
export const mostFrameBytes: number = 1024 * 1024;
/** What names of backup files end with. */
export const fileEnding = '.qkvb';

export function encodeHead(head: BackupHead): { readonly bytes: Buffer; readonly seal: number } {
  const { cluster, member, revision, index, term, hash, createdAt, version } = head;
  const fields = { cluster, member, revision, index, term, hash, createdAt, version };
  const json = Buffer.from(JSON.stringify(fields));
  const bytes = Buffer.concat([magic, Buffer.alloc(fixedHeadBytes - magic.length), json]);
  bytes.writeUInt32LE(json.length, 8);
  const seal = sealOf(bytes);
  bytes.writeUInt32LE(seal, 12);
  return { bytes, seal };
}

export function sealOf(head: Buffer): number {
  return crc32(head.subarray(fixedHeadBytes), crc32(head.subarray(0, 12)));
}

/** The head, or what is wrong with it. */
export function readHeadJson(json: Uint8Array): BackupHead | string {
  let value: unknown;
  try {
    value = JSON.parse(bufferOf(json).toString());
  } catch {
    return 'its head is no JSON';
  }
  if (typeof value !== 'object' || value === null) return 'its head is no object';
  const head = value as Record<keyof BackupHead, unknown>;
  for (const name of ['cluster', 'member', 'hash', 'createdAt', 'version'] as const) {
    if (typeof head[name] !== 'string') return `its head has no text "${name}"`;
  }
  for (const name of ['revision', 'index', 'term'] as const) {
    if (!Number.isSafeInteger(head[name])) return `its head has no whole number "${name}"`;
  }
  return value as BackupHead;
}
