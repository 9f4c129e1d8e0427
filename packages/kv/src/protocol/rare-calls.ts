import { KvError, type KvErrorCode } from '../errors.ts';
import type {
  KvStatus,
  LeaseId,
  LeaseTimeToLive,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
  Revision,
  WatchRequest,
} from '../types.ts';
import { bytesFrom, JsonFields } from './json-fields.ts';
import {
  memberAddFrom,
  memberPromoteFrom,
  memberRemoveFrom,
  membershipChangeFrom,
} from './membership.ts';
import { callKinds } from './messages.ts';
import { statusFrom } from './status.ts';
import { mostWatchNumber } from './watching.ts';

/*
 * What is asked rarely goes as JSON: a byte that says so, then `{ "method", "params" }` in UTF-8;
 * the answer is JSON as well. Bytes are base64. Fields that nobody knows are refused in a question,
 * since they would change what is meant, and ignored in an answer.
 */

/** Parameters and answer of each method. */
export interface RareMethods {
  openSession: { readonly params: NoParams; readonly answer: number };
  closeSession: { readonly params: { readonly id: number }; readonly answer: undefined };
  leases: { readonly params: NoParams; readonly answer: readonly LeaseId[] };
  leaseTimeToLive: {
    readonly params: { readonly id: LeaseId; readonly keys: boolean };
    readonly answer: LeaseTimeToLive;
  };
  status: { readonly params: NoParams; readonly answer: KvStatus };
  hash: {
    readonly params: NoParams;
    readonly answer: { readonly revision: Revision; readonly hash: string };
  };
  transferLeadership: { readonly params: { readonly to?: string }; readonly answer: undefined };
  memberAdd: { readonly params: MemberAddRequest; readonly answer: MembershipChange };
  memberPromote: { readonly params: MemberPromoteRequest; readonly answer: MembershipChange };
  memberRemove: { readonly params: MemberRemoveRequest; readonly answer: MembershipChange };
  /** Adds a watch to a stream; the answer is the revision that its events begin with. */
  watch: {
    readonly params: OpenedWatch & { readonly stream: string };
    readonly answer: { readonly from: Revision };
  };
  /** Ends a watch of a stream; after the answer nothing more comes of it. */
  unwatch: {
    readonly params: { readonly stream: string; readonly watch: number };
    readonly answer: undefined;
  };
}

export type NoParams = Readonly<Record<string, never>>;
export type RareMethod = keyof RareMethods;

/** A call as the member reads it. */
export type RareCall = {
  [Method in RareMethod]: {
    readonly method: Method;
    readonly params: RareMethods[Method]['params'];
  };
}[RareMethod];

/** A watch of a stream, and the number that the client gives it there. */
export interface OpenedWatch {
  readonly watch: number;
  readonly request: WatchRequest;
}

