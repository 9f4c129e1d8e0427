import { type ByteString, byteString } from '../../bytes.ts';
import { KvError } from '../../errors.ts';
import type { KvLimits } from '../../protocol/limits.ts';
import type { EventType, WatchRequest } from '../../types.ts';

/** Which changes a watcher is told, and how: what watchers of one interest have in common. */
export interface Selection {
  readonly key: ByteString;
  /** All keys from `key` on and before this one; none: only `key`. */
  readonly end: ByteString | undefined;
  readonly without: EventType | undefined;
  readonly previous: boolean;
}

/** After every key: its one character is no byte. */
const afterAllKeys = '\uffff';

export function selectionOf(
  request: WatchRequest,
  limits: Pick<KvLimits, 'maxKeyBytes'>,
): Selection {
  const { key, end, without, previous = false } = request;
  checkSize('key', key, limits.maxKeyBytes);
  if (end !== undefined) checkSize('end', end, limits.maxKeyBytes);
  if (without !== undefined && without !== 'put' && without !== 'delete') {
    throw invalid(`'without' must be 'put' or 'delete', or be left out; got ${String(without)}.`);
  }
  const from = byteString(key);
  if (end === undefined) {
    if (from === '')
      throw invalid('A key has at least one byte; got none. For all keys give an end.');
    return { key: from, end: undefined, without, previous };
  }
  const to = end.length === 1 && end[0] === 0 ? afterAllKeys : byteString(end);
  if (to <= from) throw invalid("The range is empty: 'end' must come after 'key'.");
  return { key: from, end: to, without, previous };
}

/** The same for equal selections only. */
export function nameOf({ key, end, without, previous }: Selection): string {
  const options = `${without ?? 'all'} ${previous ? 'previous' : 'plain'}`;
  return end === undefined ? `${options} only ${key}` : `${options} ${key.length} to ${key}${end}`;
}

export function isSelected(
  { key, end, without }: Selection,
  change: { readonly type: EventType; readonly key: ByteString },
): boolean {
  if (change.type === without) return false;
  return end === undefined ? change.key === key : key <= change.key && change.key < end;
}

function checkSize(name: string, bytes: Uint8Array, most: number): void {
  if (bytes.byteLength <= most) return;
  const message = `'${name}' of a watch may have ${most} bytes (maxKeyBytes); got ${bytes.byteLength}.`;
  throw new KvError('KV_TOO_LARGE', message, {
    details: { limit: 'maxKeyBytes', most, came: bytes.byteLength },
  });
}

function invalid(message: string): KvError {
  return new KvError('KV_INVALID', message);
}
