import { KvError } from '../../errors.ts';
import type { KvEvent, Revision, WatchRequest } from '../../types.ts';
import type { RecipeKv } from './kv.ts';

/** Whether the history that was asked for is gone, so that only the newest state can be read. */
export function isCompacted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'KV_COMPACTED';
}

/** The changes one by one. Ends only by a throw: of the client, or of the signal. */
export async function* eventsOf(
  kv: RecipeKv,
  request: WatchRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<KvEvent, never> {
  for await (const { events } of kv.follow(request, { signal })) yield* events;
  signal?.throwIfAborted();
  throw new KvError('KV_STOPPING', 'The client was closed while it watched.');
}

/**
 * Resolves to `true` once the key was deleted, and to `false` if its history is compacted, so that
 * it may have been.
 */
export async function untilDeleted(
  kv: RecipeKv,
  { key, from }: { readonly key: Uint8Array; readonly from: Revision },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    for await (const event of eventsOf(kv, { key, from, without: 'put' }, signal)) {
      if (event.type === 'delete') return true;
    }
  } catch (error) {
    if (!isCompacted(error)) throw error;
  }
  return false;
}
