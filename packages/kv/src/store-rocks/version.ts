import { type ByteString, bytesOf } from '../bytes.ts';
import type { KeyValue, LeaseId, Revision } from '../types.ts';

/** What one change made of a key. */
export interface Version {
  readonly key: ByteString;
  /** 0 if the change was a delete. */
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** How often the key was put since it was created; 0 if the change was a delete. */
  readonly version: number;
  readonly lease: LeaseId;
  readonly value: Uint8Array;
  /** A hash of all the above, as in `store/versions`. */
  readonly digest: number;
}

export const noBytes: Uint8Array = new Uint8Array(0);

export function isLive(version: Version | undefined): version is Version {
  return version !== undefined && version.version > 0;
}

export function tombstone(key: ByteString, modRevision: Revision): Version {
  const nothing = { createRevision: 0, version: 0, lease: 0, value: noBytes, digest: 0 };
  return { key, modRevision, ...nothing };
}

export function keyValueOf(
  { key, value, createRevision, modRevision, version, lease }: Version,
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): KeyValue {
  return {
    key: bytesOf(key),
    value: keysOnly ? noBytes : value,
    createRevision,
    modRevision,
    version,
    lease,
  };
}
