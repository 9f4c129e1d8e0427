import { type ByteString, bytesOf } from '../bytes.ts';
import type { EventType, KeyValue, LeaseId, Revision } from '../types.ts';
import { finish, highPart, mix } from './digest.ts';

/** A value as it is kept: small ones as text, which is one object without a view around it. */
export type StoredValue = ByteString | Uint8Array;

/** Values up to this size are kept as text. */
export const mostTextBytes = 4096;

/** A key that was put at least once, and is not forgotten yet; there is one object for each. */
export interface StoredKey {
  readonly key: ByteString;
  /** The hash of its bytes. */
  readonly hash: number;
  newest: StoredVersion;
}

/** What one change made of a key. Nothing of it changes, except that `before` is let go of. */
export interface StoredVersion {
  readonly of: StoredKey;
  /** 0 if the change was a delete. */
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** How often the key was put since it was created; 0 if the change was a delete. */
  readonly version: number;
  readonly lease: LeaseId;
  readonly value: StoredValue;
  /** A hash of all the above, its key included. */
  readonly digest: number;
  /** The version before it, until that is compacted. */
  before: StoredVersion | undefined;
}

/** One change of one key. */
export interface StoredEvent {
  readonly type: EventType;
  readonly key: ByteString;
  readonly version: StoredVersion;
}

/** What a key has before it is put for the first time. */
const nothing: StoredVersion = {
  of: undefined as unknown as StoredKey,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0,
  value: '',
  digest: 0,
  before: undefined,
};

const noBytes = new Uint8Array(0);

export function newKey(key: ByteString, hash: number): StoredKey {
  return { key, hash, newest: nothing };
}

/** Whether the key was never put. */
export function isNew(stored: StoredKey): boolean {
  return stored.newest === nothing;
}

export function isLive(stored: StoredKey): boolean {
  return stored.newest.version > 0;
}

/** The pair's version as of a revision, unless there was none. */
export function versionAt(stored: StoredKey, revision: Revision): StoredVersion | undefined {
  let version: StoredVersion | undefined = stored.newest;
  while (version !== undefined && version.modRevision > revision) version = version.before;
  return version !== undefined && version.version > 0 ? version : undefined;
}

/** Takes the hash of the value instead of the value, which may be long. */
export function digestOf(
  keyHash: number,
  valueHash: number,
  createRevision: Revision,
  modRevision: Revision,
  version: number,
  lease: LeaseId,
): number {
  let hash = mix(keyHash, valueHash);
  hash = mix(hash, createRevision | 0);
  hash = mix(hash, modRevision | 0);
  hash = mix(hash, version | 0);
  hash = mix(hash, lease | 0);
  if (modRevision >= 0x1_0000_0000) {
    hash = mix(mix(hash, highPart(createRevision)), highPart(modRevision));
  }
  if (lease >= 0x1_0000_0000) hash = mix(hash, highPart(lease));
  return finish(hash);
}

export function valueBytes(value: StoredValue): Uint8Array {
  return typeof value === 'string' ? bytesOf(value) : value;
}

export function keyValueOf(
  version: StoredVersion,
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): KeyValue {
  return {
    key: bytesOf(version.of.key),
    value: keysOnly ? noBytes : valueBytes(version.value),
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    lease: version.lease,
  };
}

/** The order of the values' bytes: below 0, 0 or above 0. */
export function compareValues(one: StoredValue, other: StoredValue): number {
  if (typeof one === 'string' && typeof other === 'string') {
    return one < other ? -1 : Number(one > other);
  }
  return Buffer.compare(valueBytes(one), valueBytes(other));
}
