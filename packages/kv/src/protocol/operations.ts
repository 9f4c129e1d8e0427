import { KvError } from '../errors.ts';
import type {
  Compare,
  DeleteRequest,
  Operation,
  PutRequest,
  TxnOperation,
  TxnRequest,
} from '../types.ts';
import { leastCompareBytes, readCompare, writeCompare } from './comparisons.ts';
import { demandU53, type FieldReader, type FieldWriter } from './fields.ts';
import {
  hasEnd,
  readEnd,
  readKey,
  readRangeRequest,
  writeKey,
  writeRangeRequest,
} from './pairs.ts';

/*
 * Operations as they stand in a command, each with a byte in front that says which it is; see
 * docs/kv-wire-format.md. What contradicts itself is refused on both ways, so that a state machine
 * never sees it.
 */

export const operationTags = {
  put: 1,
  delete: 2,
  txn: 3,
  compact: 4,
  leaseGrant: 5,
  leaseRevoke: 6,
  mark: 7,
  range: 8,
  leaseRevokeOne: 9,
} as const;

/** Versions of commands: the newest knows all operations. */
export const commandVersions = {
  oldest: 1,
  /** Has revocations of a lease as it was granted. */
  revokeOne: 2,
  newest: 2,
} as const;

export const putFlags = { previous: 1, ignoreValue: 2, ignoreLease: 4, lease: 8 } as const;
const allPutFlags = 15;
const deleteFlags = { end: 1, previous: 2 } as const;

/** Transactions in transactions: the outermost is the first. */
export const mostNesting = 8;

/** u8 flags, u32 length of the key, u32 length of the value. */
const putHeadBytes = 9;
const leastOperationBytes = 1;
const leastTtlSeconds = 1;

/** Where the parts of a put lie in its command. One of it serves for all puts. */
export interface PutAt {
  flags: number;
  keyAt: number;
  keyEnd: number;
  /** The value goes from `keyEnd` to here. */
  valueEnd: number;
  lease: number;
}

/** Writes the put, with its tag. */
export function writePut(writer: FieldWriter, request: PutRequest): void {
  const { key, value, lease = 0 } = request;
  const flags = flagsOfPut(request);
  writer.reserve(1 + putHeadBytes + 8 + key.length + value.length);
  const { bytes, view, at } = writer;
  bytes[at] = operationTags.put;
  bytes[at + 1] = flags;
  view.setUint32(at + 2, key.length, true);
  view.setUint32(at + 6, value.length, true);
  writer.at = at + 1 + putHeadBytes;
  if (lease !== 0) writer.u53(lease);
  writer.raw(key);
  writer.raw(value);
}

function flagsOfPut(request: PutRequest): number {
  const { key, value, lease = 0 } = request;
  if (key.length === 0) throw invalid('A key must have at least one byte.');
  let flags = 0;
  if (request.previous === true) flags |= putFlags.previous;
  if (lease !== 0) {
    demandU53(lease);
    flags |= putFlags.lease;
  }
  if (request.ignoreValue === true) {
    flags |= putFlags.ignoreValue;
    if (value.length > 0) throw invalid(valueGiven);
  }
  if (request.ignoreLease === true) {
    flags |= putFlags.ignoreLease;
    if (lease !== 0) throw invalid(leaseGiven);
  }
  return flags;
}

const valueGiven = 'A put that keeps the value must come without one.';
const leaseGiven = 'A put that keeps the lease must come without one.';

/** Reads the put after its tag: finds its parts, and goes on behind it. */
export function readPutAt(reader: FieldReader, put: PutAt): void {
  const { bytes, view, at } = reader;
  const { length } = bytes;
  if (at + putHeadBytes > length) reader.demand(putHeadBytes, 'a put');
  const flags = bytes[at] as number;
  const keyBytes = view.getUint32(at + 1, true);
  const valueBytes = view.getUint32(at + 5, true);
  let keyAt = at + putHeadBytes;
  put.lease = 0;
  if (flags !== 0) {
    checkPutFlags(reader, flags, valueBytes);
    if ((flags & putFlags.lease) !== 0) {
      reader.at = keyAt;
      put.lease = reader.u53();
      if (put.lease === 0) reader.fail('a lease of 0 is none, and must not be named');
      keyAt += 8;
    }
  }
  const keyEnd = keyAt + keyBytes;
  const valueEnd = keyEnd + valueBytes;
  if (keyBytes === 0) reader.fail('a key has no bytes');
  if (valueEnd > length) {
    reader.at = keyAt;
    reader.demand(keyBytes + valueBytes, 'a key and its value');
  }
  put.flags = flags;
  put.keyAt = keyAt;
  put.keyEnd = keyEnd;
  put.valueEnd = valueEnd;
  reader.at = valueEnd;
}