/** Opens a stream of watches. */
export interface WatchStreamRequest {
  /** Whoever knows it may add watches: at least 16 characters that nobody can guess. */
  readonly stream: string;
  readonly watches: readonly OpenedWatch[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const streamName = /^[\w-]{16,64}$/;

export function encodeRareCall<Method extends RareMethod>(
  method: Method,
  params: RareMethods[Method]['params'],
): Uint8Array {
  const json = encoder.encode(JSON.stringify({ method, params: paramsToJson(params) }));
  const call = new Uint8Array(1 + json.length);
  call[0] = callKinds.rare;
  call.set(json, 1);
  return call;
}

/** @throws {KvError} `KV_INVALID` */
export function decodeRareCall(call: Uint8Array): RareCall {
  const json = jsonFrom(call.subarray(1), 'a call', 'KV_INVALID');
  const fields = new JsonFields(json, 'The call');
  fields.only(['method', 'params']);
  const method = fields.string('method');
  const params = new JsonFields(fields.any('params') ?? {}, 'params');
  switch (method) {
    case 'openSession':
    case 'leases':
    case 'status':
    case 'hash':
      params.only([]);
      return { method, params: {} };
    case 'closeSession':
      params.only(['id']);
      return { method, params: { id: params.whole('id') } };
    case 'leaseTimeToLive':
      params.only(['id', 'keys']);
      return {
        method,
        params: { id: params.whole('id'), keys: params.has('keys') && params.boolean('keys') },
      };
    case 'transferLeadership':
      params.only(['to']);
      return { method, params: params.has('to') ? { to: params.string('to') } : {} };
    case 'memberAdd':
      return { method, params: memberAddFrom(params) };
    case 'memberPromote':
      return { method, params: memberPromoteFrom(params) };
    case 'memberRemove':
      return { method, params: memberRemoveFrom(params) };
    case 'watch':
      params.only(['stream', 'watch', 'request']);
      return { method, params: { stream: streamOf(params), ...openedWatch(params, 'params') } };
    case 'unwatch':
      params.only(['stream', 'watch']);
      return { method, params: { stream: streamOf(params), watch: watchNumber(params) } };
    default:
      throw new KvError('KV_INVALID', `There is no method ${JSON.stringify(method)}.`);
  }
}

/** What a member answers to the call, whose method the caller knows. */
export function encodeRareAnswer<Method extends RareMethod>(
  method: Method,
  answer: RareMethods[Method]['answer'],
): Uint8Array {
  return encoder.encode(JSON.stringify(answerToJson(method, answer)));
}

/** @throws {KvError} `KV_INTERNAL` if it is none. */
export function decodeRareAnswer<Method extends RareMethod>(
  method: Method,
  answer: Uint8Array,
): RareMethods[Method]['answer'] {
  const json = jsonFrom(answer, `an answer to ${method}`, 'KV_INTERNAL');
  const fields = new JsonFields(json, `The answer to ${method}`, 'KV_INTERNAL');
  return readAnswer(method, fields) as RareMethods[Method]['answer'];
}

export function encodeWatchStream({ stream, watches }: WatchStreamRequest): Uint8Array {
  return encoder.encode(JSON.stringify({ stream, watches: watches.map(openedToJson) }));
}

/** @throws {KvError} `KV_INVALID` */
export function decodeWatchStream(bytes: Uint8Array): WatchStreamRequest {
  const json = jsonFrom(bytes, 'a request for watches', 'KV_INVALID');
  const fields = new JsonFields(json, 'The request');
  fields.only(['stream', 'watches']);
  const watches = fields.list('watches', (value, path) => {
    const watch = new JsonFields(value, path);
    watch.only(['watch', 'request']);
    return openedWatch(watch, path);
  });
  return { stream: streamOf(fields), watches };
}

function readAnswer(method: RareMethod, fields: JsonFields): unknown {
  switch (method) {
    case 'openSession':
      return fields.whole('session');
    case 'leases':
      return fields.list('leases', (id, path) =>
        new JsonFields({ id }, path, 'KV_INTERNAL').whole('id'),
      );
    case 'leaseTimeToLive':
      return {
        id: fields.whole('id'),
        remaining: fields.number('remaining'),
        ttl: fields.whole('ttl'),
        keys: fields.list('keys', (key, path) => bytesFrom(key, path, 'KV_INTERNAL')),
      };
    case 'status':
      return statusFrom(fields.any('status'));
    case 'hash':
      return { revision: fields.whole('revision'), hash: fields.string('hash') };
    case 'memberAdd':
    case 'memberPromote':
    case 'memberRemove':
      return membershipChangeFrom(fields);
    case 'watch':
      return { from: fields.whole('from') };
    case 'closeSession':
    case 'transferLeadership':
    case 'unwatch':
      return undefined;
  }
}

function answerToJson(method: RareMethod, answer: unknown): unknown {
  switch (method) {
    case 'openSession':
      return { session: answer };
    case 'leases':
      return { leases: answer };
    case 'status':
      return { status: answer };
    case 'leaseTimeToLive': {
      const { keys, ...rest } = answer as LeaseTimeToLive;
      return { ...rest, keys: keys.map(base64) };
    }
    case 'hash':
    case 'memberAdd':
    case 'memberPromote':
    case 'memberRemove':
    case 'watch':
      return answer;
    case 'closeSession':
    case 'transferLeadership':
    case 'unwatch':
      return {};
  }
}

function paramsToJson(params: RareMethods[RareMethod]['params']): unknown {
  const { stream, watch, request } = params as Partial<RareMethods['watch']['params']>;
  if (watch === undefined || request === undefined) return params;
  return { stream, ...openedToJson({ watch, request }) };
}

function openedToJson({ watch, request }: OpenedWatch): object {
  const { key, end, ...rest } = request;
  return {
    watch,
    request: { key: base64(key), ...(end === undefined ? {} : { end: base64(end) }), ...rest },
  };
}

function openedWatch(fields: JsonFields, path: string): OpenedWatch {
  return {
    watch: watchNumber(fields),
    request: watchRequest(fields.any('request'), `${path}.request`),
  };
}

function watchRequest(value: unknown, path: string): WatchRequest {
  const fields = new JsonFields(value, path);
  fields.only(['key', 'end', 'from', 'previous', 'without', 'progress']);
  const key = fields.bytes('key');
  if (key.length === 0) throw new KvError('KV_INVALID', `${path}.key has no bytes.`);
  const without = fields.any('without');
  if (without !== undefined && without !== 'put' && without !== 'delete') {
    throw new KvError('KV_INVALID', `${path}.without must be "put" or "delete".`);
  }
  return {
    key,
    ...(fields.has('end') ? { end: fields.bytes('end') } : {}),
    ...(fields.has('from') ? { from: fields.whole('from') } : {}),
    ...(fields.has('previous') ? { previous: fields.boolean('previous') } : {}),
    ...(without === undefined ? {} : { without }),
    ...(fields.has('progress') ? { progress: fields.boolean('progress') } : {}),
  };
}

function watchNumber(fields: JsonFields): number {
  return fields.whole('watch', mostWatchNumber);
}

function streamOf(fields: JsonFields): string {
  const stream = fields.string('stream');
  if (streamName.test(stream)) return stream;
  const message = 'stream must be 16 to 64 letters, digits, "-" or "_" that nobody can guess.';
  throw new KvError('KV_INVALID', message);
}

function jsonFrom(bytes: Uint8Array, what: string, code: KvErrorCode): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KvError(code, `This is not ${what}: ${why}`, { cause });
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
