import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

describe('a learner', () => {
  test('has everything the leader had when adding it ends', async () => {
    await using cluster = await Cluster.of(['a']);
    for (let at = 0; at < 50; at += 1) await cluster.write({ at });
    const { last } = cluster.first.metrics;
    const learner = await cluster.start('b');

    await cluster.first.raft.addLearner('b', learner.info, soon());

    expect(cluster.first.metrics.progress?.get('b')?.matchIndex).toBeGreaterThanOrEqual(last.index);
    expect(learner.metrics.last.index).toBeGreaterThanOrEqual(last.index);
    expect(await learner.awaitCommands(50)).toEqual(cluster.first.machine.commands);
  });

  test('that is down does not hold up adding it without waiting, nor any commit', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;

    const logId = await raft.addLearner('b', {}, { ...soon(), wait: false });
    await raft.write('x', soon());

    expect(raft.metrics.membership.logId).toEqual(logId);
    expect(raft.metrics.membership.voters).toEqual([['a']]);
  });

  test('that is down can be given up: by the signal, or by removing it', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    const controller = new AbortController();
    const aborted = raft.addLearner('b', {}, { signal: controller.signal });
    const removed = outcomeOf(raft.addLearner('b', {}, soon()));
    await raft.waitFor(({ membership, committed }) => {
      return 'b' in membership.nodes && committed.index >= membership.logId.index;
    }, soon());

    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(await removed).toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await raft.removeLearner('b', soon());
  });

  test('that is removed before it has caught up ends the wait for it', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    const adding = raft.addLearner('b', {}, soon());
    await raft.waitFor(({ membership, committed }) => {
      return 'b' in membership.nodes && committed.index >= membership.logId.index;
    }, soon());

    await raft.removeLearner('b', soon());

    await expect(adding).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(adding).rejects.toThrow('b was removed before it had caught up');
  });

  test('keeps its role over a restart, and gets what it missed', async () => {
    await using cluster = await Cluster.of(['a']);
    await addLearners(cluster, ['b']);
    await cluster.stop('b');
    await cluster.write('missed');

    const learner = await cluster.start('b');

    expect(await learner.awaitCommands(1)).toEqual(['missed']);
    expect(learner.metrics.role).toBe('learner');
  });

  test('does not count: without the only voter nothing is committed', async () => {
    await using cluster = await Cluster.of(['a', 'b']);
    await addLearners(cluster, ['c']);
    await cluster.stop('b');
    let isWritten = false;

    const write = cluster.first.raft.write('x', soon()).then(() => (isWritten = true));
    await cluster.node('c').waitFor(({ last }) => last.index === cluster.first.metrics.last.index);
    await turns(5);
    expect(isWritten).toBe(false);
    await cluster.start('b');

    await write;
  });

  test('that is a member already, or a voter to be removed as one, is refused', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const invalid = { code: 'RAFT_INVALID_MEMBERSHIP' };

    await expect(raft.addLearner('b', {}, soon())).rejects.toMatchObject(invalid);
    await expect(raft.removeLearner('b', soon())).rejects.toMatchObject(invalid);
    await expect(raft.removeLearner('x', soon())).rejects.toMatchObject(invalid);
    await expect(raft.updateNode('x', {}, soon())).rejects.toMatchObject(invalid);
  });
});

describe('a node that was removed', () => {
  test('gets nothing more and does not disturb the others', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd'], { config: quick });
    const leader = await cluster.awaitLeader();
    const [removed] = cluster.others(leader);
    const rest = cluster.all.filter((node) => node !== removed);
    await leader.raft.changeVoters(
      rest.map(({ id }) => id),
      soon(),
    );
    const { term } = leader.metrics;
    let calls = 0;
    cluster.wires.onCall = ({ to }) => {
      if (to === removed?.id) calls += 1;
    };

    await leader.raft.write('x', soon());
    // It hears nobody, and the first campaign that it thinks of tells it why.
    if (removed?.metrics.role !== 'learner') {
      await removed?.waitFor(({ quarantine }) => quarantine?.includes('was removed') === true);
    }

    expect(calls).toBe(0);
    expect(leader.metrics).toMatchObject({ role: 'leader', term });
    expect(leader.metrics.progress?.has(removed?.id ?? '')).toBe(false);
    expect(removed?.machine.commands).toEqual([]);
  });

  test('while it was down stays out when it is back', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd'], { config: quick });
    const leader = await cluster.awaitLeader();
    const [removed] = cluster.others(leader);
    await cluster.stop(removed?.id ?? '');
    const rest = cluster.running.map(({ id }) => id);
    await leader.raft.changeVoters(rest, soon());

    await cluster.start(removed?.id ?? '');
    const told = await removed?.waitFor(({ quarantine }) => quarantine !== undefined);
    const { logId } = await cluster.write('x');
    await cluster.awaitApplied(
      logId.index,
      rest.map((id) => cluster.node(id)),
    );

    expect((await cluster.awaitLeader()).metrics.membership.voters).toEqual([rest]);
    expect(told?.quarantine).toContain('was removed from the cluster by entry');
    expect(removed?.machine.commands).toEqual([]);
  });

  test('comes back with a new disk under a new name', async () => {
    await using cluster = await Cluster.of(three);
    await cluster.write('x');
    const { raft } = cluster.first;
    await raft.changeVoters(['a', 'b'], soon());
    await cluster.stop('c');

    await addLearners(cluster, ['c2']);
    await raft.changeVoters(['a', 'b', 'c2'], soon());
    await writeTo(cluster, ['a', 'b', 'c2']);

    expect(cluster.node('c2').machine.commands).toEqual(['x', 'end']);
    expect(cluster.node('c2').metrics.role).toBe('follower');
  });
});

describe('the information about a node', () => {
  test('is replicated, and calls go to the new address', async () => {
    await using cluster = await Cluster.of(three);
    const info = { address: 'elsewhere:1', data: { zone: 'west' } };

    await cluster.first.raft.updateNode('b', info, soon());
    await writeTo(cluster, three);

    for (const { metrics } of cluster.all) {
      const { incarnation: _, ...known } = metrics.membership.nodes['b'] ?? {};
      expect(known).toEqual(info);
    }
  });

  test('can be changed about the leader itself', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, forwardWrites: false } });
    await cluster.first.raft.updateNode('a', { address: 'new:1' }, soon());
    await writeTo(cluster, three);

    await expect(cluster.node('b').raft.write('x', soon())).rejects.toMatchObject({
      leader: { id: 'a', info: { address: 'new:1' } },
    });
  });
});
