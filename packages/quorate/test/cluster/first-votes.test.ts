import { describe, expect, test } from 'vitest';
import type { Identity, NodeId } from '../../src/core/types.ts';
import { copyOf } from './disks.ts';
import { Cluster, outcomeOf, quick, soon, speak, type TestNode, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

/** What `id` answers a candidate that is ahead of everybody, and that no loyalty holds back. */
function voteOf(cluster: Cluster, id: NodeId, by: NodeId): Promise<{ granted: boolean }> {
  const request = {
    term: 90,
    candidate: by,
    lastLogId: { term: 89, index: 900 },
    preVote: false,
    transfer: true,
  } as const;
  return cluster.node(id).raft.rpc.requestVote(request, speak(by, id));
}

/** Stops `id` and puts a copy of its disk in place of it that is one start older. */
async function goBack(cluster: Cluster, id: NodeId): Promise<void> {
  const backup = await copyOf(cluster.node(id).store);
  const newest = await cluster.restart(id);
  const { identity } = await newest.raft.rpc.identify();
  // The others have answered its question, so they know of that start.
  for (const other of cluster.others(newest)) await knowsStart(other, identity);
  await cluster.stop(id);
  cluster.replaceDisk(id, backup);
}

/** Resolves once `node` has heard of this start of a disk, looking without being counted. */
async function knowsStart(node: TestNode, identity: Identity): Promise<void> {
  const from = { ...identity, starts: 0, run: 'a look' };
  for (let tries = 0; tries < 1000; tries += 1) {
    const { remembers } = await node.raft.rpc.identify({ from, to: { node: node.id } });
    if ((remembers?.starts ?? 0) >= identity.starts) return;
    await turns(1);
  }
  throw new Error(`${node.id} has not heard of start ${identity.starts} of ${identity.node}.`);
}

/** Hands the leadership over to `to`, whoever leads now. */
async function lead(cluster: Cluster, to: TestNode): Promise<void> {
  const { id } = await cluster.awaitLeader();
  await outcomeOf(cluster.node(id).raft.transferLeadership(to.id, soon()));
  await cluster.awaitLeader([to]);
}

describe('a node that has reached nobody since its start', () => {
  test('on an old copy of its disk votes for nobody, before and after it is told (row 68)', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    await goBack(cluster, 'c');
    cluster.isolate('c');
    const old = await cluster.start('c');

    const early = await voteOf(cluster, 'c', 'b');
    expect(old.metrics).toMatchObject({ quarantine: undefined, term: 1 });
    cluster.wires.heal();
    const late = await voteOf(cluster, 'c', 'b');

    expect([early.granted, late.granted]).toEqual([false, false]);
    expect(old.metrics.quarantine).toContain('Node c runs on an old copy of its disk');
  });

  test('on its own disk votes once the candidate has answered it, and not before', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    cluster.isolate('c');
    await cluster.restart('c');

    const early = await voteOf(cluster, 'c', 'b');
    cluster.wires.heal();
    const late = await voteOf(cluster, 'c', 'b');

    expect([early.granted, late.granted]).toEqual([false, true]);
  });

  test('on an old copy of its disk asks nobody for a vote (row 68)', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    await goBack(cluster, 'c');
    cluster.isolate('c');
    let asked = 0;
    cluster.wires.onCall = ({ call, from }) => {
      asked += call === 'requestVote' && from === 'c' ? 1 : 0;
    };

    const old = await cluster.start('c', quick);
    await old.waitFor(({ role }) => role === 'candidate');
    cluster.wires.heal();
    await old.waitFor(({ quarantine }) => quarantine !== undefined);
    await old.waitFor(({ role }) => role === 'follower');

    expect(asked).toBe(0);
    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term: 1 });
  });

  test('and whose disk is old elects nobody who lacks what was acknowledged (row 68)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [kept, lagging] = cluster.others(leader) as [TestNode, TestNode];
    await writeTo(cluster, three);
    const backup = await copyOf(kept.store);
    const newest = await cluster.restart(kept.id);
    const { identity } = await newest.raft.rpc.identify();
    await knowsStart(lagging, identity);
    await lead(cluster, leader);
    cluster.isolate(lagging.id);
    await leader.raft.write('acknowledged', soon());
    await cluster.stop(leader.id);
    await cluster.stop(kept.id);
    cluster.replaceDisk(kept.id, backup);

    const old = await cluster.start(kept.id);
    await old.waitFor(({ role }) => role === 'candidate');
    cluster.wires.heal();
    await old.waitFor(({ quarantine }) => quarantine !== undefined);
    expect(lagging.metrics.role).not.toBe('leader');
    await cluster.start(leader.id);
    const next = await cluster.awaitLeader();

    expect(next.id).toBe(leader.id);
    expect(await lagging.awaitCommands(2)).toContain('acknowledged');
  });

  test('and whose disk is old does not elect a voter that its disk does not know (row 68)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [kept, removed] = cluster.others(leader) as [TestNode, TestNode];
    await writeTo(cluster, three);
    const backup = await copyOf(kept.store);
    await addLearners(cluster, ['d']);
    const { raft } = await cluster.awaitLeader();
    await raft.changeVoters([leader.id, kept.id, 'd'], soon());
    const newest = await cluster.restart(kept.id);
    const { identity } = await newest.raft.rpc.identify();
    await cluster.stop(removed.id);
    const added = cluster.node('d');
    await writeTo(cluster, [leader.id, kept.id, 'd']);
    await knowsStart(added, identity);
    await lead(cluster, leader);
    cluster.isolate('d');
    await leader.raft.write('acknowledged', soon());
    await cluster.stop(leader.id);
    await cluster.stop(kept.id);
    cluster.replaceDisk(kept.id, backup);

    // It cannot ask `d`, which it does not know; `d` asks it, and remembers a newer start.
    await cluster.start(kept.id);
    const asked: string[] = [];
    const campaigns = Promise.withResolvers<void>();
    cluster.wires.onCall = ({ call, from, to }) => {
      if (call === 'requestVote' && from === 'd') asked.push(to);
      if (asked.length === 3) campaigns.resolve();
    };
    cluster.wires.heal();
    await campaigns.promise;
    expect(asked).not.toContain(kept.id);
    expect(added.metrics.role).not.toBe('leader');
    await cluster.start(leader.id);
    const next = await cluster.awaitLeader();

    expect(next.id).toBe(leader.id);
    expect(await added.awaitCommands(3)).toContain('acknowledged');
  });
});

