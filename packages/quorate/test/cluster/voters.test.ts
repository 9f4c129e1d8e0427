import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

describe('a node that is made a voter', () => {
  test('has caught up before the change begins (row 69)', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...calm, catchUpEntries: 10 } });
    const { raft } = cluster.first;
    await addLearners(cluster, ['b']);
    cluster.node('b').store.hold();
    await Promise.all(Array.from({ length: 50 }, (_, at) => raft.write(at, soon())));

    const change = raft.changeVoters(['a', 'b'], soon());
    await turns(20);
    const { membership } = raft.metrics;
    cluster.node('b').store.release();
    const changed = await change;

    expect(membership.voters).toEqual([['a']]);
    expect(changed.voters).toEqual([['a', 'b']]);
  });

  test('and does not catch up in time is refused, with what it lacks (row 69)', async () => {
    const config = { ...calm, catchUpEntries: 10, catchUpTimeoutMs: 50 };
    await using cluster = await Cluster.of(['a'], { config });
    const { raft } = cluster.first;
    await addLearners(cluster, ['b']);
    cluster.node('b').store.hold();
    await Promise.all(Array.from({ length: 50 }, (_, at) => raft.write(at, soon())));
    const { last } = raft.metrics;

    const refused = raft.changeVoters(['a', 'b'], soon());

    await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(refused).rejects.toThrow(/b lacks \d+ entries, and may lack 10/);
    expect(raft.metrics.last).toEqual(last);
    await raft.write('still alone', soon());
    cluster.node('b').store.release();
    await raft.changeVoters(['a', 'b'], soon());
  });

  test('and is down is refused, and the cluster goes on without it (row 69)', async () => {
    const config = { ...quick, catchUpTimeoutMs: 50 };
    await using cluster = await Cluster.of(['a'], { config });
    const { raft } = cluster.first;
    await raft.addLearner('b', {}, { ...soon(), wait: false });

    const refused = raft.changeVoters(['a', 'b'], soon());

    await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(refused).rejects.toThrow('b did not answer within the last 200 ms');
    await raft.write('on', soon());
    expect(raft.metrics.membership.voters).toEqual([['a']]);
  });

  test('and is down becomes one with force, and then nothing is committed without it', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    await raft.addLearner('b', {}, { ...soon(), wait: false });

    const change = outcomeOf(raft.changeVoters(['a', 'b'], { ...soon(), force: true }));
    await raft.waitFor(({ membership }) => membership.voters.length === 2, soon());
    await turns(10);

    expect(raft.metrics.committed.index).toBeLessThan(raft.metrics.membership.logId.index);
    await cluster.start('b');
    expect(await change).toMatchObject({ voters: [['a', 'b']] });
  });

  test('is waited for no longer than the caller wants', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    await raft.addLearner('b', {}, { ...soon(), wait: false });
    const controller = new AbortController();
    const { last } = raft.metrics;

    const change = raft.changeVoters(['a', 'b'], { signal: controller.signal });
    await turns(2);
    controller.abort(new Error('enough'));

    await expect(change).rejects.toThrow('enough');
    expect(raft.metrics.last).toEqual(last);
  });

  test('while the leader changes is not, and the caller hears who leads', async () => {
    await using cluster = await Cluster.of(three, { config: { ...quick, forwardWrites: false } });
    const leader = await cluster.awaitLeader();
    await leader.raft.addLearner('x', {}, { ...soon(), wait: false });
    const change = outcomeOf(leader.raft.changeVoters([...three, 'x'], soon()));

    await leader.raft.transferLeadership(undefined, soon());

    expect(await change).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
  });
});

describe('a change of voters that leaves too few that answer', () => {
  test('is refused (row 69)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [dead, other] = cluster.others(leader) as [TestNode, TestNode];
    await cluster.stop(dead.id);
    await leader.waitFor(({ progress }) => isSilent(progress?.get(dead.id)?.lastAckAt));

    const refused = leader.raft.changeVoters([leader.id, dead.id], soon());

    await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(refused).rejects.toThrow('only 1 answered within the last 200 ms');
    const kept = await leader.raft.changeVoters([leader.id, other.id], soon());
    expect(kept.voters).toEqual([[leader.id, other.id]]);
    await writeTo(cluster, [leader.id, other.id]);
  });
});

describe('a change of membership', () => {
  test('to what it is already still goes through joint consensus (row 61)', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const before = raft.metrics.membership.logId.index;

    const { logId } = await raft.changeVoters(three, soon());

    expect(logId.index).toBe(before + 3);
  });

  test('that is not committed is in no snapshot, and is rolled back (row 66)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    await writeTo(cluster, three);
    cluster.isolate(old.id);
    const change = outcomeOf(old.raft.changeVoters([old.id], { ...soon(), force: true }));
    await old.waitFor(({ membership }) => membership.voters.length === 2);

    await old.raft.takeSnapshot(soon());
    const snapshot = await old.storage.snapshots.current();
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('on', soon());
    cluster.wires.heal();
    await old.awaitCommands(2);

    expect(snapshot?.meta.membership.voters).toEqual([three]);
    expect(await change).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST' });
    expect(old.metrics.membership.voters).toEqual([three]);
  });

  test('that is joint survives snapshots and restarts of all, and is completed (row 65)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [one, two] = cluster.others(leader) as [TestNode, TestNode];
    await writeTo(cluster, three);
    for (const other of [one, two]) cluster.wires.cut(other.id, leader.id);
    const kept = [leader.id, one.id];
    const change = outcomeOf(leader.raft.changeVoters(kept, soon()));
    await Promise.all(
      [one, two].map((node) => node.waitFor(({ membership }) => membership.voters.length === 2)),
    );

    for (const { raft } of cluster.all) await raft.takeSnapshot(soon());
    await Promise.all(three.map((id) => cluster.stop(id)));
    cluster.wires.heal();
    await Promise.all(three.map((id) => cluster.start(id)));
    await cluster.awaitLeader();
    await cluster.node(one.id).waitFor(({ membership }) => membership.voters.length === 1);

    expect(cluster.node(one.id).metrics.membership.voters).toEqual([kept]);
    expect(await change).toMatchObject({ maybeApplied: true });
  });
});

function isSilent(lastAckAt: number | undefined): boolean {
  return lastAckAt === undefined || performance.now() - lastAckAt > 200;
}
