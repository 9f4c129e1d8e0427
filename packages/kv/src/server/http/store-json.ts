import { prefixEnd } from '../../bytes.ts';
import { KvError } from '../../errors.ts';
import type {
  Compare,
  CompareResult,
  DeleteRequest,
  KeyRange,
  KeyValue,
  KvEvent,
  LeaseId,
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
} from '../../types.ts';
import { type BytesJson, bytesFromJson, type WriteBytes } from './json-bytes.ts';

/* Requests from JSON that the schemas have let through, and answers to JSON. */

interface ChoiceJson {
  readonly key?: BytesJson;
  readonly end?: BytesJson;
  readonly prefix?: BytesJson;
}

type Options<Request> = Omit<Request, 'key' | 'end' | 'value' | 'type'>;

export type RangeJson = ChoiceJson & Options<RangeRequest> & { readonly serializable?: boolean };

export type DeleteJson = ChoiceJson & Options<DeleteRequest>;

export type ValueJson = Options<PutRequest> & { readonly value?: BytesJson };

export type PutJson = ValueJson & { readonly key: BytesJson };

type CompareJson = ChoiceJson & { readonly result: CompareResult } & (
    | { readonly target: 'value'; readonly value: BytesJson }
    | { readonly target: 'version' | 'create' | 'mod' | 'lease'; readonly number: number }
  );

type TxnOperationJson =
  | ({ readonly type: 'put' } & PutJson)
  | ({ readonly type: 'delete' } & DeleteJson)
  | ({ readonly type: 'range' } & RangeJson)
  | ({ readonly type: 'txn' } & TxnJson);

export interface TxnJson {
  readonly compare?: readonly CompareJson[];
  readonly then?: readonly TxnOperationJson[];
  readonly else?: readonly TxnOperationJson[];
}

const zero = Uint8Array.of(0);

/** The range of all keys that begin with `prefix`. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  if (prefix.length === 0) return { key: zero, end: zero };
  return { key: prefix, end: prefixEnd(prefix) };
}

function keyRangeOf({ key, end, prefix }: ChoiceJson): KeyRange {
  if (prefix !== undefined) return prefixRange(bytesFromJson(prefix));
  // The schema demands a key where there is no prefix.
  const from = bytesFromJson(key as BytesJson);
  return end === undefined ? { key: from } : { key: from, end: bytesFromJson(end) };
}

export function rangeRequest(json: RangeJson): RangeRequest {
  const { key: _key, end: _end, prefix: _prefix, serializable: _, ...options } = json;
  return { ...options, ...keyRangeOf(json) };
}

export function deleteRequest(json: DeleteJson): DeleteRequest {
  const { key: _key, end: _end, prefix: _prefix, ...options } = json;
  return { ...options, ...keyRangeOf(json) };
}

export function putRequest({ key, ...rest }: PutJson): PutRequest {
  return { key: bytesFromJson(key), ...valueAndOptions(rest) };
}

/** @throws {KvError} `KV_INVALID` if there is no value, and none is to be kept. */
export function valueAndOptions({ value, ...options }: ValueJson): Omit<PutRequest, 'key'> {
  if (value === undefined && options.ignoreValue !== true) {
    throw new KvError(
      'KV_INVALID',
      'A put wants a "value", or "ignoreValue" to keep what is there.',
    );
  }
  return { ...options, value: bytesFromJson(value ?? '') };
}

export function txnRequest(json: TxnJson): TxnRequest {
  return {
    compare: (json.compare ?? []).map(compareOf),
    then: (json.then ?? []).map(operationOf),
    else: (json.else ?? []).map(operationOf),
  };
}

function compareOf(json: CompareJson): Compare {
  const { result } = json;
  const range = keyRangeOf(json);
  if (json.target !== 'value') {
    return { ...range, result, target: json.target, number: json.number };
  }
  return { ...range, result, target: 'value', value: bytesFromJson(json.value) };
}

function operationOf(json: TxnOperationJson): TxnOperation {
  switch (json.type) {
    case 'put': {
      const { type, ...put } = json;
      return { type, ...putRequest(put) };
    }
    case 'delete': {
      const { type, ...rest } = json;
      return { type, ...deleteRequest(rest) };
    }
    case 'range': {
      const { type, ...rest } = json;
      return { type, ...rangeRequest(rest) };
    }
    case 'txn':
      return { type: 'txn', ...txnRequest(json) };
  }
}

export interface KeyValueJson {
  readonly key: BytesJson;
  readonly value: BytesJson;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: LeaseId;
}

export function keyValueJson(kv: KeyValue, write: WriteBytes): KeyValueJson {
  const { createRevision, modRevision, version, lease } = kv;
  const [key, value] = [write(kv.key), write(kv.value)];
  return { key, value, createRevision, modRevision, version, lease };
}

export function rangeJson(
  { revision, kvs, more, count }: RangeResponse,
  write: WriteBytes,
): object {
  return { revision, kvs: kvs.map((kv) => keyValueJson(kv, write)), more, count };
}

export function txnJson({ revision, succeeded, results }: TxnResponse, write: WriteBytes): object {
  return { revision, succeeded, results: results.map((result) => txnResultJson(result, write)) };
}

/** What one operation was answered, without its type. */
export function changeJson(
  result: Extract<TxnResult, { type: 'put' | 'delete' }>,
  write: WriteBytes,
): object {
  const { revision } = result;
  if (result.type === 'delete') {
    const previous = result.previous.map((kv) => keyValueJson(kv, write));
    return { revision, deleted: result.deleted, previous };
  }
  if (result.previous === undefined) return { revision };
  return { revision, previous: keyValueJson(result.previous, write) };
}

function txnResultJson(result: TxnResult, write: WriteBytes): object {
  const { type } = result;
  if (type === 'range') return { type, ...rangeJson(result, write) };
  if (type === 'txn') return { type, ...txnJson(result, write) };
  return { type, ...changeJson(result, write) };
}

export function eventJson({ type, kv, previous }: KvEvent, write: WriteBytes): object {
  const json = { type, kv: keyValueJson(kv, write) };
  return previous === undefined ? json : { ...json, previous: keyValueJson(previous, write) };
}
