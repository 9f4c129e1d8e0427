import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/core/types.ts';
import { copyOf } from './disks.ts';
import { Cluster, outcomeOf, quick, soon, speak, type TestNode, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

/** Resolves with why the node is in quarantine. */
async function reasonOf(node: TestNode): Promise<string> {
  const { quarantine } = await node.waitFor((metrics) => metrics.quarantine !== undefined);
  return quarantine ?? '';
}

/** Whether `id` would vote for a candidate that is ahead of everybody. */
async function wouldVote(cluster: Cluster, id: NodeId, by: NodeId): Promise<boolean> {
  const { from } = speak(by, id);
  const { granted } = await cluster.node(id).raft.rpc.requestVote(
    {
      term: 90,
      candidate: by,
      lastLogId: { term: 89, index: 900 },
      preVote: false,
      transfer: true,
    },
    { ...(from && { from }), to: { node: id } },
  );
  return granted;
}

describe('a voter that comes back with an empty disk', () => {
  test('is refused, knows why, and votes for nobody (row 68)', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    await cluster.stop('c');
    const match = cluster.first.metrics.progress?.get('c')?.matchIndex;

    cluster.replaceDisk('c');
    const wiped = await cluster.start('c');
    const reason = await reasonOf(wiped);
    await cluster.write('on');
    await turns(5);

    expect(reason).toContain('Node c has another disk than node a knows by this name');
    expect(reason).toContain('add a node with an empty disk under a new name');
    expect(wiped.metrics.last.index).toBe(0);
    expect(cluster.first.metrics.progress?.get('c')?.matchIndex).toBe(match);
    const vote = cluster.node('c').raft.rpc.requestVote(
      {
        term: 90,
        candidate: 'b',
        lastLogId: { term: 89, index: 900 },
        preVote: false,
        transfer: true,
      },
      { ...speak('b', 'c'), to: await callOf(cluster, 'c') },
    );
    await expect(vote).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
  });

  test('does not let the cluster lose what it had acknowledged (row 68)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [kept, lagging] = cluster.others(leader) as [TestNode, TestNode];
    cluster.isolate(lagging.id);
    await leader.raft.write('acknowledged', soon());
    await cluster.stop(leader.id);
    await cluster.stop(kept.id);
    cluster.replaceDisk(kept.id);
    cluster.wires.heal();

    // The lagging one could win with the vote of the one that has forgotten.
    await cluster.start(kept.id);
    await reasonOf(cluster.node(kept.id));
    expect(cluster.running.map(({ metrics }) => metrics.role)).not.toContain('leader');
    await cluster.start(leader.id);
    const next = await cluster.awaitLeader();

    expect(next.id).toBe(leader.id);
    expect(await lagging.awaitCommands(1)).toEqual(['acknowledged']);
  });

  test('and has got entries all the same counts for nothing once it is told (row 68)', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    const { identity: from } = await cluster.first.raft.rpc.identify();
    const told = cluster.node('c');
    const to = { node: 'c', incarnation: 'the disk they know' };

    const call = told.raft.rpc.identify({ from, to });

    await expect(call).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(await reasonOf(told)).toContain('the cluster means the disk they know');
    expect(await wouldVote(cluster, 'c', 'b')).toBe(false);
    await writeTo(cluster, ['a', 'b']);
  });

  test('and is a node for another cluster, if that is where it goes', async () => {
    await using cluster = await Cluster.of(three);
    await cluster.stop('c');
    cluster.replaceDisk('c');
    const wiped = await cluster.start('c');
    await reasonOf(wiped);
    cluster.isolate('c');

    await wiped.raft.initialize({ c: {} }, soon());
    await cluster.awaitLeader([wiped]);

    expect(wiped.metrics).toMatchObject({ role: 'leader', quarantine: undefined });
    await wiped.raft.close();
    cluster.nodes.delete('c');
  });
});

describe('a voter that comes back with an old copy of its disk', () => {
  test('is found out by its count of starts', async () => {
    await using cluster = await Cluster.of(three);
    await cluster.restart('c');
    const backup = await copyOf(cluster.node('c').store);
    const third = await cluster.restart('c');
    await third.waitFor(({ leader }) => leader === 'a');
    await allKnow(cluster, 'c', 3);
    await cluster.stop('c');

    cluster.replaceDisk('c', backup);
    const old = await cluster.start('c');

    expect(await reasonOf(old)).toContain('Node c runs on an old copy of its disk');
    expect(await wouldVote(cluster, 'c', 'b')).toBe(false);
    expect(old.metrics.role).not.toBe('leader');
  });

  test('is found out by what it had acknowledged', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    const backup = await copyOf(cluster.node('c').store);
    await writeTo(cluster, three);
    await cluster.first.waitFor(({ progress, last }) => {
      return progress?.get('c')?.matchIndex === last.index;
    });
    await cluster.stop('c');

    cluster.replaceDisk('c', backup);
    const old = await cluster.start('c');

    expect(await reasonOf(old)).toContain('The disk of node c has lost entries: its log ends at 3');
    expect(await wouldVote(cluster, 'c', 'b')).toBe(false);
  });

  test('is found out by a leader that leads no more', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [other, lost] = cluster.others(leader) as [TestNode, TestNode];
    await writeTo(cluster, three);
    const { last } = lost.metrics;
    const short = await copyOf(lost.store, last.index - 1);
    await leader.waitFor(({ progress }) => progress?.get(lost.id)?.matchIndex === last.index);
    await leader.raft.transferLeadership(other.id, soon());
    await cluster.awaitLeader([other]);
    await cluster.stop(lost.id);
    cluster.wires.cut(other.id, lost.id);

    cluster.replaceDisk(lost.id, short);
    await cluster.start(lost.id);

    expect(await reasonOf(cluster.node(lost.id))).toContain(`to node ${leader.id}`);
  });
});

