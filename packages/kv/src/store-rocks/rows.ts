import { type ByteString, bufferOf } from '../bytes.ts';
import type { KeySpan } from '../store/key-span.ts';
import type { GrantedLease } from '../store/lease-table.ts';
import type { LeaseId, Revision } from '../types.ts';
import { noBytes, type Version } from './version.ts';

/*
 * Rows of the database, told apart by their first byte:
 *
 *     k key                      the live version of a key, value and all
 *     v key 00 01 revision       a version that was replaced, or a delete; the newest first
 *     r revision key             one change: its type, and the revision of the live version before
 *     o revision                 the order of its changes, if it is not that of the keys
 *     l place                    a lease; places count up in the order of the grants
 *     a lease key                a key that is attached to it
 *     b key                      how many live keys there are from here to the next such row
 *     m                          the numbers of the state
 *     t                          up to which revision `r` rows and what they name have been removed
 *
 * A key inside of a row has FF after each zero byte, so that `00 01` ends it and the order of the
 * rows is that of the keys. Revisions take seven bytes, the highest first; in `v` rows they are
 * subtracted from the highest there can be.
 */

/** A stretch of rows. */
export interface RowRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

const revisionBytes = 7;
const highest = Number.MAX_SAFE_INTEGER;
const keyEnd = '\x00\x01';

export const numbersRow: Buffer = Buffer.from('m');
export const trimmedRow: Buffer = Buffer.from('t');
export const leaseRows: RowRange = { from: Buffer.from('l'), to: Buffer.from('m') };
export const countRows: RowRange = { from: Buffer.from('b'), to: Buffer.from('c') };

export function liveRow(key: ByteString): Buffer {
  return Buffer.from(`k${key}`, 'latin1');
}

/** The rows of the live keys of a span. */
export function liveRows({ from, to }: KeySpan): RowRange {
  return { from: liveRow(from), to: to === undefined ? Buffer.from('l') : liveRow(to) };
}

export function keyOfLiveRow(row: Uint8Array): ByteString {
  return latin1(row, 1, row.length);
}

export function versionRow(key: ByteString, revision: Revision): Buffer {
  return withRevision(`v${escaped(key)}${keyEnd}`, highest - revision);
}

/** The rows of older versions of the keys of a span. */
export function versionRows({ from, to }: KeySpan): RowRange {
  const rowOf = (key: ByteString): Buffer => Buffer.from(`v${escaped(key)}${keyEnd}`, 'latin1');
  return { from: rowOf(from), to: to === undefined ? Buffer.from('w') : rowOf(to) };
}

/** The versions of one key that are not newer than a revision. */
export function versionRowsUpTo(key: ByteString, revision: Revision): RowRange {
  return {
    from: versionRow(key, revision),
    to: Buffer.concat([Buffer.from(`v${escaped(key)}${keyEnd}`, 'latin1'), Buffer.alloc(8, 0xff)]),
  };
}

export function keyOfVersionRow(row: Uint8Array): ByteString {
  return unescaped(latin1(row, 1, row.length - revisionBytes - keyEnd.length));
}

export function changeRow(revision: Revision, key: ByteString): Buffer {
  const row = Buffer.allocUnsafe(1 + revisionBytes + key.length);
  row[0] = 0x72;
  writeRevision(row, 1, revision);
  row.write(key, 1 + revisionBytes, 'latin1');
  return row;
}

/** The rows of changes of the revisions `from..to`. */
export function changeRows(from: Revision, to: Revision): RowRange {
  return { from: withRevision('r', from), to: withRevision('r', to) };
}

/** Of a row of a change, or of an order. */
export function revisionOfRow(row: Uint8Array): Revision {
  return readRevision(row, 1);
}

export function keyOfChangeRow(row: Uint8Array): ByteString {
  return latin1(row, 1 + revisionBytes, row.length);
}

export function orderRow(revision: Revision): Buffer {
  return withRevision('o', revision);
}

/** The rows of orders of the revisions `from..to`. */
export function orderRows(from: Revision, to: Revision): RowRange {
  return { from: orderRow(from), to: orderRow(to) };
}

export function leaseRow(place: number): Buffer {
  return withRevision('l', place);
}

export function placeOfLeaseRow(row: Uint8Array): number {
  return readRevision(row, 1);
}

