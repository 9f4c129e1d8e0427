import type { NodeId } from '../../src/core/types.ts';
import type { Cluster } from './kit.ts';
import { soon } from './kit.ts';

/** Starts new nodes and adds them as learners. */
export async function addLearners(cluster: Cluster, ids: readonly NodeId[]): Promise<void> {
  for (const id of ids) {
    const { info } = await cluster.start(id);
    await (await cluster.awaitLeader()).raft.addLearner(id, info, soon());
  }
}

/** Writes, and waits until `ids` have applied it. */
export async function writeTo(cluster: Cluster, ids: readonly NodeId[]): Promise<void> {
  const { logId } = await cluster.write('end');
  await cluster.awaitApplied(
    logId.index,
    ids.map((id) => cluster.node(id)),
  );
}
