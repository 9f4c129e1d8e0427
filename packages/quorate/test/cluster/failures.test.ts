import { describe, expect, test } from 'vitest';
import { FatalError } from '../../src/errors.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';

const broken = new Error('input/output error');

async function leaderAndOthers(cluster: Cluster): Promise<[TestNode, TestNode[]]> {
  const leader = await cluster.awaitLeader();
  return [leader, cluster.others(leader)];
}

describe('a throw in apply', () => {
  test('stops every node alike, and the writer gets the cause', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    for (const { machine } of cluster.all) {
      machine.onApply = () => {
        throw broken;
      };
    }

    const write = cluster.first.raft.write('poison', soon());

    await expect(write).rejects.toMatchObject({
      code: 'RAFT_FATAL',
      cause: broken,
      maybeApplied: true,
    });
    await expect(write).rejects.toThrow('Node a stopped: input/output error');
    expect(cluster.first.metrics.fatal).toBeInstanceOf(FatalError);
  });

  test('on one follower stops that one, and the others go on', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    cluster.node('c').machine.onApply = () => Promise.reject(broken);

    await cluster.write('x');
    const { fatal } = await cluster.node('c').waitFor((metrics) => metrics.fatal !== undefined);
    const { logId } = await cluster.write('y');
    await cluster.awaitApplied(logId.index, [cluster.node('a'), cluster.node('b')]);

    expect(fatal?.cause).toBe(broken);
    expect(cluster.node('b').machine.commands).toEqual(['x', 'y']);
  });

  test('on the leader makes the others elect another', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const [leader, others] = await leaderAndOthers(cluster);
    leader.machine.onApply = () => {
      throw broken;
    };

    await expect(leader.raft.write('x', soon())).rejects.toMatchObject({ code: 'RAFT_FATAL' });
    const next = await cluster.awaitLeader(others);
    await next.raft.write('y', soon());

    expect(next.machine.commands).toEqual(['x', 'y']);
  });

  test('is told to every later caller, and closing still works', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, machine } = cluster.first;
    machine.onApply = () => Promise.reject(broken);
    await raft.write('x', soon()).catch(() => undefined);

    const fatal = { code: 'RAFT_FATAL', cause: broken, maybeApplied: false };
    await expect(raft.write('y', soon())).rejects.toMatchObject(fatal);
    await expect(raft.readBarrier(soon())).rejects.toMatchObject(fatal);
    await expect(raft.addLearner('b', {}, soon())).rejects.toMatchObject(fatal);
    await expect(raft.waitFor(() => false, soon())).rejects.toMatchObject(fatal);
    await expect(raft.rpc.identify()).rejects.toMatchObject(fatal);
    await raft.close();
  });

  test('while the node is being closed leaves it closed', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, machine } = cluster.first;
    const pause = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    machine.onApply = () => {
      begun.resolve();
      return pause.promise;
    };
    const write = outcomeOf(raft.write('x'));
    await begun.promise;

    const closing = raft.close();
    pause.reject(broken);
    await closing;

    expect(await write).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(raft.metrics.fatal).toBeUndefined();
  });
});

describe('a store that fails', () => {
  test('on the leader stops it with the cause, and the others go on', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const [leader, others] = await leaderAndOthers(cluster);
    leader.store.onWrite = () => {
      throw broken;
    };

    const write = leader.raft.write('x', soon());
    await expect(write).rejects.toMatchObject({
      code: 'RAFT_FATAL',
      cause: broken,
      maybeApplied: true,
    });
    const next = await cluster.awaitLeader(others);
    await next.raft.write('y', soon());

    expect(next.machine.commands.at(-1)).toBe('y');
  });

  test('on a follower stops it, and it takes part again once it is started on a good disk', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const follower = cluster.node('b');
    follower.store.onWrite = (name) => {
      if (name === 'append') throw broken;
    };

    await cluster.write('x');
    await follower.waitFor(({ fatal }) => fatal !== undefined);
    follower.store.onWrite = () => undefined;
    await cluster.restart('b');
    const { logId } = await cluster.write('y');
    await cluster.awaitApplied(logId.index);

    expect(follower.machine.commands).toEqual(['x', 'y']);
  });

  test('rejects as maybe applied what it was given, and as not applied what still waits', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, store } = cluster.first;
    const disk = Promise.withResolvers<void>();
    store.onWrite = () => disk.promise;
    const logged = outcomeOf(raft.write('logged'));
    await store.awaitWrite();
    const waiting = outcomeOf(raft.write('waiting'));
    await turns(2);

    disk.reject(broken);

    expect(await logged).toMatchObject({ code: 'RAFT_FATAL', cause: broken, maybeApplied: true });
    expect(await waiting).toMatchObject({ code: 'RAFT_FATAL', cause: broken, maybeApplied: false });
  });

  test('when the vote is saved stops the candidate', async () => {
    await using cluster = await Cluster.passive(['a']);
    const { raft, store } = cluster.first;
    store.onWrite = (name) => {
      if (name === 'saveVote') throw broken;
    };

    await raft.initialize({ a: {} }, soon());
    const { fatal, role } = await raft.waitFor((metrics) => metrics.fatal !== undefined, soon());

    expect(fatal?.cause).toBe(broken);
    expect(role).not.toBe('leader');
  });
});

test('pictures end with the one that says why the node stopped', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft, machine } = cluster.first;
  machine.onApply = () => Promise.reject(broken);
  const seen: unknown[] = [];
  const watching = (async () => {
    for await (const { fatal } of raft.watch(soon())) seen.push(fatal?.cause);
  })();

  await raft.write('x', soon()).catch(() => undefined);
  await watching;

  expect(seen.at(-1)).toBe(broken);
});
