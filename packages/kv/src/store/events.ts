import { bytesOf } from '../bytes.ts';
import type { KvEvent, Revision } from '../types.ts';
import { keyValueOf, type StoredEvent, type StoredVersion } from './versions.ts';

const noBytes = new Uint8Array(0);

export function changeOf(version: StoredVersion): StoredEvent {
  return { type: version.version === 0 ? 'delete' : 'put', key: version.of.key, version };
}

export interface EventOptions {
  readonly previous: boolean;
  /** The pair as it was before the event is told only if that can still be read. */
  readonly compactedRevision: Revision;
}

/** The change as watchers are told it. */
export function eventOf(
  { type, version }: StoredEvent,
  { previous, compactedRevision }: EventOptions,
): KvEvent {
  const { before, modRevision } = version;
  const kv =
    type === 'put'
      ? keyValueOf(version)
      : {
          key: bytesOf(version.of.key),
          value: noBytes,
          createRevision: 0,
          modRevision,
          version: 0,
          lease: 0,
        };
  const isTold = previous && modRevision > compactedRevision;
  if (!isTold || before === undefined || before.version === 0) return { type, kv };
  return { type, kv, previous: keyValueOf(before) };
}
