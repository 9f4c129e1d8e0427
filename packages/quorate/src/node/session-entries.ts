import type { LogIndex } from '../core/types.ts';
import { UnsupportedError } from '../errors.ts';
import type { SessionBounds } from './session-table.ts';

/** What an entry of kind `session` says, as JSON in UTF-8. */
export type SessionEntry =
  | { readonly type: 'open'; readonly bounds: SessionBounds }
  | { readonly type: 'close'; readonly id: LogIndex };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeSessionEntry(entry: SessionEntry): Uint8Array {
  return encoder.encode(JSON.stringify(entry));
}

/**
 * Reads what a session entry says.
 *
 * @throws {UnsupportedError} if this version does not know it: going on without it, this node
 * would answer other than those that do.
 */
export function readSessionEntry(bytes: Uint8Array): SessionEntry {
  const found = parse(bytes);
  if (found?.type === 'close' && isCount(found.id)) return { type: 'close', id: found.id };
  const bounds = found?.bounds;
  if (found?.type === 'open' && typeof bounds === 'object' && bounds !== null) {
    const { maxSessions, maxSessionBytes, window } = bounds as Record<string, unknown>;
    if (isCount(maxSessions) && isCount(maxSessionBytes) && isCount(window)) {
      return { type: 'open', bounds: { maxSessions, maxSessionBytes, window } };
    }
  }
  throw new UnsupportedError(
    `A session entry must open a session with its bounds, or close one; it says ${JSON.stringify(decoder.decode(bytes.subarray(0, 200)))}. Another version wrote it: use that one here as well.`,
  );
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(decoder.decode(bytes));
    return typeof found === 'object' && found !== null
      ? (found as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
