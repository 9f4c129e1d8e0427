import { expect, test } from 'vitest';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { GatedStore } from '../node/gated-store.ts';
import { openWal } from '../storage/wal-under-test.ts';
import { Cluster, quick, soon, type TestNode } from './kit.ts';

const three = ['a', 'b', 'c'];

/** A cluster whose nodes have their logs in files, and the disks that these are on. */
async function onFiles(): Promise<{ cluster: Cluster; disks: Map<string, SimFs> }> {
  const cluster = await Cluster.passive(three, { config: quick });
  const disks = new Map(three.map((id) => [id, new SimFs()]));
  for (const [id, disk] of disks) await startOn(cluster, id, disk);
  await cluster.first.raft.initialize(cluster.infos(three), soon());
  await cluster.awaitLeader();
  return { cluster, disks };
}

async function startOn(cluster: Cluster, id: string, disk: SimFs): Promise<void> {
  const node = cluster.node(id);
  await cluster.stop(id);
  await node.store[Symbol.asyncDispose]();
  cluster.replaceDisk(id, new GatedStore(await openWal(disk)));
  await cluster.start(id);
}

async function closeStores(cluster: Cluster): Promise<void> {
  for (const { raft } of cluster.all) await raft.close({ handOver: false });
  for (const { store } of cluster.all) await store[Symbol.asyncDispose]();
}

/** From now on the disk takes nothing more. */
function fill(disk: SimFs | undefined): void {
  for (const type of ['write', 'create'] as const) {
    disk?.fail({ type, code: 'ENOSPC', times: Infinity });
  }
}

test.each([
  ['leader', { code: 'RAFT_FATAL', maybeApplied: true }],
  ['follower', { response: 2 }],
])(
  'a %s whose disk is full stops and says so, the others go on, and it comes back once there is room',
  async (role, outcome) => {
    const { cluster, disks } = await onFiles();
    await using _ = cluster;
    const leader = await cluster.awaitLeader();
    const [follower] = cluster.others(leader) as [TestNode, TestNode];
    const full = role === 'leader' ? leader : follower;
    await cluster.write('before');

    fill(disks.get(full.id));
    const write = leader.raft.write('as it is full', soon()).catch((error: unknown) => error);
    const { fatal } = await full.waitFor((metrics) => metrics.fatal !== undefined);
    const others = cluster.others(full);
    const next = await cluster.awaitLeader(others);
    const { logId } = await next.raft.write('without it', soon());
    await cluster.awaitApplied(logId.index, others);

    expect(fatal).toMatchObject({ code: 'RAFT_FATAL' });
    expect(causesOf(fatal)).toContain('ENOSPC');
    expect(await write).toMatchObject(outcome);

    // The process was started again, with what had reached the disk, and with room.
    const disk = disks.get(full.id)?.crash() ?? new SimFs();
    await startOn(cluster, full.id, disk);
    await cluster.awaitApplied(logId.index);
    const { machine, metrics } = cluster.node(full.id);
    expect(machine.commands).toEqual(next.machine.commands);
    expect(metrics.quarantine).toBeUndefined();
    await closeStores(cluster);
  },
);

/** The codes of an error and of what caused it. */
function causesOf(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as { code?: unknown };
  return [code, ...causesOf(error.cause)];
}
