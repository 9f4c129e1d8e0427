import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/core/types.ts';
import { Cluster, isLeading, outcomeOf, quick, soon, type TestNode } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const changes: readonly { from: readonly NodeId[]; to: readonly NodeId[] }[] = [
  { from: ['a'], to: ['a', 'b', 'c'] },
  { from: ['a', 'b'], to: ['b', 'c'] },
  { from: ['a', 'b'], to: ['b'] },
  { from: ['a', 'b', 'c'], to: ['d', 'e', 'f'] },
  { from: ['a', 'b', 'c', 'd', 'e'], to: ['a', 'b', 'c', 'd'] },
  { from: ['a', 'b', 'c', 'd'], to: ['a', 'b', 'c'] },
  { from: ['a', 'b', 'c'], to: ['a', 'b', 'c', 'd', 'e'] },
];

/** A cluster of `from` that has written, with the others of `to` as learners. */
async function prepared(from: readonly NodeId[], to: readonly NodeId[]): Promise<Cluster> {
  const cluster = await Cluster.of(from, { config: quick });
  await cluster.write('start');
  await addLearners(
    cluster,
    to.filter((id) => !from.includes(id)),
  );
  return cluster;
}

/** Once a change has come to its end, one way or the other, all who belong to it agree. */
async function expectOneMembership(cluster: Cluster): Promise<readonly NodeId[]> {
  await cluster.write('middle');
  const leader = await cluster.awaitLeader();
  const settled = await leader.waitFor(
    ({ membership, committed }) =>
      membership.voters.length === 1 && committed.index >= membership.logId.index,
  );
  const voters = settled.membership.voters.flat();
  await writeTo(cluster, voters);
  for (const id of voters) {
    const { metrics, machine } = cluster.node(id);
    expect(metrics.membership).toEqual(settled.membership);
    expect(machine.commands).toEqual(cluster.node(voters[0] ?? '').machine.commands);
    expect(machine.commands[0]).toBe('start');
  }
  const leaders = cluster.running.filter(({ metrics }) => isLeading(metrics));
  expect(new Set(leaders.map(({ metrics }) => metrics.term)).size).toBe(leaders.length);
  return voters;
}

function isJoint({ metrics }: TestNode): boolean {
  return metrics.membership.voters.length === 2;
}

/** Cuts every wire between two groups. */
function part({ wires }: Cluster, here: readonly TestNode[], there: readonly TestNode[]): void {
  for (const { id } of here) {
    for (const other of there) {
      wires.cut(id, other.id);
      wires.cut(other.id, id);
    }
  }
}

describe('a change of voters (row 70)', () => {
  test.each(changes)(
    'from $from to $to is made or is not, if its leader is cut off',
    async ({ from, to }) => {
      await using cluster = await prepared(from, to);
      const leader = await cluster.awaitLeader();

      cluster.isolate(leader.id);
      const change = outcomeOf(leader.raft.changeVoters(to, { ...soon(), force: true }));
      await leader.waitFor(() => isJoint(leader));
      await leader.waitFor(({ role }) => role !== 'leader');
      cluster.wires.heal();

      expect(await change).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
      expect([from, to]).toContainEqual(await expectOneMembership(cluster));
    },
  );

  test.each(changes)(
    'from $from to $to is made if its leader restarts on the way',
    async ({ from, to }) => {
      await using cluster = await prepared(from, to);
      const leader = await cluster.awaitLeader();
      const others = cluster
        .others(leader)
        .filter(({ id }) => from.includes(id) || to.includes(id));

      // The joint entry gets through, and no answer to it gets back.
      for (const { id } of others) cluster.wires.cut(id, leader.id);
      const change = outcomeOf(leader.raft.changeVoters(to, { ...soon(), force: true }));
      await Promise.all([leader, ...others].map((node) => node.waitFor(() => isJoint(node))));
      await cluster.stop(leader.id);
      cluster.wires.heal();
      await cluster.start(leader.id);

      expect(await change).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: true });
      expect(await expectOneMembership(cluster)).toEqual(to);
    },
  );

  test.each(changes.filter(({ from, to }) => from.length > 2 && to.length > 2))(
    'from $from to $to is made while a minority is cut off, which learns of it later',
    async ({ from, to }) => {
      await using cluster = await prepared(from, to);
      const leader = await cluster.awaitLeader();
      const away = cluster.others(leader).find(({ id }) => from.includes(id)) as TestNode;
      const { term } = leader.metrics;
      cluster.isolate(away.id);

      const { voters } = await leader.raft.changeVoters(to, { ...soon(), force: true });
      expect(voters).toEqual([to]);
      cluster.wires.heal();

      expect(await expectOneMembership(cluster)).toEqual(to);
      expect(away.metrics.term).toBeGreaterThanOrEqual(term);
      expect(away.metrics.role).not.toBe('leader');
    },
  );

  test('is made though a follower restarts while it is joint', async () => {
    await using cluster = await prepared(['a', 'b', 'c'], ['a', 'b', 'd']);
    const leader = await cluster.awaitLeader();
    const others = cluster.others(leader);
    for (const { id } of others) cluster.wires.cut(id, leader.id);
    const to = ['a', 'b', 'c', 'd'];
    const change = outcomeOf(leader.raft.changeVoters(to, { ...soon(), force: true }));
    await Promise.all(others.map((node) => node.waitFor(() => isJoint(node))));

    const restarted = await cluster.restart(others[0]?.id ?? '');
    const afterwards = restarted.metrics.membership.voters;
    cluster.wires.heal();

    expect(afterwards).toEqual([['a', 'b', 'c'], to]);
    expect(await expectOneMembership(cluster)).toEqual(to);
    await change;
  });
});

