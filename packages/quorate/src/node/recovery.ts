import type { Snapshot } from '../contract/snapshot-store.ts';
import type { Storage } from '../contract/storage.ts';
import { noLogId } from '../core/log-shape.ts';
import { noMembership } from '../core/membership.ts';
import type { RecoveredState } from '../core/raft-core.ts';
import type { EffectiveMembership, Identity, LogId, NodeId, Vote } from '../core/types.ts';
import { FatalError } from '../errors.ts';
import { mark } from '../platform/sites.ts';
import { isOfLineage, type Lineage, lineageOf } from './lineage.ts';
import { type LogScan, scanLog, termIn } from './log-scan.ts';
import type { Machine } from './machine.ts';
import type { KnownSnapshot } from './snapshotter.ts';

export interface Recovered {
  readonly identity: Identity;
  readonly state: RecoveredState;
  /** The membership in force at the last applied entry. */
  readonly membership: EffectiveMembership;
  readonly snapshot: KnownSnapshot | undefined;
  readonly sizes: LogScan['sizes'];
}

/** The parts of a disk that have to agree. */
export interface Found {
  readonly vote: Vote;
  readonly snapshot: Snapshot | undefined;
  readonly ends: { readonly purged: LogId; readonly last: LogId };
  readonly scan: LogScan;
}

export interface RecoveryOptions {
  readonly storage: Storage;
  readonly id: NodeId;
  readonly machine: Machine;
  readonly randomId: () => string;
}

/**
 * Finds out what this node knew before it stopped, joins its parts, and counts the start. A state
 * machine in memory is built from the newest snapshot and the log after it; one with a disk of its
 * own goes on after what it has, and gets the snapshot only if that is newer.
 *
 * @throws {RangeError} if the disk belongs to another node.
 * @throws {FatalError} if what is stored contradicts itself.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { storage, machine } = options;
  const seen = await look(storage);
  const identity = await identityFor(seen, options);
  const found = await joinSnapshot(storage, seen);
  const { vote, snapshot, ends, scan } = found;
  const memberships = membershipsIn(found);
  await storage.log.saveIdentity(identity);
  const applied = await recoverState(found, machine);
  const state: RecoveredState = {
    vote,
    termStarts: scan.termStarts,
    ...ends,
    snapshot: snapshot?.meta.lastLogId ?? noLogId,
    applied,
    memberships,
  };
  const known = memberships.findLast(({ logId }) => logId.index <= applied.index);
  return {
    identity,
    state,
    membership: known ?? noMembership,
    snapshot: snapshot && { lastLogId: snapshot.meta.lastLogId, size: snapshot.size },
    sizes: scan.sizes,
  };
}

/**
 * Reads what this disk knows, and changes nothing.
 *
 * @throws {FatalError} if its parts contradict one another.
 */
export async function look({ log, snapshots }: Storage): Promise<Found> {
  const vote: Vote = (await log.readVote()) ?? { term: 0, votedFor: undefined };
  const ends = await log.state();
  if (ends.purged.index > ends.last.index) {
    throw new FatalError(
      `The log store says that the log is purged up to ${ends.purged.index} and ends at ${ends.last.index}; the end must not lie before the start.`,
    );
  }
  const snapshot = await snapshots.current();
  const found = { vote, ends, snapshot, scan: await scanLog(log, ends) };
  checkVote(found);
  return found;
}

/**
 * A snapshot that was received and is ahead of the log, or tells of other entries than the log
 * holds at its end, takes the place of the log: it covers only what is committed.
 */
export async function joinSnapshot({ log }: Storage, found: Found): Promise<Found> {
  const { snapshot, ends, scan } = found;
  const covered = snapshot?.meta.lastLogId ?? noLogId;
  if (covered.index < ends.purged.index) {
    throw new FatalError(
      `The log is purged up to entry ${ends.purged.index}, and the newest snapshot ${snapshot === undefined ? 'is missing' : `ends at ${covered.index}`}: what lies between is lost. Restore this node's disk, or replace the node.`,
    );
  }
  if (termIn(scan, ends, covered.index) === covered.term) return found;
  if (covered.index === ends.purged.index) {
    throw new FatalError(
      `The log is purged up to entry ${covered.index} of term ${ends.purged.term}, and the newest snapshot ends at entry ${covered.index} of term ${covered.term}: they are of different histories. Restore this node's disk, or replace the node.`,
    );
  }
  mark('recovery.snapshotReplacedLog');
  await log.purge(covered);
  const emptied = await log.state();
  return { ...found, ends: emptied, scan: await scanLog(log, emptied) };
}

