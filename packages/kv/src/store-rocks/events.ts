import { bytesOf } from '../bytes.ts';
import type { KvEvent, Revision } from '../types.ts';
import type { Change } from './draft.ts';
import { keyValueOf, noBytes } from './version.ts';

/** The change as watchers are told it; the pair before it only if that can still be read. */
export function eventOf(
  { type, key, version, before }: Change,
  { previous, compactedRevision }: { previous: boolean; compactedRevision: Revision },
): KvEvent {
  const { modRevision } = version;
  const nothing = { value: noBytes, createRevision: 0, version: 0, lease: 0 };
  const kv = type === 'put' ? keyValueOf(version) : { key: bytesOf(key), modRevision, ...nothing };
  const isTold = previous && modRevision > compactedRevision && before !== undefined;
  return isTold ? { type, kv, previous: keyValueOf(before) } : { type, kv };
}
