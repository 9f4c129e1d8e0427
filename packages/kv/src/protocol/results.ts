import type { KeyValue, Result, Revision, TxnResponse, TxnResult } from '../types.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { mostNesting } from './operations.ts';
import {
  readPair,
  readPairs,
  readRangeResponse,
  writePair,
  writePairs,
  writeRangeResponse,
} from './pairs.ts';
import { readRefusal } from './refusals.ts';

/*
 * What a command was answered: u8 version, u32 count, then a result for each operation. A plain put
 * takes nine bytes: its number and the revision.
 */

const resultsVersion = 1;
const countAt = 1;
const leastResultBytes = 9;

const resultTags = {
  put: 1,
  putWithPrevious: 2,
  delete: 3,
  txn: 4,
  compact: 5,
  leaseGrant: 6,
  leaseRevoke: 7,
  mark: 8,
  error: 9,
  range: 10,
} as const;

/** Puts results together. After `finish` it begins the next answer. */
export class ResultsWriter {
  readonly #fields = new FieldWriter();
  #count = 0;

  /** How long the answer is by now. */
  get byteLength(): number {
    return this.#fields.at;
  }

  /** The result of a put. */
  put(revision: Revision, previous?: KeyValue): void {
    this.#begin();
    writePutResult(this.#fields, revision, previous);
    this.#count += 1;
  }

  add(result: Result): void {
    this.#begin();
    writeResult(this.#fields, result);
    this.#count += 1;
  }

  finish(): Uint8Array {
    this.#begin();
    this.#fields.view.setUint32(countAt, this.#count, true);
    this.#count = 0;
    return this.#fields.finish();
  }

  #begin(): void {
    if (this.#fields.at > 0) return;
    this.#fields.u8(resultsVersion);
    this.#fields.u32(0);
  }
}

/**
 * The results of a command, in the order of its operations. Their bytes are views.
 *
 * @throws {KvError} `KV_INTERNAL` if these are no results.
 */
export function decodeResults(results: Uint8Array): Result[] {
  const reader = new FieldReader(results, { what: 'an answer to a command', code: 'KV_INTERNAL' });
  reader.version(resultsVersion);
  const count = reader.count(1, 'results');
  const decoded: Result[] = [];
  for (let number = 0; number < count; number += 1) {
    reader.partNumber = number;
    decoded.push(readResult(reader));
  }
  reader.end();
  return decoded;
}

function writeResult(writer: FieldWriter, result: Result): void {
  switch (result.type) {
    case 'put':
    case 'delete':
    case 'txn':
      writeTxnResult(writer, result);
      return;
    case 'compact':
      writer.u8(resultTags.compact);
      writer.u53(result.revision);
      return;
    case 'leaseGrant':
      writer.u8(resultTags.leaseGrant);
      writer.u53(result.revision);
      writer.u53(result.id);
      writer.u53(result.ttl);
      return;
    case 'leaseRevoke':
      writer.u8(resultTags.leaseRevoke);
      writer.u53(result.revision);
      writer.u53(result.deleted);
      return;
    case 'mark':
      writer.u8(resultTags.mark);
      writer.u53(result.revision);
      return;
    case 'error':
      writer.u8(resultTags.error);
      writer.text(result.code);
      writer.text(result.message);
      return;
  }
}

function readResult(reader: FieldReader): Result {
  const tag = reader.u8();
  switch (tag) {
    case resultTags.compact:
      return { type: 'compact', revision: reader.u53() };
    case resultTags.leaseGrant: {
      const revision = reader.u53();
      const id = reader.u53();
      return { type: 'leaseGrant', revision, id, ttl: reader.u53() };
    }
    case resultTags.leaseRevoke: {
      const revision = reader.u53();
      return { type: 'leaseRevoke', revision, deleted: reader.u53() };
    }
    case resultTags.mark:
      return { type: 'mark', revision: reader.u53() };
    case resultTags.error:
      return { type: 'error', ...readRefusal(reader) };
    case resultTags.range:
      return reader.fail('the result of a read stands outside of a transaction');
    default:
      return readTxnResult(reader, tag, 0) as Exclude<TxnResult, { type: 'range' }>;
  }
}

function writePutResult(writer: FieldWriter, revision: Revision, previous?: KeyValue): void {
  writer.u8(previous === undefined ? resultTags.put : resultTags.putWithPrevious);
  writer.u53(revision);
  if (previous !== undefined) writePair(writer, previous);
}

function writeTxnResult(writer: FieldWriter, result: TxnResult): void {
  switch (result.type) {
    case 'put':
      writePutResult(writer, result.revision, result.previous);
      return;
    case 'delete':
      writer.u8(resultTags.delete);
      writer.u53(result.revision);
      writer.u53(result.deleted);
      writePairs(writer, result.previous);
      return;
    case 'range':
      writer.u8(resultTags.range);
      writeRangeResponse(writer, result);
      return;
    case 'txn':
      writer.u8(resultTags.txn);
      writer.u53(result.revision);
      writer.u8(result.succeeded ? 1 : 0);
      writer.u32(result.results.length);
      for (const inner of result.results) writeTxnResult(writer, inner);
      return;
  }
}

/** @param depth how many transactions it is in. */
function readTxnResult(reader: FieldReader, tag: number, depth: number): TxnResult {
  switch (tag) {
    case resultTags.put:
      return { type: 'put', revision: reader.u53() };
    case resultTags.putWithPrevious: {
      const revision = reader.u53();
      return { type: 'put', revision, previous: readPair(reader) };
    }
    case resultTags.delete: {
      const revision = reader.u53();
      const deleted = reader.u53();
      return { type: 'delete', revision, deleted, previous: readPairs(reader) };
    }
    case resultTags.range:
      return { type: 'range', ...readRangeResponse(reader) };
    case resultTags.txn:
      return { type: 'txn', ...readTxnResponse(reader, depth + 1) };
    default:
      return reader.fail(`there is no result with the number ${tag}`);
  }
}

function readTxnResponse(reader: FieldReader, depth: number): TxnResponse {
  if (depth > mostNesting) reader.fail(`transactions nest deeper than ${mostNesting}`);
  const revision = reader.u53();
  const succeeded = reader.flags(1) === 1;
  const count = reader.count(leastResultBytes, 'results');
  const results: TxnResult[] = [];
  for (let read = 0; read < count; read += 1) {
    results.push(readTxnResult(reader, reader.u8(), depth));
  }
  return { revision, succeeded, results };
}
