import { expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];

test('a read waits until what was written before it is applied', async () => {
  await using cluster = await Cluster.of(three);
  const { raft, machine } = cluster.first;
  const pause = Promise.withResolvers<void>();
  machine.onApply = () => pause.promise;
  const write = raft.write('x', soon());
  await raft.waitFor(({ committed, applied }) => committed.index > applied.index, soon());
  let isRead = false;

  const read = raft.readBarrier(soon()).then(() => (isRead = true));
  await turns(5);
  expect(isRead).toBe(false);
  pause.resolve();
  await read;

  expect(machine.commands).toEqual(['x']);
  await write;
});

test('a read on a lone leader that has not committed in its term yet is answered when it has', async () => {
  await using cluster = await Cluster.of(['a'], { config: quick });
  await cluster.write('x');
  await cluster.stop('a');
  const node = cluster.node('a');
  node.store.onWrite = (name) => {
    if (name === 'append') node.store.hold();
  };

  const { raft, machine } = await cluster.start('a');
  await raft.waitFor(({ role }) => role === 'leader', soon());
  const read = raft.readBarrier(soon());
  await node.store.awaitWrite();
  await turns(3);
  node.store.onWrite = () => undefined;
  node.store.release();

  expect(await read).toBeGreaterThan(0);
  expect(machine.commands).toEqual(['x']);
});

test('a read before the first commit of a new cluster of one is answered by that commit', async () => {
  await using cluster = await Cluster.passive(['a']);
  const { raft, store } = cluster.first;
  store.onWrite = (name) => {
    if (name === 'saveVote') store.hold();
  };
  await raft.initialize({ a: {} }, soon());
  await store.awaitWrite();
  store.releaseOne();
  await raft.waitFor(({ role }) => role === 'leader', soon());
  const { last, committed } = raft.metrics;

  const read = raft.readBarrier(soon());
  await turns(3);
  store.onWrite = () => undefined;
  store.release();

  expect(committed.index).toBeLessThan(last.index);
  expect(await read).toBe(last.index);
});

test('many reads share a round of calls', async () => {
  await using cluster = await Cluster.of(three);
  await cluster.write('x');
  let calls = 0;
  cluster.wires.onCall = () => void (calls += 1);

  await Promise.all(Array.from({ length: 500 }, () => cluster.first.raft.readBarrier(soon())));

  expect(calls).toBeLessThan(100);
});

test('a read is not answered by calls that were sent before it (row 76)', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const leader = await cluster.awaitLeader();
  await cluster.write('x');
  const answers = Promise.withResolvers<void>();
  cluster.wires.onCall = () => answers.promise;
  cluster.isolate(leader.id);

  const read = leader.raft.readBarrier(soon());
  answers.resolve();

  await expect(read).rejects.toMatchObject({ code: 'RAFT_NOT_LEADER' });
});

test('a deposed leader that does not know it yet answers no read (row 74)', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const old = await cluster.awaitLeader();
  cluster.isolate(old.id);
  const read = outcomeOf(old.raft.readBarrier(soon()));
  const next = await cluster.awaitLeader(cluster.others(old));
  await next.raft.write('new', soon());

  expect(await read).toMatchObject({ code: 'RAFT_NOT_LEADER' });
});

test('an aborted read stops waiting', async () => {
  await using cluster = await Cluster.of(three);
  cluster.isolate('a');
  const controller = new AbortController();
  const read = cluster.first.raft.readBarrier({ signal: controller.signal });

  controller.abort(new Error('enough'));

  await expect(read).rejects.toThrow('enough');
});
