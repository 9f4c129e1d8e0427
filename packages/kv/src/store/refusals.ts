import { KvError } from '../errors.ts';
import type { LeaseId, Revision } from '../types.ts';

/*
 * What a store refuses, in the same words whichever way it keeps its pairs: refusals are results,
 * and those are the same on every member.
 */

/** How far the store has come, and from where on it can be read. */
export interface KnownRevisions {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
}

/** @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION` */
export function checkRevision(known: KnownRevisions, wanted: Revision = 0): void {
  if (wanted === 0) return;
  const { revision, compactedRevision } = known;
  if (wanted > revision) {
    const message = `Revision ${wanted} does not exist yet; the newest one is ${revision}.`;
    throw new KvError('KV_FUTURE_REVISION', message, { details: { wanted, revision } });
  }
  if (wanted < compactedRevision) throw compacted(wanted, compactedRevision);
}

export function compacted(wanted: Revision, compactedRevision: Revision): KvError {
  const message = `Revision ${wanted} has been compacted, as all before ${compactedRevision}.`;
  return new KvError('KV_COMPACTED', message, { details: { wanted, compactedRevision } });
}

export function leaseNotFound(id: LeaseId): KvError {
  const message = `There is no lease ${id}: it has expired, was revoked, or was never granted.`;
  return new KvError('KV_LEASE_NOT_FOUND', message, { details: { lease: id } });
}

export function leaseExists(id: LeaseId): KvError {
  const message = `There is a lease ${id} already.`;
  return new KvError('KV_LEASE_EXISTS', message, { details: { lease: id } });
}

/** A put was to keep something of a pair that is not there. */
export function nothingToKeep(kept: 'value' | 'lease'): KvError {
  return new KvError('KV_KEY_NOT_FOUND', `There is no such key whose ${kept} the put could keep.`);
}

export function rangeWithoutKey(): KvError {
  return new KvError('KV_INVALID', 'A range must begin with a key of at least one byte.');
}