function checkVote({ vote, snapshot, ends: { last } }: Found): void {
  const covered = snapshot?.meta.lastLogId;
  if (covered !== undefined && covered.term > vote.term) {
    throw new FatalError(
      `The newest snapshot ends in term ${covered.term}, but the saved vote is of term ${vote.term}: a vote must have been lost, or a restoration broke off. Restore this node's disk, or replace the node.`,
    );
  }
  if (last.term <= vote.term) return;
  throw new FatalError(
    `The log ends in term ${last.term}, but the saved vote is of term ${vote.term}: a vote must have been lost, or a restoration broke off. Restore this node's disk, or replace the node.`,
  );
}

/** That of the snapshot and those that came after it; all in the log if it was never purged. */
export function membershipsIn({ snapshot, ends, scan }: Found): readonly EffectiveMembership[] {
  if (snapshot === undefined || ends.purged.index === 0) return scan.memberships;
  const { membership } = snapshot.meta;
  const newer = scan.memberships.filter(({ logId }) => logId.index > membership.logId.index);
  return [membership, ...newer];
}

/** Brings the state machine to a known place, and returns it. */
async function recoverState(found: Found, machine: Machine): Promise<LogId> {
  const { snapshot, ends, scan } = found;
  const applied = (await machine.readApplied()) ?? noLogId;
  if (applied.index > ends.last.index) {
    throw new FatalError(
      `The state machine has applied entry ${applied.index}, and the log ends at ${ends.last.index}: its data belongs to another disk, or part of the log is lost. Restore this node's disk, or replace the node.`,
    );
  }
  if (snapshot !== undefined && applied.index < snapshot.meta.lastLogId.index) {
    mark('recovery.restoredSnapshot');
    await machine.restore(snapshot.chunks(), snapshot.meta);
    return snapshot.meta.lastLogId;
  }
  const term = termIn(scan, ends, applied.index);
  if (term !== applied.term) {
    throw new FatalError(
      `The state machine has applied entry ${applied.index} of term ${applied.term}, and the log holds one of term ${term} there: its data belongs to another disk. Restore this node's disk, or replace the node.`,
    );
  }
  return applied;
}

/** Who this node is from this start on; nothing is changed if the disk is not its own. */
async function identityFor(
  { vote, snapshot, ends, scan }: Found,
  { storage, id, randomId }: RecoveryOptions,
): Promise<Identity> {
  const saved = await storage.log.readIdentity();
  if (saved !== undefined && saved.node !== id) {
    throw new RangeError(
      `The storage belongs to node ${saved.node}, and node ${id} was to start on it. Give each node storage of its own.`,
    );
  }
  // A disk without log and vote has promised nothing to the cluster it may have been bound to.
  const isPristine = ends.last.index === 0 && vote.term === 0 && snapshot === undefined;
  const lineage = isPristine ? { cluster: undefined } : checkedLineage(saved, { snapshot, scan });
  const { incarnation, starts } = saved ?? { incarnation: randomId(), starts: 0 };
  return { ...lineage, node: id, incarnation, starts: starts + 1 };
}

/** A disk belongs to one cluster: the one that its snapshot and its log tell of. */
function checkedLineage(
  saved: Lineage | undefined,
  { snapshot, scan }: Pick<Found, 'snapshot' | 'scan'>,
): Lineage {
  const inSnapshot = snapshot === undefined ? [] : [snapshot.meta.membership];
  const lineage = lineageOf(saved, [...inSnapshot, ...scan.memberships]);
  const { cluster } = lineage;
  for (const { cluster: other } of inSnapshot) {
    if (isOfLineage(lineage, other)) continue;
    throw new FatalError(
      `The disk says that it belongs to cluster ${cluster}, and its newest snapshot to cluster ${other}. Restore this node's disk, or replace the node.`,
    );
  }
  const other = scan.memberships.find((one) => !isOfLineage(lineage, one.cluster));
  if (other === undefined) return lineage;
  throw new FatalError(
    `The disk says that it belongs to cluster ${cluster}, and entry ${other.logId.index} of its log to cluster ${other.cluster}. Restore this node's disk, or replace the node.`,
  );
}
