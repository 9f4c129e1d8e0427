import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

describe('a change of voters', () => {
  test.each([
    { from: ['a'], to: ['a', 'b', 'c'] },
    { from: ['a', 'b'], to: ['b', 'c'] },
    { from: ['a', 'b'], to: ['b'] },
    { from: ['a', 'b', 'c'], to: ['d', 'e', 'f'] },
    { from: ['a', 'b', 'c', 'd', 'e'], to: ['a', 'b', 'c', 'd'] },
    { from: ['a', 'b', 'c', 'd'], to: ['a', 'b', 'c'] },
    { from: ['a', 'b', 'c'], to: ['a', 'b', 'c'] },
    { from: ['a', 'b', 'c'], to: ['a', 'b', 'c', 'd', 'e'] },
  ])('from $from to $to', async ({ from, to }) => {
    await using cluster = await Cluster.of(from, { config: quick });
    await cluster.write('start');
    await addLearners(
      cluster,
      to.filter((id) => !from.includes(id)),
    );

    const leader = await cluster.awaitLeader();
    const membership = await leader.raft.changeVoters(to, soon());
    await writeTo(cluster, to);

    expect(membership.voters).toEqual([to]);
    expect(Object.keys(membership.nodes).sort()).toEqual(to);
    for (const id of to) {
      expect(cluster.node(id).metrics.membership).toEqual(membership);
      expect(cluster.node(id).machine.commands).toEqual(['start', 'end']);
    }
  });

  test('goes through a joint membership, in force when it is appended (row 62)', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.node('b').store.hold();
    const change = raft.changeVoters(['a', 'b'], soon());

    const { membership, committed } = await raft.waitFor((metrics) => {
      return metrics.membership.voters.length === 2;
    }, soon());
    cluster.node('b').store.release();

    expect(membership.voters).toEqual([three, ['a', 'b']]);
    expect(membership.leaving).toEqual(['c']);
    expect(committed.index).toBeLessThan(membership.logId.index);
    expect(await change).toMatchObject({ voters: [['a', 'b']] });
  });

  test('is refused if other voters are in force than it was derived from', async () => {
    await using cluster = await Cluster.of(three);
    await addLearners(cluster, ['d', 'e']);
    const { raft } = await cluster.awaitLeader();
    const { membership: basedOn } = raft.metrics;
    await raft.changeVoters([...three, 'd'], { ...soon(), basedOn });

    const late = raft.changeVoters([...three, 'e'], { ...soon(), basedOn });

    await expect(late).rejects.toMatchObject({ code: 'RAFT_CHANGE_IN_PROGRESS' });
    expect(raft.metrics.membership.voters).toEqual([[...three, 'd']]);
  });

  test('keeps removed voters as learners if asked to', async () => {
    await using cluster = await Cluster.of(three);

    const { raft } = cluster.first;
    const membership = await raft.changeVoters(['a', 'b'], { ...soon(), keepRemoved: true });
    await writeTo(cluster, three);

    expect(membership.voters).toEqual([['a', 'b']]);
    expect(Object.keys(membership.nodes)).toEqual(three);
    expect(cluster.node('c').metrics.role).toBe('learner');
  });

  test('that removes the leader is completed by it; then it steps down and another leads (row 72)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    const rest = cluster.others(old);

    const voters = rest.map(({ id }) => id);
    const membership = await old.raft.changeVoters(voters, soon());
    const next = await cluster.awaitLeader(rest);
    await next.raft.write('x', soon());

    expect(membership.voters).toEqual([voters]);
    expect(old.metrics).toMatchObject({ role: 'learner', leader: undefined });
    await expect(old.raft.write('y', soon())).rejects.toMatchObject({ code: 'RAFT_NOT_LEADER' });
  });

  test('that names a node which is no member is refused, and nothing is appended', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const { last } = raft.metrics;

    for (const voters of [['a', 'b', 'x'], [], ['a', 'a']]) {
      await expect(raft.changeVoters(voters, soon())).rejects.toMatchObject({
        code: 'RAFT_INVALID_MEMBERSHIP',
      });
    }
    await expect(raft.changeVoters(['x'], soon())).rejects.toThrow(
      'x is not a member (the members are a, b, c); add it as a learner first',
    );

    expect(raft.metrics.last).toEqual(last);
  });

  test('needs a majority of both sets: without the new one nothing is committed', async () => {
    await using cluster = await Cluster.of(['a'], { config: calm });
    await addLearners(cluster, ['b', 'c']);
    cluster.isolate('b');
    cluster.isolate('c');
    const { raft } = cluster.first;
    const change = raft.changeVoters(['b', 'c', 'a'], soon());
    const { logId: joint } = (
      await raft.waitFor(({ membership }) => membership.voters.length === 2, soon())
    ).membership;
    let isWritten = false;
    const write = raft.write('x', soon()).then(() => (isWritten = true));

    await turns(10);
    expect(isWritten).toBe(false);
    // By the old set alone the joint entry would be committed, and the final one after it not.
    expect(raft.metrics.committed.index).toBeLessThan(joint.index);
    expect(raft.metrics.membership.logId).toEqual(joint);
    cluster.wires.heal();

    await Promise.all([change, write]);
  });

  test('is finished by the next leader if the one that began it dies', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const old = await cluster.awaitLeader();
    const [one, two] = cluster.others(old);
    const kept = [one?.id ?? '', two?.id ?? ''];
    // The joint entry gets through, and no commit of it gets back.
    for (const other of cluster.others(old)) cluster.wires.cut(other.id, old.id);
    const change = outcomeOf(old.raft.changeVoters(kept, soon()));
    await Promise.all(
      cluster
        .others(old)
        .map((node) => node.waitFor(({ membership }) => membership.voters.length > 1)),
    );
    await cluster.stop(old.id);

    const next = await cluster.awaitLeader();
    const { membership } = await next.waitFor(
      (metrics) =>
        metrics.membership.voters.length === 1 &&
        metrics.committed.index >= metrics.membership.logId.index,
    );

    expect(membership.voters).toEqual([kept]);
    expect(await change).toMatchObject({ maybeApplied: true });
    await next.raft.write('x', soon());
  });
});

