import type { Logger, Network, RaftMetrics, Runtime } from 'quorate';
import { pause } from '../../pause.ts';
import { staysLearner } from './membership-data.ts';
import { type KvRaft, messageOf } from './node.ts';

export interface PlaceOptions {
  readonly network: Network;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Where the others reach it. */
  readonly address: string;
  readonly signal: AbortSignal;
}

const firstPauseMs = 20;
const longestPauseMs = 1000;
/** The leader replicates a change before it answers. */
const askTimeoutMs = 3000;

/**
 * Asks the leader to make this member, which is in the cluster, a voter, until it is one; not if it
 * was added to be a learner. Tries on for as long as the signal allows.
 *
 * @throws `signal.reason`, and what the node has stopped with.
 */
export async function becomeVoter(raft: KvRaft, options: PlaceOptions): Promise<void> {
  const { runtime, logger, signal } = options;
  let pauseMs = firstPauseMs;
  while (!hasPlace(raft.metrics)) {
    signal.throwIfAborted();
    const { leader } = await raft.waitFor(
      (picture) => picture.leader !== undefined || hasPlace(picture),
      { signal },
    );
    try {
      if (leader !== undefined) await askOnce(raft, leader, options);
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'is no voter yet; tries again');
    }
    await pause(runtime, pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

function hasPlace({ id, membership, committed }: RaftMetrics): boolean {
  if (staysLearner(membership.nodes[id])) return true;
  const { voters, logId } = membership;
  return voters.length === 1 && voters.flat().includes(id) && logId.index <= committed.index;
}

async function askOnce(
  raft: KvRaft,
  leader: string,
  { network, address }: PlaceOptions,
): Promise<void> {
  const info = raft.metrics.membership.nodes[leader];
  if (info === undefined || leader === raft.id) return;
  const { identity: from } = await raft.rpc.identify();
  const connection = network.connect(leader, info);
  try {
    await connection.join(
      { id: raft.id, info: { address }, incarnation: from.incarnation, voter: true },
      { from, to: { node: leader }, timeoutMs: askTimeoutMs },
    );
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}
