import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../src/errors.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

describe('a node that leaves', () => {
  test('and leads hands over first, and the others have no election to wait for', async () => {
    await using cluster = await Cluster.of(three);

    await cluster.first.raft.leave(soon());

    const rest = [cluster.node('b'), cluster.node('c')];
    const next = await cluster.awaitLeader(rest);
    await next.waitFor(({ membership }) => membership.voters.length === 1);
    expect(next.metrics.membership.voters).toEqual([['b', 'c']]);
    expect(next.metrics.term).toBe(2);
    await next.raft.write('on', soon());
  });

  test('and leads removes itself if nobody takes over', async () => {
    await using cluster = await Cluster.of(three);
    await addLearners(cluster, ['d']);
    const { raft } = cluster.first;
    cluster.wires.onCall = ({ call }) => {
      if (call === 'timeoutNow') throw new UnreachableError('refused');
    };

    await raft.leave(soon());

    const rest = [cluster.node('b'), cluster.node('c')];
    const kept = await cluster.node('b').waitFor(({ membership }) => !('a' in membership.nodes));
    expect(kept.membership.voters).toEqual([['b', 'c']]);
    for (const { metrics } of rest) expect(metrics.isRunning).toBe(true);
    expect(raft.metrics.isRunning).toBe(false);
  });

  test('and is a learner is gone as well', async () => {
    await using cluster = await Cluster.of(three);
    await addLearners(cluster, ['d']);
    await writeTo(cluster, ['d']);

    await cluster.node('d').raft.leave(soon());

    expect(Object.keys(cluster.first.metrics.membership.nodes)).toEqual(three);
  });

  test('as the only voter is told that it cannot, and runs on', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;

    const leaving = raft.leave(soon());

    await expect(leaving).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(leaving).rejects.toThrow('a is the only voter');
    await raft.write('on', soon());
  });

  test('is told so if the others could not go on without it, and runs on (row 69)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [dead, leaving] = cluster.others(leader) as [TestNode, TestNode];
    await cluster.stop(dead.id);
    await leader.waitFor(({ progress }) => {
      return performance.now() - (progress?.get(dead.id)?.lastAckAt ?? 0) > 200;
    });

    const refused = leaving.raft.leave(soon());

    await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(refused).rejects.toThrow('only 1 answered');
    await cluster.write('on');
  });

  test('asks again when an answer is lost, until it is out', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [leaving] = cluster.others(leader) as [TestNode];
    cluster.wires.cut(leader.id, leaving.id);
    const left = leaving.raft.leave(soon());
    await leader.waitFor(({ membership }) => !(leaving.id in membership.nodes));

    cluster.wires.heal();
    await left;

    expect(leaving.metrics.isRunning).toBe(false);
  });

  test('stops asking when its signal says so, and runs on', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [leaving] = cluster.others(leader) as [TestNode];
    cluster.isolate(leaving.id);
    const controller = new AbortController();
    const left = outcomeOf(leaving.raft.leave({ signal: controller.signal }));
    await turns(5);

    controller.abort(new Error('enough'));

    expect(await left).toMatchObject({ message: 'enough' });
    expect(leaving.metrics.isRunning).toBe(true);
  });

  test('and belongs to no cluster just ends', async () => {
    await using cluster = await Cluster.passive(['a']);

    await cluster.first.raft.leave(soon());

    expect(cluster.first.metrics.isRunning).toBe(false);
  });

  test('all but one, one after the other, lose nothing', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd', 'e'], { config: quick });
    for (let at = 0; at < 4; at += 1) {
      await cluster.write(at);
      const leader = await cluster.awaitLeader();
      await leader.raft.leave(soon());
      leader.isRunning = false;
    }

    const last = await cluster.awaitLeader();
    await last.raft.write('end', soon());

    expect(last.machine.commands).toEqual([0, 1, 2, 3, 'end']);
    expect(last.metrics.membership.voters).toEqual([[last.id]]);
  });
});
