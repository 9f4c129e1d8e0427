import { expect, test } from 'vitest';
import { Cluster, outcomeOf, soon, type TestNode, turns } from './kit.ts';
import { bare, purgeAll, writeMany } from './snapshot-kit.ts';

interface Restoring {
  readonly learner: TestNode;
  /** Resolves once the learner has begun to restore the leader's snapshot. */
  readonly begun: Promise<void>;
  readonly end: () => void;
}

/** A leader that has nothing but a snapshot to send, and a new node that is slow to restore it. */
async function slowToRestore(cluster: Cluster): Promise<Restoring> {
  await writeMany(cluster.first, 20);
  await purgeAll(cluster.first);
  const learner = await cluster.start('b');
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  learner.machine.onRestore = () => {
    begun.resolve();
    return end.promise;
  };
  return { learner, begun: begun.promise, end: end.resolve };
}

/** Resolves once the learner has been asked `count` times more how far it has come. */
function asked({ raft }: TestNode, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { rpc } = raft;
  const identify = rpc.identify.bind(rpc);
  let calls = 0;
  rpc.identify = (options) => {
    calls += 1;
    if (calls === count) resolve();
    return identify(options);
  };
  return promise;
}

test('adding a learner ends once it has restored the snapshot, and not when it has it', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  const { learner, begun, end } = await slowToRestore(cluster);
  let isAdded = false;

  const adding = first.raft.addLearner('b', learner.info, soon()).then(() => (isAdded = true));
  await begun;
  const { last } = first.metrics;
  await first.waitFor(({ progress }) => progress?.get('b')?.matchIndex === last.index);
  await asked(learner, 3);
  await turns(5);
  expect(isAdded).toBe(false);
  expect(learner.machine.commands).toEqual([]);
  end();
  await adding;

  expect(learner.machine.commands).toEqual(first.machine.commands);
  expect(learner.metrics.applied.index).toBeGreaterThanOrEqual(last.index);
});

test('adding a learner ends once it has applied what was committed, with a slow machine too', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  await writeMany(first, 20);
  const learner = await cluster.start('b');
  const applied = Promise.withResolvers<void>();
  learner.machine.onApply = () => applied.promise;
  let isAdded = false;

  const adding = first.raft.addLearner('b', learner.info, soon()).then(() => (isAdded = true));
  await learner.waitFor(({ durable }) => durable.index >= first.metrics.last.index);
  await asked(learner, 2);
  await turns(5);
  expect(isAdded).toBe(false);
  applied.resolve();
  await adding;

  expect(learner.machine.commands).toEqual(first.machine.commands);
});

test('a learner that is removed while it restores ends the wait for it', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  const { learner, begun, end } = await slowToRestore(cluster);
  const adding = outcomeOf(first.raft.addLearner('b', learner.info, soon()));
  await begun;
  await asked(learner, 1);

  await first.raft.removeLearner('b', soon());

  expect(await adding).toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
  expect(String(await adding)).toContain('b was removed before it had caught up');
  end();
});

test('a learner that cannot be asked for a while is asked again', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  const { learner, begun, end } = await slowToRestore(cluster);
  const adding = first.raft.addLearner('b', learner.info, soon());
  await begun;
  await asked(learner, 1);
  cluster.isolate('b');
  end();
  await learner.waitFor(({ applied }) => applied.index > 0);

  cluster.wires.heal();
  await adding;

  expect(learner.machine.commands).toEqual(first.machine.commands);
});

test('the wait for a learner that restores ends with the signal, the node and the office', async () => {
  await using cluster = await Cluster.of(['a', 'c'], { config: bare });
  const { first } = cluster;
  const { learner, begun, end } = await slowToRestore(cluster);
  const controller = new AbortController();
  const adding = outcomeOf(first.raft.addLearner('b', learner.info, controller));
  await begun;
  await asked(learner, 1);
  controller.abort(new Error('enough'));
  expect(await adding).toMatchObject({ message: 'enough' });

  await first.raft.removeLearner('b', soon());
  end();
  await cluster.stop('b');
  cluster.replaceDisk('b');
  const again = await slowToRestore(cluster);
  const lost = outcomeOf(first.raft.addLearner('b', again.learner.info, soon()));
  await again.begun;
  await asked(again.learner, 1);
  await first.raft.transferLeadership('c', soon());

  expect(await lost).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
  again.end();
});
