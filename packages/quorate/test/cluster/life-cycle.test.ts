import { describe, expect, test } from 'vitest';
import { noMembership } from '../../src/core/membership.ts';
import { Cluster, outcomeOf, quick, soon, turns } from './kit.ts';

describe('a node that belongs to no cluster', () => {
  test('stays passive: a learner that knows no leader and never campaigns', async () => {
    await using cluster = await Cluster.passive(['a', 'b'], { config: quick });
    let calls = 0;
    cluster.wires.onCall = () => void (calls += 1);

    await turns(5);

    for (const { metrics, store } of cluster.all) {
      expect(metrics).toMatchObject({ role: 'learner', term: 0, leader: undefined });
      expect(metrics.membership).toEqual(noMembership);
      expect(store.writes.map(({ name }) => name)).toEqual(['saveIdentity']);
    }
    expect(calls).toBe(0);
  });

  test('refuses to write, to read and to change the membership', async () => {
    await using cluster = await Cluster.passive(['a']);
    const { raft } = cluster.first;
    const notLeader = { code: 'RAFT_NOT_LEADER', leader: undefined, maybeApplied: false };

    await expect(raft.write(1, soon())).rejects.toMatchObject(notLeader);
    await expect(raft.readBarrier(soon())).rejects.toMatchObject(notLeader);
    await expect(raft.addLearner('b', {}, soon())).rejects.toMatchObject(notLeader);
    await expect(raft.changeVoters(['a'], soon())).rejects.toMatchObject(notLeader);
    await expect(raft.removeLearner('a', soon())).rejects.toMatchObject(notLeader);
    await expect(raft.updateNode('a', {}, soon())).rejects.toMatchObject(notLeader);
  });
});

describe('forming a cluster', () => {
  test('of one node makes it lead at once', async () => {
    await using cluster = await Cluster.passive(['a']);

    await cluster.first.raft.initialize({ a: {} }, soon());
    await cluster.awaitLeader();

    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term: 1, leader: 'a' });
    expect((await cluster.first.raft.write('x', soon())).response).toBe(1);
  });

  test('is refused by a node that is not in it, and leaves no trace', async () => {
    await using cluster = await Cluster.passive(['a', 'b']);
    const { raft, store } = cluster.first;

    const refused = raft.initialize({ b: {} }, soon());

    await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(refused).rejects.toThrow('a is asked to form a cluster that it is not a voter of');
    await expect(raft.initialize({}, soon())).rejects.toThrow('at least one voter');
    expect(store.appends).toEqual([]);
    await raft.initialize({ a: {} }, soon());
  });

  test('a second time is refused and harmless', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { cluster: name } = cluster.first.metrics.membership;

    const again = cluster.first.raft.initialize(cluster.infos(['a']), soon());
    const elsewhere = cluster.node('b').raft.initialize(cluster.infos(['b']), soon());

    await expect(again).rejects.toMatchObject({ code: 'RAFT_ALREADY_INITIALIZED' });
    await expect(elsewhere).rejects.toMatchObject({ code: 'RAFT_ALREADY_INITIALIZED' });
    const { logId } = await cluster.write('x');
    await cluster.awaitApplied(logId.index);
    for (const { metrics } of cluster.all) expect(metrics.membership.cluster).toBe(name);
  });

  test('twice at once succeeds once', async () => {
    await using cluster = await Cluster.passive(['a']);
    const { raft } = cluster.first;

    const outcomes = await Promise.allSettled([
      raft.initialize({ a: {} }, soon()),
      raft.initialize({ a: {} }, soon()),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('is done once it is on the disk', async () => {
    await using cluster = await Cluster.passive(['a']);
    const { raft, store } = cluster.first;
    store.hold();
    let isDone = false;

    const forming = raft.initialize({ a: {} }, soon()).then(() => (isDone = true));
    await store.awaitWrite();
    await turns(3);
    expect(isDone).toBe(false);
    store.release();

    await forming;
  });
});

describe('a restart', () => {
  test('of a one-node cluster makes it lead again, with everything', async () => {
    await using cluster = await Cluster.of(['a'], { config: quick });
    await cluster.write('x');

    const node = await cluster.restart('a');
    await cluster.awaitLeader();

    expect(await node.awaitCommands(1)).toEqual(['x']);
    expect(node.metrics.term).toBe(2);
    expect((await node.raft.write('y', soon())).response).toBe(2);
  });

  test('of a follower does not disturb the leader', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { term } = cluster.first.metrics;
    await cluster.write('x');

    const follower = await cluster.restart('b');
    const { logId } = await cluster.write('y');
    await cluster.awaitApplied(logId.index);

    expect(follower.machine.commands).toEqual(['x', 'y']);
    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term });
    expect(follower.metrics.term).toBe(term);
  });

  test('of a follower that missed writes brings it up to date', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    await cluster.stop('b');
    for (let at = 0; at < 20; at += 1) await cluster.write(at);

    const follower = await cluster.start('b');
    await follower.awaitCommands(20);

    expect(follower.machine.commands).toEqual(cluster.first.machine.commands);
  });

  test('counts the starts of a disk and keeps its incarnation', async () => {
    await using cluster = await Cluster.of(['a']);
    const before = await cluster.first.raft.rpc.identify();

    const node = await cluster.restart('a');
    const after = await node.raft.rpc.identify();

    expect(before.identity.starts).toBe(1);
    const run: unknown = expect.any(String);
    expect(after.identity).toEqual({ ...before.identity, starts: 2, run });
    expect(after.identity.run).not.toBe(before.identity.run);
  });

  test('during a write of the leader keeps the write or does not, but never half of it', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const leader = await cluster.awaitLeader();
    leader.store.hold();
    const results = Promise.allSettled([1, 2, 3].map((at) => leader.raft.write(at, soon())));
    await leader.store.awaitWrite();

    const stopping = cluster.stop(leader.id);
    leader.store.release();
    await stopping;
    await cluster.start(leader.id);
    const { logId } = await cluster.write('after');
    await cluster.awaitApplied(logId.index);

    for (const { status } of await results) expect(status).toBe('rejected');
    expect(cluster.first.machine.commands.at(-1)).toBe('after');
  });
});

