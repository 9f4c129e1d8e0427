import { expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon, type TestNode } from './kit.ts';

test('a wiped disk that knows that it is one votes for nobody of that cluster (row 68)', async () => {
  await using cluster = await Cluster.passive(['a', 'b'], { config: quick });
  await cluster.first.raft.initialize({ a: {}, b: {}, c: {} }, soon());
  const leader = await cluster.awaitLeader();
  const [lagging] = cluster.others(leader) as [TestNode];
  await lagging.waitFor(({ committed }) => committed.index >= leader.metrics.last.index);
  // It never learns which disk the third one has.
  cluster.isolate(lagging.id);
  cluster.wires.cut('c', lagging.id);
  cluster.wires.cut(lagging.id, 'c');
  await cluster.start('c');
  await leader.waitFor(
    ({ membership, committed }) =>
      membership.nodes['c']?.incarnation !== undefined && committed.index >= membership.logId.index,
  );
  await leader.raft.write('acknowledged', soon());
  await cluster.stop('c');
  cluster.replaceDisk('c');
  const wiped = await cluster.start('c');
  await wiped.waitFor(({ quarantine }) => quarantine !== undefined);
  expect(lagging.metrics.membership.nodes['c']?.incarnation).toBeUndefined();

  await cluster.stop(leader.id);
  cluster.wires.heal();
  const signal = AbortSignal.timeout(2500);
  const won = lagging.raft.waitFor(({ role }) => role === 'leader', { signal });

  expect(await outcomeOf(won)).toMatchObject({ name: 'TimeoutError' });
});
