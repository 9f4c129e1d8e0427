import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { writeTo } from './members.ts';

const three = ['a', 'b', 'c'];
const failed = { code: 'RAFT_TRANSFER_FAILED' };
/** A transfer that does not come about ends soon, and nobody campaigns meanwhile. */
const patient = { ...calm, electionTimeoutMs: { min: 1000, max: 1200 } };

/** Begins to hand the leadership to a follower whose disk hangs, so that it cannot catch up. */
async function beginTransfer(
  cluster: Cluster,
): Promise<{ leader: TestNode; target: TestNode; transfer: Promise<unknown> }> {
  const leader = await cluster.awaitLeader();
  const [target] = cluster.others(leader) as [TestNode, ...TestNode[]];
  target.store.hold();
  await leader.raft.write('the target lacks this', soon());
  const transfer = outcomeOf(leader.raft.transferLeadership(target.id, soon()));
  await turns(5);
  return { leader, target, transfer };
}

/** Stops a node although its disk hangs: what is under way reaches the disk, and nothing else. */
async function stop(cluster: Cluster, { id, store }: TestNode): Promise<void> {
  const stopped = cluster.stop(id);
  store.release();
  await stopped;
}

describe('while the leadership is handed over', () => {
  test('the target may restart: it takes over once it has caught up, or nobody does', async () => {
    await using cluster = await Cluster.of(three, { config: patient });
    const { leader, target, transfer } = await beginTransfer(cluster);

    await stop(cluster, target);
    await cluster.start(target.id);
    const outcome = await transfer;
    const { logId } = await cluster.write('after');
    await cluster.awaitApplied(logId.index);

    const heir = outcome === undefined ? target : leader;
    expect([undefined, failed.code]).toContain((outcome as { code?: unknown } | undefined)?.code);
    expect((await cluster.awaitLeader()).id).toBe(heir.id);
    expect(new Set(target.machine.commands)).toEqual(new Set(['the target lacks this', 'after']));
  });

  test('the target may restart as a candidate: others lead on, and writes are taken', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [target] = cluster.others(leader) as [TestNode, ...TestNode[]];
    const asks = Promise.withResolvers<void>();
    cluster.wires.onCall = ({ call, from }) => {
      if (call !== 'requestVote' || from !== target.id) return undefined;
      asks.resolve();
      return new Promise(() => undefined);
    };
    const transfer = outcomeOf(leader.raft.transferLeadership(target.id, soon()));
    await asks.promise;

    await cluster.stop(target.id);
    cluster.wires.onCall = () => undefined;
    const outcome = await transfer;
    await cluster.start(target.id);
    const { logId } = await cluster.write('after');
    await cluster.awaitApplied(logId.index);

    expect(outcome).toMatchObject(failed);
    expect(target.machine.commands).toContain('after');
  });

  test('the leader may restart: the caller is told, and somebody leads', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const { leader, target, transfer } = await beginTransfer(cluster);

    await cluster.stop(leader.id);
    target.store.release();
    await cluster.start(leader.id);
    const { logId } = await cluster.write('after');
    await cluster.awaitApplied(logId.index);

    expect(await transfer).toMatchObject({ code: 'RAFT_STOPPED' });
    for (const { machine } of cluster.all) {
      expect(new Set(machine.commands)).toEqual(new Set(['the target lacks this', 'after']));
    }
  });

  test('reads that go on do not keep it alive beyond its time (row 79)', async () => {
    await using cluster = await Cluster.of(three, { config: patient });
    const leader = await cluster.awaitLeader();
    const [target, other] = cluster.others(leader) as [TestNode, TestNode];
    cluster.isolate(target.id);
    await leader.raft.write('the target lacks this', soon());
    const reading = { isOver: false };
    const transfer = outcomeOf(leader.raft.transferLeadership(target.id, soon())).finally(() => {
      reading.isOver = true;
    });

    let readCount = 0;
    for (; !reading.isOver; readCount += 1) {
      await Promise.all([leader, other].map(({ raft }) => raft.readBarrier(soon())));
    }

    expect(await transfer).toMatchObject(failed);
    expect(readCount).toBeGreaterThan(5);
    await writeTo(cluster, [leader.id, other.id]);
  });
});
