import { expect, test } from 'vitest';
import { recoverCluster } from '../../src/node/recover-cluster.ts';
import { Cluster, quick, soon, type TestNode } from './kit.ts';
import { addLearners } from './members.ts';

test('a disk that never heard of another voter can follow a recovery', async () => {
  await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
  const leader = await cluster.awaitLeader();
  const [slow] = cluster.others(leader) as [TestNode];
  cluster.isolate(slow.id);
  await addLearners(cluster, ['d']);
  await leader.raft.write('kept', soon());
  await cluster.node('d').awaitCommands(1);
  for (const { id } of cluster.all) await cluster.stop(id);
  cluster.wires.heal();
  const voters = ['d', slow.id];

  const base = await recoverCluster(cluster.node('d').storage, { id: 'd', voters });
  await recoverCluster(slow.storage, { id: slow.id, voters, base });
  for (const id of voters) await cluster.start(id);
  await cluster.write('after');

  await cluster.node(slow.id).awaitCommands(2);
  expect(cluster.node(slow.id).machine.commands).toEqual(['kept', 'after']);
});

test('a recovery whose result was lost is run again, and the other disks can follow it', async () => {
  await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
  await cluster.write('kept');
  for (const node of cluster.all) await node.awaitCommands(1);
  for (const { id } of cluster.all) await cluster.stop(id);
  const voters = ['a', 'b'];

  const lost = await recoverCluster(cluster.node('a').storage, { id: 'a', voters });
  const base = await recoverCluster(cluster.node('a').storage, { id: 'a', voters });
  await recoverCluster(cluster.node('b').storage, { id: 'b', voters, base });
  for (const id of voters) await cluster.start(id);
  await cluster.write('after');

  expect(base).toEqual(lost);
  await cluster.node('b').awaitCommands(2);
});
