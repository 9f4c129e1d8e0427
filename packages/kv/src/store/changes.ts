import { bufferOf, byteString } from '../bytes.ts';
import { KvError } from '../errors.ts';
import type { KeyRange, KeyValue, LeaseId, PutRequest } from '../types.ts';
import { hashOf } from './digest.ts';
import { newestIn } from './ranges.ts';
import type { KvState } from './state.ts';
import {
  isLive,
  keyValueOf,
  mostTextBytes,
  type StoredKey,
  type StoredValue,
  type StoredVersion,
  valueBytes,
} from './versions.ts';

/** All that a put needs, found and checked. */
export interface PreparedPut {
  readonly stored: StoredKey;
  readonly value: StoredValue;
  readonly valueHash: number;
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
  const value = request.ignoreValue === true ? newest.value : storedValue(request.value);
  const hashed = request.ignoreValue === true ? valueBytes(value) : request.value;
  return {
    stored,
    value,
    valueHash: hashOf(hashed),
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

/** The value as it is kept: a copy, so that the command's memory can go. */
function storedValue(value: Uint8Array): StoredValue {
  return value.byteLength <= mostTextBytes ? byteString(value) : new Uint8Array(value);
}

export function leaseNotFound(id: LeaseId): KvError {
  const message = `There is no lease ${id}: it has expired, was revoked, or was never granted.`;
  return new KvError('KV_LEASE_NOT_FOUND', message, { details: { lease: id } });
}

function checkAgainst(state: KvState, stored: StoredKey | undefined, request: PutRequest): void {
  const { lease = 0 } = request;
  if (lease !== 0 && !state.leases.has(lease)) throw leaseNotFound(lease);
  if (request.ignoreValue !== true && request.ignoreLease !== true) return;
  if (stored !== undefined && isLive(stored)) return;
  const kept = request.ignoreValue === true ? 'value' : 'lease';
  throw new KvError('KV_KEY_NOT_FOUND', `There is no such key whose ${kept} the put could keep.`);
}