describe('a node that has lost nothing is not suspected', () => {
  test('when what it had acknowledged and was not committed is truncated', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd', 'e'], { config: quick });
    const old = await cluster.awaitLeader();
    const [friend, ...rest] = cluster.others(old) as [TestNode, ...TestNode[]];
    const names = rest.map(({ id }) => id);
    for (const id of names) {
      for (const one of [old.id, friend.id]) {
        cluster.wires.cut(one, id);
        cluster.wires.cut(id, one);
      }
    }
    const lost = [1, 2, 3].map((at) => outcomeOf(old.raft.write(at, soon())));
    const { last } = old.metrics;
    await friend.waitFor(({ durable }) => durable.index >= last.index);
    const next = await cluster.awaitLeader(rest);
    await next.raft.write('kept', soon());
    await old.waitFor(({ role }) => role !== 'leader');
    cluster.wires.heal();
    await cluster.awaitApplied(next.metrics.committed.index);

    const back = await cluster.restart(friend.id);
    await turns(20);
    await cluster.awaitApplied(next.metrics.committed.index);

    expect(back.metrics.quarantine).toBeUndefined();
    for (const outcome of await Promise.all(lost)) expect(outcome).toBeInstanceOf(Error);
  });

  test('over many restarts of all, one after the other and at once', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    for (let round = 0; round < 3; round += 1) {
      for (const id of three) {
        await cluster.write({ round, id });
        await cluster.restart(id);
      }
      await Promise.all(three.map((id) => cluster.stop(id)));
      await Promise.all(three.map((id) => cluster.start(id)));
    }
    await cluster.write('end');

    for (const { metrics } of cluster.all) expect(metrics.quarantine).toBeUndefined();
  });

  test('when its question is repeated, or its answer was lost', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    cluster.wires.cut('b', 'c');
    const node = await cluster.restart('c');
    await node.waitFor(({ leader }) => leader === 'a');

    cluster.wires.heal();
    const { identity } = await node.raft.rpc.identify();
    const from = { ...identity, run: 'x' };
    const first = await cluster.node('b').raft.rpc.identify({ from, to: { node: 'b' } });
    const again = await cluster.node('b').raft.rpc.identify({ from, to: { node: 'b' } });

    expect(again.remembers).toEqual(first.remembers);
    expect(node.metrics.quarantine).toBeUndefined();
  });

  test('by a call from a stranger', async () => {
    await using cluster = await Cluster.of(['a']);
    const { rpc } = cluster.first.raft;
    const from = { cluster: 'another', node: 'z', incarnation: 'i', starts: 1 };

    const call = rpc.identify({ from, to: { node: 'a', incarnation: 'wiped' } });

    await expect(call).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(cluster.first.metrics.quarantine).toBeUndefined();
  });
});

describe('a node that was removed while it was cut off', () => {
  test('learns it from the others, and stops asking them (row 70)', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd'], { config: quick });
    const leader = await cluster.awaitLeader();
    const [removed, ...rest] = cluster.others(leader) as [TestNode, ...TestNode[]];
    cluster.isolate(removed.id);
    const voters = [leader, ...rest].map(({ id }) => id);
    await leader.raft.changeVoters(voters, soon());

    cluster.wires.heal();
    const reason = await reasonOf(removed);
    let asked = 0;
    cluster.wires.onCall = ({ from }) => void (asked += from === removed.id ? 1 : 0);
    await writeTo(cluster, voters);

    expect(reason).toContain(`Node ${removed.id} was removed from the cluster by entry`);
    expect(asked).toBe(0);
    expect(removed.metrics.role).not.toBe('candidate');
  });

  test('and does not mind a learner that hears of a newer membership first', async () => {
    await using cluster = await Cluster.of(['a']);
    await addLearners(cluster, ['b', 'c']);
    const learner = await cluster.restart('b');

    await writeTo(cluster, ['a', 'b', 'c']);

    expect(learner.metrics.quarantine).toBeUndefined();
  });
});

/** Whom the members mean by `id`. */
async function callOf(
  cluster: Cluster,
  id: NodeId,
): Promise<{ node: NodeId; incarnation: string }> {
  const { nodes } = cluster.first.metrics.membership;
  return { node: id, incarnation: nodes[id]?.incarnation ?? '' };
}

/** Resolves once each other node has heard of the newest start of `id`. */
async function allKnow(cluster: Cluster, id: NodeId, starts: number): Promise<void> {
  const { identity } = await cluster.node(id).raft.rpc.identify();
  for (const other of cluster.others(cluster.node(id))) {
    for (let tries = 0; ; tries += 1) {
      const from = { ...identity, starts: 0, run: 'a look' };
      const { remembers } = await other.raft.rpc.identify({ from, to: { node: other.id } });
      if ((remembers?.starts ?? 0) >= starts) break;
      expect(tries).toBeLessThan(1000);
      await turns(1);
    }
  }
}
