import type { RaftMetrics } from 'quorate';
import { KvError } from '../../errors.ts';
import { commandVersions, encodeCommand } from '../../protocol/commands.ts';
import { errorOf } from '../../protocol/failures.ts';
import { decodeResults } from '../../protocol/results.ts';
import type { Operation, Result } from '../../types.ts';
import type { Granted } from '../leases/lease-clock.ts';
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

/**
 * The end of leases as they were granted: one that was revoked and granted again, earlier in the
 * log, is another lease. Members of a version that cannot read that get it as it was before.
 */
export function revocationsOf(
  leases: readonly Granted[],
  { membership: { nodes } }: Pick<RaftMetrics, 'membership'>,
): readonly Operation[] {
  const isRead = Object.values(nodes).every(({ data }) => {
    // One that has told nothing of itself yet is new: it was never of an older version.
    return (
      data?.['client'] === undefined || Number(data['commands'] ?? 1) >= commandVersions.revokeOne
    );
  });
  return leases.map(({ id, grantedAt }) =>
    isRead ? { type: 'leaseRevoke', id, grantedAt } : { type: 'leaseRevoke', id },
  );
}