function checkPutFlags(reader: FieldReader, flags: number, valueBytes: number): void {
  if (flags > allPutFlags) reader.fail(`a put has flags that nobody knows (${flags})`);
  if ((flags & putFlags.ignoreValue) !== 0 && valueBytes > 0) {
    reader.fail('a put that keeps the value comes with one');
  }
  if ((flags & putFlags.ignoreLease) !== 0 && (flags & putFlags.lease) !== 0) {
    reader.fail('a put that keeps the lease comes with one');
  }
}

/** The put as an object whose bytes are views. */
export function putRequestAt(bytes: Uint8Array, put: PutAt): PutRequest {
  const { flags, keyAt, keyEnd, valueEnd, lease } = put;
  const { buffer, byteOffset } = bytes;
  return {
    key: new Uint8Array(buffer, byteOffset + keyAt, keyEnd - keyAt),
    value: new Uint8Array(buffer, byteOffset + keyEnd, valueEnd - keyEnd),
    ...(lease === 0 ? {} : { lease }),
    ...((flags & putFlags.previous) === 0 ? {} : { previous: true }),
    ...((flags & putFlags.ignoreValue) === 0 ? {} : { ignoreValue: true }),
    ...((flags & putFlags.ignoreLease) === 0 ? {} : { ignoreLease: true }),
  };
}

/** Writes any operation, with its tag. */
export function writeOperation(writer: FieldWriter, operation: Operation): void {
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'txn':
      writeTxnOperation(writer, operation, 0);
      return;
    case 'compact':
      writer.u8(operationTags.compact);
      writer.u53(operation.revision);
      return;
    case 'leaseGrant':
      if (operation.ttl < leastTtlSeconds) throw invalid('A lease must live for at least 1 s.');
      writer.u8(operationTags.leaseGrant);
      writer.u53(operation.id ?? 0);
      writer.u53(operation.ttl);
      return;
    case 'leaseRevoke':
      writeRevoke(writer, operation);
      return;
    case 'mark':
      writer.u8(operationTags.mark);
      return;
    default:
      throw unknownType(operation);
  }
}

/** The oldest version of commands that has the operation. */
export function versionOf(operation: Operation): number {
  const { type } = operation;
  const isNew = type === 'leaseRevoke' && isOfOne(operation);
  return isNew ? commandVersions.revokeOne : commandVersions.oldest;
}

/** Reads an operation after its tag, which is not that of a put; `version` is the command's. */
export function readOther(
  reader: FieldReader,
  tag: number,
  version: number,
): Exclude<Operation, { type: 'put' }> {
  switch (tag) {
    case operationTags.delete:
      return { type: 'delete', ...readDelete(reader) };
    case operationTags.txn:
      return { type: 'txn', ...readTxn(reader, 1) };
    case operationTags.compact:
      return { type: 'compact', revision: reader.u53() };
    case operationTags.leaseGrant:
      return { type: 'leaseGrant', ...readGrant(reader) };
    case operationTags.leaseRevoke:
      return { type: 'leaseRevoke', id: reader.u53() };
    case operationTags.leaseRevokeOne:
      if (version < commandVersions.revokeOne) break;
      return { type: 'leaseRevoke', ...readRevokeOne(reader) };
    case operationTags.mark:
      return { type: 'mark' };
  }
  return reader.fail(`there is no operation with the number ${tag}`);
}

type Revoke = Extract<Operation, { readonly type: 'leaseRevoke' }>;

function isOfOne({ grantedAt = 0 }: Revoke): boolean {
  return grantedAt !== 0;
}

function writeRevoke(writer: FieldWriter, operation: Revoke): void {
  const { id, grantedAt = 0 } = operation;
  writer.u8(isOfOne(operation) ? operationTags.leaseRevokeOne : operationTags.leaseRevoke);
  writer.u53(id);
  if (grantedAt !== 0) writer.u53(grantedAt);
}

