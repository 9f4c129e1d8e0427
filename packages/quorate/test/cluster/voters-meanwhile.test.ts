import { expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { addLearners } from './members.ts';

test('a change that waits for the name of a disk is checked after that as well', async () => {
  const config = { ...quick, catchUpTimeoutMs: 300 };
  await using cluster = await Cluster.of(['a'], { config });
  const { raft, store } = cluster.first;
  await raft.addLearner('never-starts', {}, { ...soon(), wait: false });
  await raft.addLearner('b', {}, { ...soon(), wait: false });
  store.hold();
  await cluster.start('b');
  await raft.waitFor(({ membership }) => membership.nodes['b']?.incarnation !== undefined, soon());

  const change = outcomeOf(raft.changeVoters(['a', 'never-starts'], soon()));
  await turns(5);
  store.release();

  expect(await change).toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
  expect(raft.metrics.membership.voters).toEqual([['a']]);
});

test('a leave that had to wait throws nobody out who became a voter meanwhile', async () => {
  const config = { ...quick, electionTimeoutMs: { min: 500, max: 1000 } };
  await using cluster = await Cluster.of(['a', 'b', 'c'], { config });
  const leader = await cluster.awaitLeader();
  const [silent, leaving] = cluster.others(leader) as [TestNode, TestNode];
  await addLearners(cluster, ['d']);
  cluster.isolate(silent.id);
  await leader.waitFor(({ progress }) => {
    const heardAt = progress?.get(silent.id)?.lastAckAt ?? 0;
    return performance.now() - heardAt > 1500;
  });
  const asked = Promise.withResolvers<void>();
  cluster.wires.onCall = ({ call }) => {
    if (call === 'leave') asked.resolve();
  };

  const left = outcomeOf(leaving.raft.leave(soon()));
  await asked.promise;
  await turns(5);
  await leader.raft.changeVoters([leader.id, silent.id, leaving.id, 'd'], soon());
  cluster.wires.heal();
  await left;

  await leader.waitFor(({ membership }) => membership.nodes[leaving.id] === undefined);
  expect(leader.metrics.membership.voters.flat()).toContain('d');
});

test('a node that leaves ends, though the answer was lost and its leader is forgotten', async () => {
  await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
  const leader = await cluster.awaitLeader();
  const [leaving] = cluster.others(leader) as [TestNode];
  cluster.wires.cut(leader.id, leaving.id);

  const left = outcomeOf(leaving.raft.leave(soon()));
  await leader.waitFor(({ membership }) => membership.nodes[leaving.id] === undefined);
  await leaving.waitFor(({ leader: known }) => known === undefined);
  cluster.wires.heal();

  expect(await left).toBeUndefined();
});