export function attachedRow(lease: LeaseId, key: ByteString): Buffer {
  return Buffer.concat([withRevision('a', lease), Buffer.from(key, 'latin1')]);
}

export function attachedRows(lease: LeaseId): RowRange {
  return { from: withRevision('a', lease), to: withRevision('a', lease + 1) };
}

export function keyOfAttachedRow(row: Uint8Array): ByteString {
  return latin1(row, 1 + revisionBytes, row.length);
}

export function countRow(from: ByteString): Buffer {
  return Buffer.from(`b${from}`, 'latin1');
}

export function keyOfCountRow(row: Uint8Array): ByteString {
  return latin1(row, 1, row.length);
}

/** What a `k` or a `v` row holds. */
export function encodeVersion(version: Version): Buffer {
  const { modRevision, createRevision, version: count, lease, digest, value } = version;
  const bytes = Buffer.allocUnsafe(4 * 8 + 4 + value.length);
  let at = bytes.writeInt32LE(digest, 0);
  at = writeNumber(bytes, at, modRevision);
  at = writeNumber(bytes, at, createRevision);
  at = writeNumber(bytes, at, count);
  at = writeNumber(bytes, at, lease);
  bytes.set(value, at);
  return bytes.subarray(0, at + value.length);
}

export function decodeVersion(key: ByteString, bytes: Uint8Array): Version {
  const row = new Numbers(bytes, 4);
  const digest = bufferOf(bytes).readInt32LE(0);
  const modRevision = row.next();
  const createRevision = row.next();
  const version = row.next();
  const lease = row.next();
  const value = row.at === bytes.length ? noBytes : bytes.subarray(row.at);
  return { key, createRevision, modRevision, version, lease, value, digest };
}

/** What an `r` row holds. */
export interface ChangeNote {
  readonly isDelete: boolean;
  /** The revision of the version that it replaced; 0 if there was none. */
  readonly before: Revision;
}

export function encodeChange({ isDelete, before }: ChangeNote): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 8);
  bytes[0] = isDelete ? 1 : 0;
  return bytes.subarray(0, writeNumber(bytes, 1, before));
}

export function decodeChange(bytes: Uint8Array): ChangeNote {
  return { isDelete: bytes[0] === 1, before: new Numbers(bytes, 1).next() };
}

export function encodeNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * numbers.length);
  let at = 0;
  for (const number of numbers) at = writeNumber(bytes, at, number);
  return bytes.subarray(0, at);
}

export function decodeNumbers(bytes: Uint8Array): number[] {
  const reader = new Numbers(bytes, 0);
  const numbers: number[] = [];
  while (reader.at < bytes.length) numbers.push(reader.next());
  return numbers;
}

export function encodeLease({ id, ttl, grantedAt }: GrantedLease): Buffer {
  return encodeNumbers([id, ttl, grantedAt]);
}

export function decodeLease(bytes: Uint8Array): GrantedLease {
  const [id = 0, ttl = 0, grantedAt = 0] = decodeNumbers(bytes);
  return { id, ttl, grantedAt };
}

function withRevision(prefix: string, revision: Revision): Buffer {
  const row = Buffer.allocUnsafe(prefix.length + revisionBytes);
  row.write(prefix, 0, 'latin1');
  writeRevision(row, prefix.length, revision);
  return row;
}

function writeRevision(row: Buffer, at: number, revision: Revision): void {
  row.writeUIntBE(Math.floor(revision / 0x1_0000_0000), at, 3);
  row.writeUInt32BE(revision % 0x1_0000_0000, at + 3);
}

function readRevision(row: Uint8Array, at: number): Revision {
  const bytes = bufferOf(row);
  return bytes.readUIntBE(at, 3) * 0x1_0000_0000 + bytes.readUInt32BE(at + 3);
}

function escaped(key: ByteString): ByteString {
  return key.includes('\0') ? key.replaceAll('\0', '\0\xff') : key;
}

function unescaped(key: ByteString): ByteString {
  return key.includes('\0') ? key.replaceAll('\0\xff', '\0') : key;
}

function latin1(bytes: Uint8Array, from: number, to: number): ByteString {
  return bufferOf(bytes).toString('latin1', from, to);
}

/** Seven bits in each byte, the lowest first, with 128 in all but the last. */
function writeNumber(bytes: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest >= 128) {
    bytes[at] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

class Numbers {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new RangeError('A row of the state is cut off.');
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }
}
