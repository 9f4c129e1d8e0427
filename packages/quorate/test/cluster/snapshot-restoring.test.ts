import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';
import { bare, leaveBehind, purgeAll, writeMany } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

describe('restoring a snapshot', () => {
  test('is over before any entry after it is applied (row 55)', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    await leaveBehind(cluster, ['c']);
    const restoring = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const { machine } = await cluster.start('c');
    let applies = 0;
    machine.onApply = () => void (applies += 1);
    machine.onRestore = async () => {
      restoring.resolve();
      await opened.promise;
      expect(applies).toBe(0);
    };

    await restoring.promise;
    const last = await writeMany(cluster.first, 10);
    await cluster.node('c').waitFor((metrics) => metrics.last.index === last);
    await turns(5);
    expect(cluster.node('c').metrics.applied.index).toBe(0);
    opened.resolve();
    await cluster.awaitApplied(last);

    expect(machine.commands).toEqual(cluster.first.machine.commands);
  });

  test('that throws stops the node, and the next start does it again', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    const { index } = await leaveBehind(cluster, ['c']);
    const node = await cluster.start('c');
    node.machine.onRestore = () => {
      throw new Error('no such table');
    };

    const stopped = await outcomeOf(node.waitFor(({ applied }) => applied.index >= index));
    expect(stopped).toMatchObject({ code: 'RAFT_FATAL' });
    expect(String(stopped)).toContain('no such table');
    expect(node.metrics).toMatchObject({ isRunning: false, fatal: { code: 'RAFT_FATAL' } });
    await cluster.restart('c');

    expect(node.machine.restored).toHaveLength(1);
    await cluster.awaitApplied(await writeMany(cluster.first, 1));
  });

  test('ends before the node is closed, and is done again at the next start', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    await leaveBehind(cluster, ['c']);
    const node = await cluster.start('c');
    const restoring = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    node.machine.onRestore = async () => {
      restoring.resolve();
      await opened.promise;
    };
    await restoring.promise;
    let isClosed = false;

    const closing = cluster.stop('c').then(() => (isClosed = true));
    await turns(5);
    expect(isClosed).toBe(false);
    opened.resolve();
    await closing;
    await cluster.start('c');

    expect(node.machine.restored).toHaveLength(1);
    await cluster.awaitApplied(await writeMany(cluster.first, 1));
  });

  test('of a node that leads meanwhile holds nothing up but applying', async () => {
    const config = { ...quick, keepBytes: 0 };
    await using cluster = await Cluster.of(['a', 'b'], { config: { ...calm, keepBytes: 0 } });
    await cluster.start('c');
    await cluster.first.raft.addLearner('c', {}, soon());
    await cluster.first.raft.changeVoters(['a', 'b', 'c'], soon());
    await leaveBehind(cluster, ['c']);
    // Only `c` campaigns, as soon as it hears of nobody.
    const node = await cluster.start('c', config);
    const opened = Promise.withResolvers<void>();
    const restoring = Promise.withResolvers<void>();
    node.machine.onRestore = async () => {
      restoring.resolve();
      await opened.promise;
    };
    await restoring.promise;

    await cluster.stop('a');
    await cluster.restart('b', config);
    const leader = await cluster.awaitLeader();
    const written = leader.raft.write('late', soon());
    await turns(20);
    opened.resolve();
    const { logId } = await written;

    await cluster.awaitApplied(logId.index);
    expect(node.machine.commands.at(-1)).toBe('late');
  });
});

describe('calls that wait on a node whose state is replaced', () => {
  test('are told: a write took effect without a response, a read has its state', async () => {
    const config = { ...quick, keepBytes: 0 };
    await using cluster = await Cluster.of(three, { config });
    const old = await cluster.awaitLeader();
    const first = await old.raft.write('first', soon());
    const applying = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    old.machine.onApply = () => {
      applying.resolve();
      return opened.promise;
    };
    const underWay = outcomeOf(old.raft.write('under way', soon()));
    await applying.promise;
    const covered = outcomeOf(old.raft.write('covered', soon()));
    await old.waitFor(({ committed }) => committed.index === first.logId.index + 2);
    const read = outcomeOf(old.raft.readBarrier(soon()));
    await old.waitFor(({ role }) => role === 'leader');
    await turns(50);

    cluster.isolate(old.id);
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('next', soon());
    await purgeAll(next);
    await old.waitFor(({ role }) => role !== 'leader');
    cluster.wires.heal();
    await old.waitFor(({ purged }) => purged.index >= next.metrics.purged.index);
    opened.resolve();

    expect(await underWay).toMatchObject({ response: 2 });
    expect(await covered).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
    expect(String(await covered)).toContain('took effect');
    expect(await read).toBe(first.logId.index + 2);
    await cluster.awaitApplied(next.metrics.last.index);
    expect(old.machine.commands).toEqual(['first', 'under way', 'covered', 'next']);
  });
});

describe('a node that grows up by a snapshot', () => {
  test('as a new learner is made a voter, and knows the whole membership', async () => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    await writeMany(cluster.first, 20);
    await purgeAll(cluster.first);
    await cluster.start('b');
    const node = cluster.node('b');

    await cluster.first.raft.addLearner('b', node.info, soon());
    await cluster.first.raft.changeVoters(['a', 'b'], soon());
    await cluster.awaitApplied(cluster.first.metrics.last.index);

    expect(node.machine.restored).toHaveLength(1);
    expect(node.metrics.membership.voters).toEqual([['a', 'b']]);
    expect(node.metrics.role).toBe('follower');
    const { identity } = await node.raft.rpc.identify();
    expect(identity.cluster).toBe(cluster.first.metrics.membership.cluster);
    await cluster.restart('b');
    await cluster.awaitApplied(await writeMany(cluster.first, 3));
  });

  test('learns from it that it is a voter, though it was away for the change', async () => {
    await using cluster = await Cluster.of(['a', 'b'], { config: bare });
    await cluster.start('c');
    await cluster.first.raft.addLearner('c', cluster.node('c').info, soon());
    await cluster.stop('c');
    await cluster.first.raft.changeVoters(three, soon());
    await writeMany(cluster.first, 5);
    await purgeAll(cluster.first);

    const node = await cluster.start('c');
    expect(node.metrics.role).toBe('learner');
    await cluster.awaitApplied(cluster.first.metrics.last.index);

    expect(node.machine.restored).toHaveLength(1);
    expect(node.metrics.role).toBe('follower');
    expect(node.metrics.membership.voters).toEqual([three]);
  });
});
