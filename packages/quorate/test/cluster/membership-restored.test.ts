import { describe, expect, test } from 'vitest';
import type { EffectiveMembership } from '../../src/core/types.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode } from './kit.ts';
import { addLearners, writeTo } from './members.ts';
import { bare, purgeAll, writeMany } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];
const five = ['a', 'b', 'c', 'd', 'e'];

/** A cluster with a voter that was a learner, a learner, and infos that were replaced. */
async function changed(): Promise<{ cluster: Cluster; membership: EffectiveMembership }> {
  const cluster = await Cluster.of(three, { config: bare });
  await addLearners(cluster, ['d', 'e']);
  const { raft } = cluster.first;
  await raft.changeVoters([...three, 'd'], { ...soon(), force: true });
  for (const id of ['b', 'd', 'e']) await raft.updateNode(id, { data: { zone: id } }, soon());
  await writeTo(cluster, five);
  return { cluster, membership: raft.metrics.membership };
}

function expectEverywhere(cluster: Cluster, membership: EffectiveMembership): void {
  for (const { id, metrics } of cluster.all) {
    expect({ id, membership: metrics.membership }).toEqual({ id, membership });
    expect(metrics.role === 'learner').toBe(id === 'e');
  }
}

describe('who is a voter and who a learner (row 71)', () => {
  test('is what it was after a node is promoted and infos are replaced', async () => {
    const { cluster, membership } = await changed();
    await using _ = cluster;

    expect(membership.voters).toEqual([[...three, 'd']]);
    expect(Object.keys(membership.nodes)).toEqual(five);
    for (const id of ['b', 'd', 'e']) expect(membership.nodes[id]?.data).toEqual({ zone: id });
    expectEverywhere(cluster, membership);
  });

  test.each(['logs', 'snapshots'])(
    'is the same on all that start again from their %s',
    async (from) => {
      const { cluster, membership } = await changed();
      await using _ = cluster;
      if (from === 'snapshots') for (const node of cluster.all) await purgeAll(node);

      for (const { id } of cluster.all) await cluster.stop(id);
      for (const id of five) await cluster.start(id, quick);
      await cluster.awaitLeader();
      const purged = cluster.all.map(
        ({ metrics }) => metrics.purged.index >= membership.logId.index,
      );

      expectEverywhere(cluster, membership);
      expect(purged).toEqual(five.map(() => from === 'snapshots'));
    },
  );

  test('comes with the snapshot to who was not there', async () => {
    const { cluster, membership } = await changed();
    await using _ = cluster;
    for (const id of ['d', 'e']) await cluster.stop(id);
    await cluster.first.raft.updateNode('d', { data: { zone: 'new' } }, soon());
    const { index } = await purgeAll(cluster.first);

    for (const id of ['d', 'e']) await cluster.start(id);
    await cluster.awaitApplied(index);

    const { nodes, voters } = cluster.first.metrics.membership;
    expect(voters).toEqual(membership.voters);
    expect(nodes['d']?.data).toEqual({ zone: 'new' });
    expect(cluster.node('e').machine.restored).toHaveLength(1);
    expectEverywhere(cluster, cluster.first.metrics.membership);
  });
});

test('a membership that lies further in the log, but in an older term, goes with a snapshot (row 67)', async () => {
  const config = { ...quick, keepBytes: 0 };
  await using cluster = await Cluster.of(three, { config });
  const old = await cluster.awaitLeader();
  await writeTo(cluster, three);
  cluster.isolate(old.id);
  const lost = Array.from({ length: 50 }, (_, at) =>
    outcomeOf(old.raft.write(`lost ${at}`, soon())),
  );
  await old.waitFor(({ last }) => last.index > 50);
  const change = outcomeOf(old.raft.changeVoters([old.id], { ...soon(), force: true }));
  const { membership: phantom } = await old.waitFor(({ membership }) => {
    return membership.voters.length === 2;
  });
  const next = await cluster.awaitLeader(cluster.others(old));
  const last = await writeMany(next, 5);
  await cluster.awaitApplied(last, cluster.others(old));
  for (const node of cluster.others(old)) await purgeAll(node);
  expect(phantom.logId.index).toBeGreaterThan(last);

  cluster.wires.heal();
  await cluster.awaitApplied(last);
  const restored = old.machine.restored.length;
  const installed = old.metrics.membership;
  await cluster.restart(old.id);

  expect(restored).toBe(1);
  expect(installed).toEqual(next.metrics.membership);
  expect(old.metrics.membership).toEqual(installed);
  expect(await change).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
  await Promise.all(lost);
  await writeTo(cluster, three);
  expect(old.machine.commands).toEqual((cluster.others(old)[0] as TestNode).machine.commands);
});
