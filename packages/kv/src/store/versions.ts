import { type ByteString, bytesOf } from '../bytes.ts';
import type { EventType, KeyValue, LeaseId, Revision } from '../types.ts';
import { finish, hashOf, highPart, mix } from './digest.ts';
import { memoryOf, noSlab, type Slab } from './value-memory.ts';

/** A key that was put at least once, and is not forgotten yet; there is one object for each. */
export interface StoredKey {
  readonly key: ByteString;
  /** The hash of its bytes. */
  readonly hash: number;
  newest: StoredVersion;
}

/** Bytes that are to be a value, with their hash. */
export interface ValueSource {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly hash: number;
}

/** What one change made of a key. What it says stays, though the memory of its value may move. */
export interface StoredVersion {
  readonly of: StoredKey;
  /** 0 if the change was a delete. */
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** How often the key was put since it was created; 0 if the change was a delete. */
  readonly version: number;
  readonly lease: LeaseId;
  /** A hash of all the above and the value, its key included. */
  readonly digest: number;
  /** The value is so many bytes of that, from `at` on. */
  slab: Slab;
  at: number;
  size: number;
  /** The version before it, until that is compacted. */
  before: StoredVersion | undefined;
}

/** One change of one key. */
export interface StoredEvent {
  readonly type: EventType;
  readonly key: ByteString;
  readonly version: StoredVersion;
}

/** The place of the value of what has none. */
export const noValue: Pick<StoredVersion, 'slab' | 'at' | 'size'> = {
  slab: noSlab,
  at: 0,
  size: 0,
};

/** What a key has before it is put for the first time. */
const nothing: StoredVersion = {
  of: undefined as unknown as StoredKey,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0,
  digest: 0,
  ...noValue,
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

/** The value, for whoever wants to keep it. */
export function valueOf(version: StoredVersion): Uint8Array {
  const { at, size } = version;
  if (size === 0) return noBytes;
  const memory = memoryOf(version);
  // Its own memory stays as it is.
  if (version.slab.versions === undefined) return memory;
  const value = Buffer.allocUnsafe(size);
  memory.copy(value, 0, at, at + size);
  return value;
}

/** The value as what another put may take. */
export function sourceOf(version: StoredVersion): ValueSource {
  const { at, size } = version;
  const bytes = memoryOf(version);
  return { bytes, from: at, to: at + size, hash: hashOf(bytes.subarray(at, at + size)) };
}

export function keyValueOf(
  version: StoredVersion,
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): KeyValue {
  return {
    key: bytesOf(version.of.key),
    value: keysOnly ? noBytes : valueOf(version),
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    lease: version.lease,
  };
}

/** The order of the values' bytes: below 0, 0 or above 0. */
export function compareValues(one: StoredVersion, other: StoredVersion): number {
  return compareValue(one, memoryOf(other), other.at, other.at + other.size);
}

/** The same for a value and the bytes `from..to`. */
export function compareValue(
  version: StoredVersion,
  bytes: Uint8Array,
  from: number = 0,
  to: number = bytes.length,
): number {
  const { at, size } = version;
  return memoryOf(version).compare(bytes, from, to, at, at + size);
}
