import { describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/network/memory.ts';
import { Raft } from '../../src/node/raft.ts';
import {
  type RecoverClusterOptions,
  type RecoveredCluster,
  recoverCluster,
} from '../../src/node/recover-cluster.ts';
import { walStorage } from '../../src/storage/wal.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { copyOf } from './disks.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { writeTo } from './members.ts';
import { RecordingMachine } from './recording-machine.ts';

const five = ['a', 'b', 'c', 'd', 'e'];

function recover(
  { id, storage }: TestNode,
  options: Omit<RecoverClusterOptions, 'id'>,
): Promise<RecoveredCluster> {
  return recoverCluster(storage, { id, ...options });
}

/** A cluster of five in which `e` knows of a write that `d` does not, and three have died. */
async function loseThree(
  prepare: (base: TestNode) => Promise<unknown> = async () => undefined,
): Promise<{ cluster: Cluster; base: TestNode; other: TestNode }> {
  const cluster = await Cluster.of(five, { config: { ...quick, keepBytes: 0 } });
  await cluster.write('everywhere');
  const leader = await cluster.awaitLeader();
  const [other, base] = cluster.others(leader) as [TestNode, TestNode];
  cluster.isolate(other.id);
  await leader.raft.write('acknowledged', soon());
  await base.awaitCommands(2);
  await prepare(base);
  await Promise.all(five.map((id) => cluster.stop(id)));
  cluster.wires.heal();
  return { cluster, base, other };
}

describe('a cluster that lost three of five for good', () => {
  test('goes on with the two that are left, and with all that one of them had (row 86)', async () => {
    const { cluster, base, other } = await loseThree();
    await using _ = cluster;
    const voters = [base.id, other.id];

    const recovered = await recover(base, { voters });
    const sent = JSON.parse(JSON.stringify(recovered)) as RecoveredCluster;
    await recover(other, { voters, base: sent });
    await Promise.all(voters.map((id) => cluster.start(id)));
    const leader = await cluster.awaitLeader();
    await leader.raft.write('on', soon());
    await cluster.node(other.id).awaitCommands(3);

    for (const id of voters) {
      const { machine, metrics } = cluster.node(id);
      expect(machine.commands).toEqual(['everywhere', 'acknowledged', 'on']);
      expect(metrics.membership).toMatchObject({ cluster: recovered.cluster, voters: [voters] });
      expect(Object.keys(metrics.membership.nodes).sort()).toEqual([...voters].sort());
      expect(metrics.quarantine).toBeUndefined();
    }
    const index = recovered.last.index + 1;
    expect(recovered.logId).toEqual({ term: expect.any(Number) as number, index });
  });

  test('refuses a node that was thought lost and comes back', async () => {
    const { cluster, base } = await loseThree();
    await using _ = cluster;
    await recover(base, { voters: [base.id] });
    await cluster.start(base.id);
    const leader = await cluster.awaitLeader();
    const { term } = leader.metrics;
    const dead = cluster.all.find(({ id, isRunning }) => !isRunning && id !== base.id) as TestNode;

    const back = await cluster.start(dead.id);
    await leader.raft.write('on', soon());
    await turns(20);
    const { identity } = await back.raft.rpc.identify();
    const call = leader.raft.rpc.identify({ from: identity, to: { node: base.id } });

    await expect(call).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(leader.metrics).toMatchObject({ role: 'leader', term });
    expect(back.metrics.membership.cluster).not.toBe(leader.metrics.membership.cluster);
    cluster.nodes.delete(dead.id);
    await back.raft.close();
  });

  test('grows again, restarts, and takes snapshots from before the recovery along', async () => {
    const { cluster, base } = await loseThree(async ({ raft }) => {
      const { index } = await raft.takeSnapshot(soon());
      await raft.waitFor(({ purged }) => purged.index === index, soon());
    });
    await using _ = cluster;
    const { recoveredFrom } = await recover(base, { voters: [base.id] });
    await cluster.start(base.id);
    await cluster.awaitLeader();

    const { machine } = await cluster.join('f', [base.id]);
    expect(machine.restored.map(({ membership }) => membership.cluster)).toEqual([recoveredFrom]);
    await cluster.join('g', ['f']);
    await writeTo(cluster, [base.id, 'f', 'g']);
    for (const id of [base.id, 'f', 'g']) await cluster.restart(id);
    await cluster.write('on');

    const { commands } = await cluster
      .node('g')
      .awaitCommands(4)
      .then(() => cluster.node('g').machine);
    expect(commands).toEqual(['everywhere', 'acknowledged', 'end', 'on']);
    expect(cluster.node('g').metrics.membership.voters).toEqual([[base.id, 'f', 'g']]);
  });

  test('gives a new node its log while that still tells of the old cluster', async () => {
    const { cluster, base } = await loseThree();
    await using _ = cluster;
    await recover(base, { voters: [base.id] });
    const leader = await cluster.start(base.id, { maxAppendBytes: 1 });
    await cluster.awaitLeader();
    const fresh = await cluster.start('f');
    // Only what lies before the recovery gets through at first.
    let sent = 0;
    cluster.wires.onCall = ({ call, to, request }) => {
      if (call !== 'appendEntries' || to !== 'f' || request.entries.length === 0) return undefined;
      return (sent += 1) > 1 ? new Promise<void>(() => undefined) : undefined;
    };
    const adding = outcomeOf(leader.raft.addLearner('f', fresh.info, soon()));
    await fresh.waitFor(({ last }) => last.index > 0);
    expect(fresh.metrics.membership.cluster).not.toBe(leader.metrics.membership.cluster);

    await cluster.stop('f');
    cluster.wires.onCall = () => undefined;
    const again = await cluster.start('f');

    expect(await adding).toMatchObject({ index: expect.any(Number) as number });
    expect(await again.awaitCommands(2)).toEqual(['everywhere', 'acknowledged']);
  });
});

describe('a recovery is refused', () => {
  test('on a second disk whose log is further than the first', async () => {
    const { cluster, base, other } = await loseThree();
    await using _ = cluster;
    const voters = [base.id, other.id];
    const before = await base.store.state();

    const recovered = await recover(other, { voters });
    const second = recover(base, { voters, base: recovered });

    await expect(second).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    await expect(second).rejects.toThrow('what lies between may have been acknowledged');
    expect(await base.store.state()).toEqual(before);
  });

  test('while a node runs on the storage', async () => {
    await using cluster = await Cluster.of(['a']);

    const recovering = recover(cluster.first, { voters: ['a'] });

    await expect(recovering).rejects.toThrow(RangeError);
    await expect(recovering).rejects.toThrow('is in use by a node that runs');
    await cluster.write('on');
  });

  test('while the node runs elsewhere, by the lock of its log', async () => {
    const files = new SimFs();
    await using storage = await walStorage('/node', { files });

    const second = walStorage('/node', { files });

    await expect(second).rejects.toMatchObject({ code: 'RAFT_LOCKED' });
    expect(await storage.log.readIdentity()).toBeUndefined();
  });

  test('with voters that are no members, twice there, or without this node', async () => {
    const { cluster, base } = await loseThree();
    await using _ = cluster;
    const { id } = base;
    const before = await copyOf(base.store);

    for (const voters of [[id, 'x'], [id, id], [], five.filter((one) => one !== id)]) {
      const refused = recover(base, { voters });
      await expect(refused).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    }
    expect(await base.store.readVote()).toEqual(await before.readVote());
    expect(await base.store.readIdentity()).toEqual(await before.readIdentity());
    await cluster.start(id);
  });

  test('on the disk of another node, of no cluster, or of another cluster', async () => {
    const { cluster, base, other } = await loseThree();
    await using _ = cluster;
    await using strangers = await Cluster.of(['d']);
    await strangers.stop('d');
    const stranger = strangers.node('d');
    const recovered = await recover(base, { voters: [base.id, other.id] });

    const wrongNode = recoverCluster(other.storage, { id: 'x', voters: ['x'] });
    await expect(wrongNode).rejects.toThrow(`belongs to node ${other.id}, and not to node x`);
    const empty = await cluster.start('empty');
    await cluster.stop('empty');
    const nothing = recover(empty, { voters: ['empty'] });
    await expect(nothing).rejects.toThrow('belongs to no cluster');
    const foreign = recover(stranger, {
      voters: ['d'],
      base: { ...recovered, voters: ['d'] },
    });
    await expect(foreign).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    const others = recover(other, { voters: [other.id], base: recovered });
    await expect(others).rejects.toThrow('give the same ones');
  });
});

test('a recovery that is repeated on a second disk changes nothing more', async () => {
  const { cluster, base, other } = await loseThree();
  await using _ = cluster;
  const voters = [base.id, other.id];
  const recovered = await recover(base, { voters });

  await recover(other, { voters, base: recovered });
  const once = await other.store.readIdentity();
  await recover(other, { voters, base: recovered });

  expect(await other.store.readIdentity()).toEqual(once);
});

test('a recovery on a disk with files is there after it is opened again', async () => {
  const files = new SimFs();
  const network = new MemoryNetwork();
  const options = { id: 'a', stateMachine: new RecordingMachine(), network, config: quick };
  const lone = async (run: (raft: Raft<unknown, number>) => Promise<unknown>): Promise<void> => {
    await using storage = await walStorage('/node', { files });
    const raft = await Raft.start({ ...options, stateMachine: new RecordingMachine(), storage });
    try {
      await run(raft);
    } finally {
      await raft.close();
    }
  };
  await lone(async (raft) => {
    await raft.initialize({ a: {}, b: {}, c: {} }, soon());
  });

  await using storage = await walStorage('/node', { files });
  const recovered = await recoverCluster(storage, { id: 'a', voters: ['a'] });
  await storage[Symbol.asyncDispose]();
  const opened = await walStorage('/node', { files });
  const identity = await opened.log.readIdentity();
  await opened[Symbol.asyncDispose]();

  expect(identity?.formerly).toEqual([recovered.recoveredFrom]);
  for (const command of ['x', 'y']) {
    await lone(async (raft) => {
      await raft.waitFor(({ role }) => role === 'leader', soon());
      await raft.write(command, soon());
      const told = await raft.rpc.identify();
      expect(told.identity).toMatchObject({
        cluster: recovered.cluster,
        formerly: [recovered.recoveredFrom],
      });
    });
  }
});