describe('two halves of a cluster of which one has not heard of the change', () => {
  test('have one leader: the new voters alone decide nothing, whoever leads them (rows 61, 70)', async () => {
    await using cluster = await prepared(['a', 'b', 'c'], ['d', 'e']);
    const old = await cluster.awaitLeader();
    const rest = cluster.others(old).filter(({ id }) => id < 'd');
    const here = [old, cluster.node('d'), cluster.node('e')];
    part(cluster, here, rest);

    const to = here.map(({ id }) => id);
    const change = outcomeOf(old.raft.changeVoters(to, { ...soon(), force: true }));
    const lost = outcomeOf(old.raft.write('lost', soon()));
    await Promise.all(here.map((node) => node.waitFor(() => isJoint(node))));
    const next = await cluster.awaitLeader(rest);
    await next.raft.write('kept', soon());
    const outcomes = [await change, await lost];
    cluster.wires.heal();

    const unknown = { code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true };
    expect(outcomes).toMatchObject([unknown, unknown]);
    expect(await expectOneMembership(cluster)).toEqual(['a', 'b', 'c']);
    expect(next.machine.commands).toContain('kept');
    expect(next.machine.commands).not.toContain('lost');
  });

  test('have one leader: a promoted learner votes before it knows that it may (row 64)', async () => {
    await using cluster = await prepared(['a', 'b', 'c'], ['d']);
    const leader = await cluster.awaitLeader();
    const learner = cluster.node('d');
    cluster.wires.cut(leader.id, 'd');
    const voters = ['a', 'b', 'c', 'd'];
    await leader.raft.changeVoters(voters, { ...soon(), force: true });
    await cluster.awaitApplied(leader.metrics.last.index, [
      ...cluster.others(leader).filter(({ id }) => id !== 'd'),
    ]);
    expect(learner.metrics.role).toBe('learner');

    // Three of four must vote now, and one of the three is the learner.
    await cluster.stop(leader.id);
    const next = await cluster.awaitLeader();
    await writeTo(
      cluster,
      cluster.running.map(({ id }) => id),
    );

    expect(next.id).not.toBe('d');
    expect(learner.metrics).toMatchObject({ role: 'follower', membership: { voters: [voters] } });
  });

  test('have one leader: removed nodes with wiped disks elect nobody (row 69)', async () => {
    const five = ['a', 'b', 'c', 'd', 'e'];
    await using cluster = await prepared(five, five);
    const leader = await cluster.awaitLeader();
    const [kept, away, ...gone] = cluster.others(leader) as [TestNode, TestNode, ...TestNode[]];
    cluster.isolate(away.id);
    const voters = [leader.id, kept.id, away.id];
    await leader.raft.changeVoters(voters, { ...soon(), force: true });
    for (const { id } of gone) await cluster.stop(id);
    cluster.wires.heal();
    part(cluster, [leader, kept], [away, ...gone]);
    // Sixty of these intervals are four election timeouts of the others.
    const beats = Promise.withResolvers<void>();
    let beatCount = 0;
    cluster.wires.onCall = ({ from, to }) => {
      if (from === leader.id && to === kept.id && (beatCount += 1) > 60) beats.resolve();
    };

    for (const { id } of gone) cluster.replaceDisk(id);
    for (const { id } of gone) await cluster.start(id);
    await away.waitFor(({ role }) => role === 'candidate');
    await beats.promise;
    await leader.raft.write('on', soon());

    expect(away.metrics.role).not.toBe('leader');
    expect(away.metrics.membership.voters).toEqual([five]);
    cluster.wires.heal();
    await expectOneMembership(cluster);
  });
});
