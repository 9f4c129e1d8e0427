import { KvError } from '../../errors.ts';
import { encodeCommand } from '../../protocol/commands.ts';
import { errorOf } from '../../protocol/failures.ts';
import { decodeResults } from '../../protocol/results.ts';
import type { Operation, Result } from '../../types.ts';
import type { KvRaft } from './node.ts';

/**
 * Replicates what this member has decided as the leader, as one command, and resolves once it is
 * applied here. It is never passed on: the next leader decides by itself.
 *
 * @throws {KvError} `KV_NO_LEADER` if this member does not lead, and what a write may fail with.
 */
export async function propose(
  raft: KvRaft,
  operations: readonly Operation[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Result[]> {
  const { role, term } = raft.metrics;
  if (role !== 'leader') {
    throw new KvError('KV_NO_LEADER', 'This member does not lead, so it proposes nothing.');
  }
  try {
    const options = signal === undefined ? { term } : { signal, term };
    const { response } = await raft.write(encodeCommand(operations), options);
    return decodeResults(response);
  } catch (error) {
    throw errorOf(error);
  }
}
