import type { Storage } from '../contract/storage.ts';
import { assert } from '../core/assert.ts';
import { compareLogIds } from '../core/log-shape.ts';
import { isMember } from '../core/membership.ts';
import type { Entry, Identity, LogId, Membership, NodeId } from '../core/types.ts';
import { InvalidMembershipError, WrongTargetError } from '../errors.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { checkId, checkVoters } from './check-arguments.ts';
import { lineageOf } from './lineage.ts';
import { save } from './log.ts';
import { termIn } from './log-scan.ts';
import { type Found, joinSnapshot, look, membershipsIn } from './recovery.ts';
import { releaseStorage, takeStorage } from './storages-in-use.ts';

/** What a recovery made. It is plain data: take it along, as JSON, to the other nodes' disks. */
export interface RecoveredCluster {
  /** The new cluster id. */
  readonly cluster: string;
  readonly recoveredFrom: string;
  readonly voters: readonly NodeId[];
  /** Where the log ended that the cluster goes on with. */
  readonly last: LogId;
  /** The entry that the recovery wrote after it. */
  readonly logId: LogId;
}

export interface RecoverClusterOptions {
  /** The node whose disk this is. */
  readonly id: NodeId;
  /** Who votes from now on: members that are left, this node among them. Nobody else stays. */
  readonly voters: readonly NodeId[];
  /** What the call on the first disk returned; without it, this is the first one. */
  readonly base?: RecoveredCluster;
  /** The outside world. The default is Node's; a simulator brings its own. */
  readonly runtime?: Runtime;
}

/**
 * Gives a cluster new voters by force, after a majority of its voters was lost for good with their
 * disks: the last resort. Run it while no node of the cluster runs.
 *
 *     const base = await recoverCluster(storageOfD, { id: 'd', voters: ['d', 'e'] });
 *     await recoverCluster(storageOfE, { id: 'e', voters: ['d', 'e'], base });
 *
 * The first disk is the one whose log is furthest, by the term of its last entry and then by its
 * index; a disk that is further than the first is refused. On the first, an entry in a new term
 * says who votes and gives the cluster a new id; on the others the id alone is changed, and they
 * get the rest from the first. Then start them.
 *
 * The price: writes that were acknowledged and are on none of the disks that are left are lost, and
 * some that were never acknowledged may take effect. A node that was thought lost and comes back is
 * refused, since it belongs to the old cluster; it must be emptied and join under a new name. But
 * should a majority of the old voters be alive after all, two clusters go on, each with its own
 * history. As long as a majority can be brought back, bring it back instead.
 *
 * @throws {RangeError} if a node of this process runs on the storage, or it belongs to another one.
 * @throws {InvalidMembershipError} if the voters are no members, or this node is none of them.
 * @throws {WrongTargetError} if the disk is of another cluster than `base`, or further than it.
 * @throws {FatalError} if what is stored contradicts itself.
 */
export async function recoverCluster(
  storage: Storage,
  options: RecoverClusterOptions,
): Promise<RecoveredCluster> {
  const { id, voters, base } = options;
  checkId('The node id', id);
  checkVoters(voters);
  takeStorage(storage, id);
  try {
    const seen = await look(storage);
    const identity = await identityOn(storage, id, seen);
    if (base === undefined) return await begin(storage, options, { seen, identity });
    await follow(storage, base, { seen, identity, voters });
    return base;
  } finally {
    releaseStorage(storage);
  }
}

interface Disk {
  readonly seen: Found;
  readonly identity: Identity;
}

/** Makes this disk the one that the cluster goes on with. */
async function begin(
  storage: Storage,
  { id, voters, runtime = nodeRuntime }: RecoverClusterOptions,
  { seen, identity }: Disk,
): Promise<RecoveredCluster> {
  const recoveredFrom = identity.cluster;
  assert(recoveredFrom !== undefined, 'a cluster that is recovered has an id');
  checkChoice(membershipsIn(seen).at(-1), id, voters);
  const made = madeBefore(seen, voters);
  if (made !== undefined) return made;
  const found = await joinSnapshot(storage, seen);
  const { nodes } = membershipsIn(found).at(-1) as Membership;
  const { last } = found.ends;
  const cluster = runtime.randomId();
  const kept = Object.fromEntries(voters.map((voter) => [voter, nodes[voter] ?? {}]));
  kept[id] = { ...nodes[id], incarnation: identity.incarnation };
  const membership = { cluster, voters: [[...voters]], nodes: kept, recoveredFrom };
  // Nobody has led this term here: no entry of it can be anywhere on a disk that may follow.
  const term = Math.max(found.vote.term, last.term) + 1;
  const logId = { term, index: last.index + 1 };
  const mark: Entry = { logId, payload: { type: 'membership', membership } };
  await save(storage.log, {
    identity: renamed(identity, cluster),
    vote: { term, votedFor: id },
    append: [mark],
  });
  return { cluster, recoveredFrom, voters: [...voters], last, logId };
}

