import type { LogStore } from '../contract/log-store.ts';
import type { Storage } from '../contract/storage.ts';
import { noLogId } from '../core/log-shape.ts';
import type { RecoveredState } from '../core/raft-core.ts';
import type { EffectiveMembership, Entry, Identity, LogId, NodeId, Vote } from '../core/types.ts';
import { FatalError, UnsupportedError } from '../errors.ts';

export interface Recovered {
  readonly identity: Identity;
  readonly state: RecoveredState;
}

/** How much of the log is looked at in one read. */
const readBytes = 4 * 1024 * 1024;

/**
 * Finds out what this node knew before it stopped, and counts the start. The state machine begins
 * empty and is built from the log again.
 *
 * @throws {RangeError} if the disk belongs to another node.
 * @throws {FatalError} if what is stored contradicts itself.
 */
export async function recover(
  storage: Storage,
  id: NodeId,
  randomId: () => string,
): Promise<Recovered> {
  const { log, snapshots } = storage;
  const vote: Vote = (await log.readVote()) ?? { term: 0, votedFor: undefined };
  const { purged, last } = await log.state();
  if (purged.index > 0 || (await snapshots.current()) !== undefined) {
    throw new UnsupportedError(
      'This version cannot start from a snapshot; use the one that made it.',
    );
  }
  const { termStarts, memberships } = await scan(log, last);
  // A disk without log and vote has promised nothing to the cluster it may have been bound to.
  const isPristine = last.index === 0 && vote.term === 0;
  const identity = await recoverIdentity(log, id, { randomId, isPristine, memberships });
  if (last.term > vote.term) {
    throw new FatalError(
      `The log ends in term ${last.term}, but the saved vote is of term ${vote.term}: a vote must have been lost. Restore this node's disk, or replace the node.`,
    );
  }
  const state = { vote, termStarts, purged, last, applied: noLogId, memberships };
  return { identity, state };
}

async function recoverIdentity(
  log: LogStore,
  id: NodeId,
  known: {
    randomId: () => string;
    isPristine: boolean;
    memberships: readonly EffectiveMembership[];
  },
): Promise<Identity> {
  const found = await log.readIdentity();
  if (found !== undefined && found.node !== id) {
    throw new RangeError(
      `The storage belongs to node ${found.node}, and node ${id} was to start on it. Give each node storage of its own.`,
    );
  }
  const cluster = known.isPristine ? undefined : clusterOf(found?.cluster, known.memberships);
  const identity: Identity =
    found === undefined
      ? { cluster, node: id, incarnation: known.randomId(), starts: 1 }
      : { ...found, cluster, starts: found.starts + 1 };
  await log.saveIdentity(identity);
  return identity;
}

/** A disk belongs to one cluster: the one that its log tells of. */
function clusterOf(
  saved: string | undefined,
  memberships: readonly EffectiveMembership[],
): string | undefined {
  const cluster = saved ?? memberships[0]?.cluster;
  const other = memberships.find((membership) => membership.cluster !== cluster);
  if (other === undefined) return cluster;
  throw new FatalError(
    `The disk says that it belongs to cluster ${cluster}, and entry ${other.logId.index} of its log to cluster ${other.cluster}. Restore this node's disk, or replace the node.`,
  );
}

/** Reads the log once, for the first entry of each term and the memberships in it. */
async function scan(
  log: LogStore,
  last: LogId,
): Promise<{ termStarts: LogId[]; memberships: EffectiveMembership[] }> {
  const termStarts: LogId[] = [];
  const memberships: EffectiveMembership[] = [];
  let previous: LogId = noLogId;
  while (previous.index < last.index) {
    const entries = await log.read(previous.index + 1, last.index + 1, { maxBytes: readBytes });
    for (const entry of entries) {
      checkOrder(previous, entry);
      const { logId, payload } = entry;
      if (termStarts.length === 0 || logId.term !== previous.term) termStarts.push(logId);
      if (payload.type === 'membership') memberships.push({ ...payload.membership, logId });
      previous = logId;
    }
    if (entries.length === 0) break;
  }
  if (previous.index !== last.index || previous.term !== last.term) {
    throw new FatalError(
      `The log store says that its last entry is ${last.index} of term ${last.term}, but reading ended at ${previous.index} of term ${previous.term}.`,
    );
  }
  return { termStarts, memberships };
}

function checkOrder(previous: LogId, { logId }: Entry): void {
  if (logId.index === previous.index + 1 && logId.term >= previous.term) return;
  throw new FatalError(
    `The log store returned entry ${logId.index} of term ${logId.term} after ${previous.index} of term ${previous.term}; indexes must follow one another and terms must not fall.`,
  );
}