describe('a majority that was started again elects a leader', () => {
  test('after one of them has found nobody for long', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    await writeTo(cluster, three);
    for (const id of three) await cluster.stop(id);

    const alone = await cluster.start('b');
    await alone.waitFor(({ role }) => role === 'candidate');
    await cluster.start('c');

    expect(await outcomeOf(cluster.write('on'))).toMatchObject({ response: 2 });
  });

  test('although the third answers nothing and refuses nothing', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    await writeTo(cluster, three);
    cluster.isolate('a');
    for (const id of ['b', 'c']) await cluster.stop(id);

    await Promise.all(['b', 'c'].map((id) => cluster.start(id)));
    const next = await cluster.awaitLeader([cluster.node('b'), cluster.node('c')]);

    expect((await next.raft.write('on', soon())).response).toBe(2);
  });

  test('of five, of whom the voters reach nobody but the candidate', async () => {
    const five = [...three, 'd', 'e'];
    await using cluster = await Cluster.of(five, { config: quick });
    await writeTo(cluster, five);
    for (const id of five) await cluster.stop(id);
    for (const id of ['b', 'c']) for (const other of ['d', 'e']) cut(cluster, id, other);
    cut(cluster, 'b', 'c');

    await Promise.all(three.map((id) => cluster.start(id)));

    expect(await outcomeOf(cluster.write('on'))).toMatchObject({ response: 2 });
  });
});

test('a cluster elects over links on which a question takes longer than votes may wait', async () => {
  const config = { ...quick, callTimeoutMs: 4000 };
  await using cluster = await Cluster.passive(three, { config });
  const lateMs = 1.5 * (quick.electionTimeoutMs?.min ?? 0);
  cluster.wires.onIdentify = () => new Promise((resolve) => setTimeout(resolve, lateMs));

  await cluster.first.raft.initialize(cluster.infos(three), soon());
  await cluster.awaitLeader();

  expect(await outcomeOf(cluster.write('on'))).toMatchObject({ response: 1 });
});

function cut(cluster: Cluster, one: NodeId, other: NodeId): void {
  cluster.wires.cut(one, other);
  cluster.wires.cut(other, one);
}
