import type {
  Compare,
  DeleteRequest,
  KeyRange,
  KeyValue,
  KvEvent,
  Operation,
  PutRequest,
  RangeRequest,
  RangeResponse,
  Result,
  TxnOperation,
  TxnRequest,
  TxnResult,
  WatchBatch,
} from '../../types.ts';
import { type BytesJson, bytesFromJson, bytesToJson } from './bytes-json.ts';

/* Requests to the JSON of the HTTP API, and its answers from JSON. See openapi.yaml. */

interface KeyValueJson extends Omit<KeyValue, 'key' | 'value'> {
  readonly key: BytesJson;
  readonly value: BytesJson;
}

export interface RangeAnswerJson extends Omit<RangeResponse, 'kvs'> {
  readonly kvs: readonly KeyValueJson[];
}

export interface WatchBatchJson extends Omit<WatchBatch, 'events'> {
  readonly events: readonly {
    readonly type: 'put' | 'delete';
    readonly kv: KeyValueJson;
    readonly previous?: KeyValueJson;
  }[];
}

/** What the answers to all writes have, each its own part. */
interface WriteAnswerJson {
  readonly revision: number;
  readonly previous?: KeyValueJson | readonly KeyValueJson[];
  readonly deleted?: number;
  readonly succeeded?: boolean;
  readonly results?: readonly TxnResultJson[];
  readonly id?: number;
  readonly ttl?: number;
}

type TxnResultJson = WriteAnswerJson &
  Partial<RangeAnswerJson> & { readonly type: TxnResult['type'] };

/** How an operation is asked for. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

export function writeToHttp(operation: Operation): HttpRequest {
  const method = 'POST';
  switch (operation.type) {
    case 'put':
      return { method, path: '/v1/put', body: putToJson(operation) };
    case 'delete':
      return { method, path: '/v1/delete', body: deleteToJson(operation) };
    case 'txn':
      return { method, path: '/v1/txn', body: txnToJson(operation) };
    case 'compact':
      return { method, path: '/v1/compact', body: { revision: operation.revision } };
    case 'leaseGrant': {
      const { ttl, id } = operation;
      return { method, path: '/v1/leases', body: id === undefined ? { ttl } : { ttl, id } };
    }
    case 'leaseRevoke':
      return { method: 'DELETE', path: `/v1/leases/${operation.id}` };
    case 'mark':
      throw new TypeError('Members mark the log themselves.');
  }
}

export function resultFromJson(type: Operation['type'], json: unknown): Result {
  const answer = json as WriteAnswerJson;
  const revision = numberFrom(answer.revision, 'revision');
  switch (type) {
    case 'put':
    case 'delete':
    case 'txn':
      return txnResultFromJson({ ...answer, type }) as Result;
    case 'compact':
      return { type, revision };
    case 'leaseGrant': {
      const id = numberFrom(answer.id, 'id');
      return { type, revision, id, ttl: numberFrom(answer.ttl, 'ttl') };
    }
    case 'leaseRevoke':
      return { type, revision, deleted: numberFrom(answer.deleted, 'deleted') };
    case 'mark':
      return { type, revision };
  }
}

export function rangeToJson(request: RangeRequest): object {
  const { key: _key, end: _end, ...options } = request;
  return { ...options, ...keysToJson(request) };
}

export function rangeFromJson(json: RangeAnswerJson): RangeResponse {
  const { revision, kvs, more, count } = json;
  return { revision, kvs: kvs.map(pairFromJson), more, count };
}

export function batchFromJson({ revision, events }: WatchBatchJson): WatchBatch {
  return {
    revision: numberFrom(revision, 'revision'),
    events: events.map(({ type, kv, previous }): KvEvent => {
      const event = { type, kv: pairFromJson(kv) };
      return previous === undefined ? event : { ...event, previous: pairFromJson(previous) };
    }),
  };
}

export function numberFrom(value: unknown, name: string): number {
  if (typeof value === 'number') return value;
  throw new TypeError(`The answer has no number "${name}".`);
}

function keysToJson({ key, end }: KeyRange): object {
  const from = bytesToJson(key);
  return end === undefined || end.length === 0
    ? { key: from }
    : { key: from, end: bytesToJson(end) };
}

function putToJson({ key, value, lease, previous, ignoreValue, ignoreLease }: PutRequest): object {
  return {
    key: bytesToJson(key),
    ...(ignoreValue === true ? { ignoreValue } : { value: bytesToJson(value) }),
    ...(lease === undefined ? {} : { lease }),
    ...(previous === undefined ? {} : { previous }),
    ...(ignoreLease === undefined ? {} : { ignoreLease }),
  };
}

function deleteToJson(request: DeleteRequest): object {
  const { previous } = request;
  return { ...keysToJson(request), ...(previous === undefined ? {} : { previous }) };
}

function txnToJson({ compare, then, else: otherwise }: TxnRequest): object {
  return {
    compare: compare.map(compareToJson),
    then: then.map(operationToJson),
    else: otherwise.map(operationToJson),
  };
}

function compareToJson(compare: Compare): object {
  const { target, result } = compare;
  const about = { ...keysToJson(compare), target, result };
  return compare.target === 'value'
    ? { ...about, value: bytesToJson(compare.value) }
    : { ...about, number: compare.number };
}

function operationToJson(operation: TxnOperation): object {
  const { type } = operation;
  switch (type) {
    case 'put':
      return { type, ...putToJson(operation) };
    case 'delete':
      return { type, ...deleteToJson(operation) };
    case 'range': {
      const { type: _, ...request } = operation;
      return { type, ...rangeToJson(request) };
    }
    case 'txn':
      return { type, ...txnToJson(operation) };
  }
}

function txnResultFromJson(json: TxnResultJson): TxnResult {
  const { type } = json;
  const revision = numberFrom(json.revision, 'revision');
  switch (type) {
    case 'put': {
      const previous = json.previous as KeyValueJson | undefined;
      if (previous === undefined) return { type, revision };
      return { type, revision, previous: pairFromJson(previous) };
    }
    case 'delete': {
      const previous = (json.previous ?? []) as readonly KeyValueJson[];
      const deleted = numberFrom(json.deleted, 'deleted');
      return { type, revision, deleted, previous: previous.map(pairFromJson) };
    }
    case 'range':
      return { type, ...rangeFromJson(json as unknown as RangeAnswerJson) };
    case 'txn': {
      const results = (json.results ?? []).map(txnResultFromJson);
      return { type, revision, succeeded: json.succeeded === true, results };
    }
  }
}

function pairFromJson({ key, value, ...rest }: KeyValueJson): KeyValue {
  const { createRevision, modRevision, version, lease } = rest;
  return {
    key: bytesFromJson(key),
    value: bytesFromJson(value),
    createRevision,
    modRevision,
    version,
    lease,
  };
}