/**
 * What an earlier call on this disk returned, if its entry is still the last one: nothing has run
 * since. A second entry would shut out the disks that are of the cluster from before the first.
 */
function madeBefore(
  { scan, ends }: Found,
  voters: readonly NodeId[],
): RecoveredCluster | undefined {
  const mark = scan.memberships.at(-1);
  const { recoveredFrom, cluster, logId } = mark ?? {};
  if (mark === undefined || recoveredFrom === undefined || cluster === undefined) return undefined;
  if (logId?.index !== ends.last.index || !sameNames(mark.voters[0] ?? [], voters))
    return undefined;
  const index = logId.index - 1;
  const term = termIn(scan, ends, index);
  if (term === undefined) return undefined;
  return { cluster, recoveredFrom, voters: [...voters], last: { term, index }, logId };
}

function sameNames(some: readonly NodeId[], others: readonly NodeId[]): boolean {
  return [...some].sort().join('\n') === [...others].sort().join('\n');
}

/** Lets this disk follow the one that the cluster goes on with. */
async function follow(
  storage: Storage,
  base: RecoveredCluster,
  { seen, identity, voters }: Disk & { readonly voters: readonly NodeId[] },
): Promise<void> {
  const { node } = identity;
  if ([...voters].sort().join('\n') !== [...base.voters].sort().join('\n')) {
    throw new InvalidMembershipError(
      `The cluster was recovered with the voters ${base.voters.join(', ')}, and not with ${voters.join(', ')}; give the same ones.`,
    );
  }
  checkIncluded(node, voters);
  if (identity.cluster === base.cluster) return;
  if (identity.cluster !== base.recoveredFrom) {
    throw new WrongTargetError(
      `The disk of node ${node} belongs to cluster ${identity.cluster}, and cluster ${base.cluster} was recovered from ${base.recoveredFrom}.`,
    );
  }
  const { last } = (await joinSnapshot(storage, seen)).ends;
  if (compareLogIds(last, base.last) > 0) {
    throw new WrongTargetError(
      `The log of node ${node} ends at entry ${last.index} of term ${last.term}, and the cluster was recovered from one that ends at ${base.last.index} of term ${base.last.term}: what lies between may have been acknowledged. Recover it from node ${node}'s disk instead, and give the other one an empty disk.`,
    );
  }
  await save(storage.log, { identity: renamed(identity, base.cluster) });
}

async function identityOn({ log }: Storage, id: NodeId, seen: Found): Promise<Identity> {
  const saved = await log.readIdentity();
  if (saved !== undefined && saved.node !== id) {
    throw new RangeError(`The storage belongs to node ${saved.node}, and not to node ${id}.`);
  }
  const lineage = lineageOf(saved, membershipsIn(seen));
  if (saved === undefined || lineage.cluster === undefined) {
    throw new InvalidMembershipError(
      `The disk of node ${id} belongs to no cluster: there is nothing to recover on it.`,
    );
  }
  return { ...saved, ...lineage };
}

function checkChoice(
  membership: Membership | undefined,
  id: NodeId,
  voters: readonly NodeId[],
): void {
  if (membership === undefined) {
    throw new InvalidMembershipError(
      `The log of node ${id} holds no membership: there is nothing to recover on its disk.`,
    );
  }
  if (new Set(voters).size !== voters.length) {
    throw new InvalidMembershipError(`A voter is named twice (${voters.join(', ')}).`);
  }
  const unknown = voters.filter((voter) => !isMember(membership, voter));
  if (unknown.length > 0) {
    const members = Object.keys(membership.nodes).join(', ');
    throw new InvalidMembershipError(
      `The voters must be members that are left: ${unknown.join(', ')} is not among ${members}.`,
    );
  }
  checkIncluded(id, voters);
}

function checkIncluded(id: NodeId, voters: readonly NodeId[]): void {
  if (voters.includes(id)) return;
  throw new InvalidMembershipError(
    `Node ${id} must be among the voters (${voters.join(', ')}), since it is its disk that is changed.`,
  );
}

function renamed(identity: Identity, cluster: string): Identity {
  const { formerly = [], cluster: before } = identity;
  return {
    ...identity,
    cluster,
    formerly: before === undefined ? formerly : [...formerly, before],
  };
}