describe('closing', () => {
  test('twice is fine, and the second waits as long as the first', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;

    await Promise.all([raft.close(), raft.close()]);
    await raft.close();
    await raft[Symbol.asyncDispose]();

    expect(raft.metrics.fatal).toBeUndefined();
  });

  test('rejects every call that waits, and every later one', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { raft } = cluster.first;
    cluster.isolate('a');
    const stopped = { code: 'RAFT_STOPPED' };
    const waiting = [
      outcomeOf(raft.write(1)),
      outcomeOf(raft.readBarrier()),
      outcomeOf(raft.addLearner('d', {})),
      outcomeOf(raft.waitFor(() => false)),
    ];

    await raft.close({ handOver: false });

    for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject(stopped);
    await expect(raft.write(1)).rejects.toMatchObject({ ...stopped, maybeApplied: false });
    await expect(raft.readBarrier()).rejects.toMatchObject(stopped);
    await expect(raft.initialize({ a: {} })).rejects.toMatchObject(stopped);
    await expect(raft.changeVoters(['a'])).rejects.toMatchObject(stopped);
    await expect(raft.waitFor(() => false)).rejects.toMatchObject(stopped);
    await expect(raft.rpc.identify()).rejects.toMatchObject(stopped);
  });

  test('says of a logged write that it may be applied, and of one that waited that it is not', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { raft, store } = cluster.first;
    cluster.isolate('a');
    const logged = outcomeOf(raft.write('logged'));
    store.hold();
    await store.awaitWrite();
    const waited = outcomeOf(raft.write('waited'));
    await turns(2);
    store.release();

    await raft.close({ handOver: false });

    expect(await logged).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: true });
    expect(await waited).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: false });
  });

  test('waits for the batch that the state machine applies', async () => {
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
    let isClosed = false;

    const closing = raft.close().then(() => (isClosed = true));
    expect(await write).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: true });
    await turns(3);
    expect(isClosed).toBe(false);
    pause.resolve();

    await closing;
    expect(machine.commands).toEqual(['x']);
  });

  test('from within apply does not hurt', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, machine } = cluster.first;
    machine.onApply = () => void raft.close();

    await expect(raft.write('x')).rejects.toMatchObject({ code: 'RAFT_STOPPED' });

    expect(machine.commands).toEqual(['x']);
  });

  test('ends an election under way and calls that hang', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    for (const id of ['a', 'b', 'c']) cluster.isolate(id);
    await Promise.all(cluster.all.map((node) => node.waitFor(({ role }) => role === 'candidate')));

    await Promise.all(cluster.all.map(({ raft }) => raft.close()));

    expect(cluster.all.map(({ metrics }) => metrics.fatal)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('answers the calls of others that were held back for the disk', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const follower = cluster.node('b');
    follower.store.hold();
    await cluster.write('x');
    await follower.store.awaitWrite();

    follower.store.release();
    await cluster.stop('b');

    expect(cluster.first.metrics.role).toBe('leader');
  });

  test('during a write of its own storage begins no other', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, store } = cluster.first;
    store.hold();
    const writes = Promise.allSettled([raft.write(1), raft.write(2)]);
    await store.awaitWrite();
    const later = raft.write(3).catch(() => undefined);
    const writeCount = store.writes.length;

    const closing = raft.close();
    store.release();
    await closing;
    await turns(2);

    expect(store.writes.length).toBe(writeCount);
    expect((await writes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await later;
  });
});
