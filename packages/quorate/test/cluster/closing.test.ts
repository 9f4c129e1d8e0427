import { describe, expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];
const stopped = { code: 'RAFT_STOPPED', maybeApplied: false };

/** A leader that is closed, and whose only living follower has not caught up. */
async function handingOver(cluster: Cluster): Promise<{ closing: Promise<void> }> {
  await cluster.stop('c');
  cluster.node('b').store.hold();
  void cluster.first.raft.write('b lacks this').catch(() => undefined);
  await cluster.node('b').store.awaitWrite();
  return { closing: cluster.first.raft.close() };
}

describe('a leader that is closed', () => {
  test('hands the leadership over first', async () => {
    await using cluster = await Cluster.of(three);

    await cluster.first.raft.close();

    // No election timeout passes within the bounds of a test.
    const { metrics } = await cluster.awaitLeader([cluster.node('b'), cluster.node('c')]);
    expect(metrics.term).toBe(2);
  });

  test('without a hand-over asks nobody to take over', async () => {
    await using cluster = await Cluster.of(three);
    const calls: string[] = [];
    cluster.wires.onCall = ({ call }) => void calls.push(call);

    await cluster.first.raft.close({ handOver: false });
    await turns(5);

    expect(calls).not.toContain('timeoutNow');
    expect(cluster.node('b').metrics.leader).toBe('a');
  });

  test('takes nothing new meanwhile, and answers what is logged', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.node('b').store.hold();
    cluster.node('c').store.hold();
    const logged = raft.write('logged', soon());
    await cluster.node('b').store.awaitWrite();
    cluster.first.store.hold();
    const held = outcomeOf(raft.write('held', soon()));
    await cluster.first.store.awaitWrite();
    const waiting = outcomeOf(raft.write('waiting', soon()));
    await turns(2);

    const closing = raft.close();
    expect(await waiting).toMatchObject(stopped);
    expect(await outcomeOf(raft.write('later', soon()))).toMatchObject(stopped);
    expect(await outcomeOf(raft.readBarrier(soon()))).toMatchObject(stopped);
    expect(await outcomeOf(raft.transferLeadership('c', soon()))).toMatchObject(stopped);
    expect(raft.metrics.isRunning).toBe(true);
    for (const { store } of cluster.all) store.release();
    await closing;

    expect((await logged).response).toBe(1);
    await held;
    expect(raft.metrics).toMatchObject({ isRunning: false, fatal: undefined });
  });

  test('refuses what others pass on to it meanwhile, and they turn to the next one', async () => {
    await using cluster = await Cluster.of(three);
    cluster.node('b').store.hold();
    cluster.node('c').store.hold();
    void cluster.first.raft.write('x').catch(() => undefined);
    await cluster.node('b').store.awaitWrite();
    const closing = cluster.first.raft.close();

    const write = cluster.node('b').raft.write('y', soon());
    await turns(3);
    for (const { store } of cluster.all) store.release();
    await closing;

    expect((await write).logId.term).toBe(2);
  });

  test('ends at once when it is closed again without a hand-over', async () => {
    await using cluster = await Cluster.of(three);
    const { closing } = await handingOver(cluster);

    await turns(2);
    expect(cluster.first.metrics.isRunning).toBe(true);
    await cluster.first.raft.close({ handOver: false });
    await closing;

    expect(cluster.first.metrics.isRunning).toBe(false);
  });

  test('twice waits as long as the first time', async () => {
    await using cluster = await Cluster.of(three);
    const { closing } = await handingOver(cluster);
    let isClosed = false;

    const again = cluster.first.raft.close().then(() => (isClosed = true));
    await turns(3);
    expect(isClosed).toBe(false);
    cluster.node('b').store.release();

    await Promise.all([closing, again]);
    expect(cluster.first.metrics.isRunning).toBe(false);
  });

  test('ends in bounded time when its followers have gone silent', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    cluster.isolate(leader.id);
    const write = outcomeOf(leader.raft.write('x'));
    await turns(2);

    await leader.raft.close();

    expect(await write).toMatchObject({ maybeApplied: true });
  });

  test('ends when its disk fails meanwhile, with the cause', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, store } = cluster.first;
    cluster.node('b').store.hold();
    cluster.node('c').store.hold();
    const broken = Promise.withResolvers<void>();
    store.onWrite = () => broken.promise;
    const write = outcomeOf(raft.write('x'));
    await store.awaitWrite();

    const closing = raft.close();
    broken.reject(new Error('input/output error'));
    await closing;

    expect(await write).toMatchObject({ code: 'RAFT_FATAL', maybeApplied: true });
    expect(raft.metrics.fatal?.message).toContain('input/output error');
  });

  test('during a transfer waits for that one', async () => {
    await using cluster = await Cluster.of(three);
    cluster.node('b').store.hold();
    await cluster.write('x');
    const transfer = outcomeOf(cluster.first.raft.transferLeadership('b', soon()));

    const closing = cluster.first.raft.close();
    await turns(3);
    expect(cluster.first.metrics.isRunning).toBe(true);
    cluster.node('b').store.release();
    await closing;

    expect(await transfer).toBeUndefined();
    await cluster.awaitLeader([cluster.node('b')]);
  });
});

test('a follower that is closed has nothing to hand over', async () => {
  await using cluster = await Cluster.of(three);
  const { raft } = cluster.node('b');
  const write = outcomeOf(raft.write('x'));

  const closing = raft.close();
  expect(raft.metrics.isRunning).toBe(false);
  await closing;

  expect(await write).toMatchObject({ code: 'RAFT_STOPPED' });
});

test('a write that is still being validated is told at once that the node was closed', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft, machine } = cluster.first;
  machine.onValidate = () => new Promise<void>(() => undefined);
  const write = outcomeOf(raft.write('x', soon()));
  await turns(2);

  await raft.close();

  expect(await write).toMatchObject(stopped);
});