function readRevokeOne(reader: FieldReader): { id: number; grantedAt: number } {
  const id = reader.u53();
  const grantedAt = reader.u53();
  if (grantedAt === 0) reader.fail('no entry of the log that grants a lease has the index 0');
  return { id, grantedAt };
}

function readGrant(reader: FieldReader): { id?: number; ttl: number } {
  const id = reader.u53();
  const ttl = reader.u53();
  if (ttl < leastTtlSeconds) reader.fail('a lease must live for at least 1 s');
  return id === 0 ? { ttl } : { id, ttl };
}

function writeDelete(writer: FieldWriter, request: DeleteRequest): void {
  const { key, end, previous } = request;
  const hasItsEnd = hasEnd(request);
  writer.u8((hasItsEnd ? deleteFlags.end : 0) | (previous === true ? deleteFlags.previous : 0));
  writeKey(writer, key);
  if (hasItsEnd) writer.sized(end as Uint8Array);
}

function readDelete(reader: FieldReader): DeleteRequest {
  const flags = reader.flags(deleteFlags.end | deleteFlags.previous);
  const key = readKey(reader);
  return {
    key,
    ...((flags & deleteFlags.end) === 0 ? {} : { end: readEnd(reader) }),
    ...((flags & deleteFlags.previous) === 0 ? {} : { previous: true }),
  };
}

/** @param depth how many transactions it is in. */
function writeTxnOperation(writer: FieldWriter, operation: TxnOperation, depth: number): void {
  switch (operation.type) {
    case 'put':
      writePut(writer, operation);
      return;
    case 'delete':
      writer.u8(operationTags.delete);
      writeDelete(writer, operation);
      return;
    case 'range':
      writer.u8(operationTags.range);
      writeRangeRequest(writer, operation);
      return;
    case 'txn':
      writer.u8(operationTags.txn);
      writeTxn(writer, operation, depth + 1);
      return;
    default:
      throw unknownType(operation);
  }
}

function readTxnOperation(reader: FieldReader, depth: number): TxnOperation {
  const tag = reader.u8();
  switch (tag) {
    case operationTags.put: {
      const put: PutAt = { flags: 0, keyAt: 0, keyEnd: 0, valueEnd: 0, lease: 0 };
      readPutAt(reader, put);
      return { type: 'put', ...putRequestAt(reader.bytes, put) };
    }
    case operationTags.delete:
      return { type: 'delete', ...readDelete(reader) };
    case operationTags.range:
      return { type: 'range', ...readRangeRequest(reader) };
    case operationTags.txn:
      return { type: 'txn', ...readTxn(reader, depth + 1) };
    default:
      return reader.fail(`there is no operation of a transaction with the number ${tag}`);
  }
}

function writeTxn(writer: FieldWriter, request: TxnRequest, depth: number): void {
  if (depth > mostNesting) throw invalid(`Transactions nest at most ${mostNesting} deep.`);
  writer.u32(request.compare.length);
  for (const compare of request.compare) writeCompare(writer, compare);
  writer.u32(request.then.length);
  for (const operation of request.then) writeTxnOperation(writer, operation, depth);
  writer.u32(request.else.length);
  for (const operation of request.else) writeTxnOperation(writer, operation, depth);
}

function readTxn(reader: FieldReader, depth: number): TxnRequest {
  if (depth > mostNesting) reader.fail(`transactions nest deeper than ${mostNesting}`);
  const comparisons = reader.count(leastCompareBytes, 'comparisons');
  const compare: Compare[] = [];
  for (let read = 0; read < comparisons; read += 1) compare.push(readCompare(reader));
  const thenOperations = readSide(reader, depth);
  return { compare, then: thenOperations, else: readSide(reader, depth) };
}

function readSide(reader: FieldReader, depth: number): readonly TxnOperation[] {
  const count = reader.count(leastOperationBytes, 'operations');
  const operations: TxnOperation[] = [];
  for (let read = 0; read < count; read += 1) operations.push(readTxnOperation(reader, depth));
  return operations;
}

function unknownType(operation: never): KvError {
  const { type } = operation as { readonly type: unknown };
  return invalid(`There is no operation ${JSON.stringify(type)} here.`);
}

function invalid(message: string): KvError {
  return new KvError('KV_INVALID', message);
}
