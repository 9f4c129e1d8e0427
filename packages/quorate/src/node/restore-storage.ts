import type { Storage } from '../contract/storage.ts';
import type { LogId, Membership, NodeId, NodeInfo, SnapshotMeta } from '../core/types.ts';
import { AlreadyInitializedError } from '../errors.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { checkId, checkMember, infoOf } from './check-arguments.ts';
import { save } from './log.ts';
import { type Chunks, sealEnvelope } from './snapshot-envelope.ts';
import { releaseStorage, takeStorage } from './storages-in-use.ts';

export interface RestoreStorageOptions {
  /** The node whose disk this becomes; one of `nodes`. */
  readonly id: NodeId;
  /**
   * The id of the new cluster: the same on the disks of all its members, and never that of another
   * cluster, nor of an earlier try, so that no two of them can mix.
   */
  readonly cluster: string;
  /** The voters of the new cluster, the same on all disks. */
  readonly nodes: Readonly<Record<NodeId, NodeInfo>>;
  /**
   * The entry that the log goes on after, the same on all disks. With an index above all that the
   * old cluster has had, no session of the old one can be taken for one of the new one.
   */
  readonly last: LogId;
  /** The state, as `snapshot()` of the state machine gave it; the same on all disks. */
  readonly chunks: Chunks;
  /** The outside world. The default is Node's; a simulator brings its own. */
  readonly runtime?: Runtime;
}

/**
 * Makes an empty storage the disk of one member of a new cluster that begins with a given state:
 * how a backup of a state machine is brought back. Do it for each member, with the same options but
 * for `id`, before any of them is started; then start them with `Raft.start`.
 *
 *     await restoreStorage(storage, {
 *       id: 'a',
 *       cluster: 'shop-restored-2026-03-01',
 *       nodes: { a: { address: '10.0.0.1:7001' }, b: { address: '10.0.0.2:7001' } },
 *       last: { term: 8, index: 2_000_000 },
 *       chunks: backup,
 *     });
 *
 * The state is there, and the sessions of clients are not: they are over. If it rejects or the
 * process dies in the middle, empty the storage and begin anew; one that is half done is refused by
 * `Raft.start`.
 *
 * @throws {TypeError | RangeError} if an option is wrong, or a node runs on the storage.
 * @throws {AlreadyInitializedError} if the storage is not empty.
 * @throws what reading the chunks throws.
 */
export async function restoreStorage(
  storage: Storage,
  options: RestoreStorageOptions,
): Promise<void> {
  checkOptions(options);
  const { id, cluster, nodes, last, chunks, runtime = nodeRuntime } = options;
  takeStorage(storage, id);
  try {
    await demandEmpty(storage, id);
    const infos = Object.entries(nodes).map(([node, info]) => [node, infoOf(info)] as const);
    // Which disk each member has is not said here: the leader finds out, as in a new cluster. Were
    // it derived from what all know, a disk that is restored twice would pass for itself.
    const membership: Membership = {
      cluster,
      voters: [Object.keys(nodes)],
      nodes: Object.fromEntries(infos),
    };
    const meta: SnapshotMeta = {
      id: `${cluster}-restored`,
      lastLogId: last,
      membership: { ...membership, logId: last },
    };
    // First of all what makes a start refuse the disk, until the vote is there as the last of all:
    // one that died in the middle must not pass for an empty disk, which would begin a new cluster.
    await storage.log.purge(last);
    await storage.snapshots.save(meta, sealEnvelope([], chunks));
    const identity = { cluster, node: id, incarnation: runtime.randomId(), starts: 0 };
    await save(storage.log, { identity, vote: { term: last.term, votedFor: undefined } });
  } finally {
    releaseStorage(storage);
  }
}

function checkOptions({ id, cluster, nodes, last }: RestoreStorageOptions): void {
  checkId('The node id', id);
  checkId('The id of the cluster', cluster);
  for (const [node, info] of Object.entries(nodes)) checkMember(node, info);
  if (!Object.hasOwn(nodes, id)) {
    const names = Object.keys(nodes).join(', ') || 'nobody';
    throw new RangeError(`The nodes must name ${id}, whose disk it is; they name ${names}.`);
  }
  const { term, index } = last;
  if (isPositive(term) && isPositive(index)) return;
  throw new RangeError(
    `The term and the index that the log goes on after must be whole numbers above 0; they are ${String(term)} and ${String(index)}.`,
  );
}

async function demandEmpty({ log, snapshots }: Storage, id: NodeId): Promise<void> {
  const identity = await log.readIdentity();
  const vote = await log.readVote();
  const { last } = await log.state();
  const snapshot = await snapshots.current();
  const isEmpty = identity === undefined && vote === undefined && last.index === 0;
  if (isEmpty && snapshot === undefined) return;
  const owner = identity === undefined ? 'has something on it' : `belongs to node ${identity.node}`;
  throw new AlreadyInitializedError(
    `The storage that was to become the disk of node ${id} ${owner} already; nothing was changed. Give it an empty one.`,
  );
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