describe('one change at a time', () => {
  test('a second one is refused while the first is under way', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.isolate('a');
    const first = raft.addLearner('x', {}, { ...soon(), wait: false });
    const { membership } = await raft.waitFor((seen) => 'x' in seen.membership.nodes, soon());

    const refused = { code: 'RAFT_CHANGE_IN_PROGRESS', logId: membership.logId };
    await expect(raft.addLearner('y', {}, soon())).rejects.toMatchObject(refused);
    await expect(raft.changeVoters(['a'], soon())).rejects.toMatchObject(refused);
    await expect(raft.updateNode('b', {}, soon())).rejects.toMatchObject(refused);
    cluster.wires.heal();

    await first;
    await raft.removeLearner('x', soon());
  });

  test('one that is asked for before the leader has committed in its term waits for that', async () => {
    await using cluster = await Cluster.of(['a'], { config: quick });
    await cluster.stop('a');
    const node = cluster.node('a');
    node.store.onWrite = (name) => {
      if (name === 'append') node.store.hold();
    };
    const { raft } = await cluster.start('a');
    await raft.waitFor(({ role }) => role === 'leader', soon());

    const early = raft.addLearner('b', {}, { ...soon(), wait: false });

    await turns(20);
    expect(raft.metrics.membership.nodes).not.toHaveProperty('b');
    node.store.onWrite = () => undefined;
    node.store.release();

    expect(await early).toEqual(raft.metrics.membership.logId);
    expect(raft.metrics.membership.nodes).toHaveProperty('b');
  });

  test('two that end at once are both told so', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const next = (async () => {
      await raft.waitFor(
        ({ membership, committed }) =>
          membership.voters[0]?.length === 2 && committed.index >= membership.logId.index,
        soon(),
      );
      return raft.addLearner('x', {}, { ...soon(), wait: false });
    })();

    const membership = await raft.changeVoters(['a', 'b'], soon());

    expect(membership.voters).toEqual([['a', 'b']]);
    await next;
  });
});
