import { describe, expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('when leadership is lost during a change', () => {
  test('the change rejects as maybe applied, and is rolled back where truncated (rows 66, 83)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    cluster.isolate(old.id);
    const change = old.raft.addLearner('x', {}, soon());
    await old.waitFor(({ membership }) => 'x' in membership.nodes);

    await expect(change).rejects.toMatchObject({
      code: 'RAFT_LEADERSHIP_LOST',
      maybeApplied: true,
    });
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('y', soon());
    cluster.wires.heal();
    await old.awaitCommands(1);

    expect(old.metrics.membership.nodes).not.toHaveProperty('x');
    expect(old.metrics.membership).toEqual(next.metrics.membership);
  });

  test('a joint membership that is truncated gives way to the one before (row 66)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    cluster.isolate(old.id);
    const change = outcomeOf(old.raft.changeVoters([old.id], soon()));
    await old.waitFor(({ membership }) => membership.voters.length === 2);
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('y', soon());

    cluster.wires.heal();
    await old.awaitCommands(1);

    expect(await change).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST' });
    expect(old.metrics.membership.voters).toEqual([three]);
  });

  test('adding a learner that is still catching up rejects (row 83)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    const adding = outcomeOf(old.raft.addLearner('x', {}, soon()));
    await old.waitFor(({ membership, committed }) => {
      return 'x' in membership.nodes && committed.index >= membership.logId.index;
    });

    cluster.isolate(old.id);

    expect(await adding).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
  });
});

test('a joint membership survives the restart of all nodes and is completed', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const leader = await cluster.awaitLeader();
  const [one, two] = cluster.others(leader);
  for (const other of cluster.others(leader)) cluster.wires.cut(other.id, leader.id);
  const kept = [leader.id, one?.id ?? ''];
  const change = outcomeOf(leader.raft.changeVoters(kept, soon()));
  await two?.waitFor(({ membership }) => membership.voters.length === 2);
  await one?.waitFor(({ membership }) => membership.voters.length === 2);

  await Promise.all(three.map((id) => cluster.stop(id)));
  cluster.wires.heal();
  await Promise.all(three.map((id) => cluster.start(id)));
  const next = await cluster.awaitLeader();
  const { membership } = await cluster
    .node(kept[1] ?? '')
    .waitFor((seen) => seen.membership.voters.length === 1);

  expect(await change).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: true });
  expect(membership.voters).toEqual([kept]);
  expect(next.metrics.fatal).toBeUndefined();
});
