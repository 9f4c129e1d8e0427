import { bufferOf } from '../bytes.ts';
import type { KeyRange, KeyValue, LeaseId, PutRequest } from '../types.ts';
import { hashOf } from './digest.ts';
import { newestIn } from './ranges.ts';
import { leaseNotFound, nothingToKeep } from './refusals.ts';
import type { KvState } from './state.ts';
import {
  isLive,
  keyValueOf,
  type StoredKey,
  type StoredVersion,
  sourceOf,
  type ValueSource,
} from './versions.ts';

/** All that a put needs, found and checked. */
export interface PreparedPut {
  readonly stored: StoredKey;
  readonly value: ValueSource;
  readonly lease: LeaseId;
  /** The pair as it was, if there was one and it was asked for. */
  readonly previous: KeyValue | undefined;
}

/** @throws {KvError} `KV_LEASE_NOT_FOUND`, `KV_KEY_NOT_FOUND` */
export function preparePut(state: KvState, request: PutRequest): PreparedPut {
  const bytes = bufferOf(request.key);
  const stored = state.keyFor(hashOf(bytes), bytes, 0, bytes.byteLength);
  checkAgainst(state, stored, request);
  const { newest } = stored;
  return {
    stored,
    value: request.ignoreValue === true ? sourceOf(newest) : sourceOfBytes(request.value),
    lease: request.ignoreLease === true ? newest.lease : (request.lease ?? 0),
    previous: request.previous === true && isLive(stored) ? keyValueOf(newest) : undefined,
  };
}

/** @throws {KvError} `KV_LEASE_NOT_FOUND`, `KV_KEY_NOT_FOUND` */
export function checkPut(state: KvState, request: PutRequest): void {
  checkAgainst(state, state.findKey(request.key), request);
}

/** Deletes the live keys of a range, in order, and returns their last versions. */
export function deleteIn(state: KvState, range: KeyRange): StoredVersion[] {
  const versions = newestIn(state, range);
  for (const { of: stored } of versions) state.delete(stored);
  return versions;
}

function sourceOfBytes(value: Uint8Array): ValueSource {
  return { bytes: bufferOf(value), from: 0, to: value.length, hash: hashOf(value) };
}

function checkAgainst(state: KvState, stored: StoredKey | undefined, request: PutRequest): void {
  const { lease = 0 } = request;
  if (lease !== 0 && !state.leases.has(lease)) throw leaseNotFound(lease);
  if (request.ignoreValue !== true && request.ignoreLease !== true) return;
  if (stored !== undefined && isLive(stored)) return;
  throw nothingToKeep(request.ignoreValue === true ? 'value' : 'lease');
}
