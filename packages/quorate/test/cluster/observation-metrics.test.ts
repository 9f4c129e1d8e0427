import { expect, test } from 'vitest';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import { Cluster, calm, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { bare, leaveBehind } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

/** The chain of pointers as it must always be. */
function chainOf(picture: RaftMetrics): number[] {
  const { purged, snapshot, applied, committed, last } = picture;
  return [purged, snapshot, applied, committed, last].map(({ index }) => index);
}

test('the chain of pointers goes from what is purged to what is logged', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  for (let at = 0; at < 10; at += 1) await first.raft.write(at, soon());
  await first.raft.takeSnapshot(soon());
  await first.waitFor(({ purged }) => purged.index > 0);
  first.store.hold();
  const lost = outcomeOf(first.raft.write('on its way', soon()));
  await turns(5);

  const { metrics } = first;

  expect(chainOf(metrics)).toEqual(chainOf(metrics).sort((a, b) => a - b));
  expect(metrics.durable.index).toBe(metrics.applied.index);
  expect(metrics.last.index).toBe(metrics.durable.index + 1);
  first.store.release();
  await lost;
  expect(first.metrics.durable).toEqual(first.metrics.last);
});

test('the leader shows how far each follower lags', async () => {
  await using cluster = await Cluster.of(three);
  const { first } = cluster;
  await first.waitFor(({ progress }) => [...(progress ?? [])].every(([, { lag }]) => lag === 0));

  cluster.isolate('c');
  for (let at = 0; at < 5; at += 1) await first.raft.write(at, soon());

  const { progress } = await first.waitFor((seen) => seen.progress?.get('b')?.lag === 0);
  expect(progress?.get('c')?.lag).toBe(5);
});

test('what waits is counted while it waits, and no longer', async () => {
  await using cluster = await Cluster.of(three);
  const { first } = cluster;
  await first.waitFor(({ waiting }) => waiting.requests === 0);
  cluster.isolate('a');

  const signal = AbortSignal.any([soon().signal]);
  const writes = Array.from({ length: 3 }, () => outcomeOf(first.raft.write('x', { signal })));
  const read = outcomeOf(first.raft.readBarrier({ signal }));
  const seen = await first.waitFor(({ waiting }) => waiting.reads === 1 && waiting.calls > 0);

  expect(seen.waiting).toMatchObject({ writes: 3, writeBytes: 3 * '"x"'.length, reads: 1 });
  await first.waitFor(({ waiting }) => waiting.requests > 0);
  cluster.wires.heal();
  await Promise.all([...writes, read]);
  expect(first.metrics.waiting).toMatchObject({ writes: 0, writeBytes: 0, reads: 0 });
});

test('a node that has stopped waits for nothing, in its last picture too', async () => {
  await using cluster = await Cluster.of(three);
  const { first } = cluster;
  cluster.isolate('a');
  const write = outcomeOf(first.raft.write('x', soon()));
  await first.waitFor(({ waiting }) => waiting.writes === 1 && waiting.calls > 0);
  const ended = first.waitFor(({ isRunning }) => !isRunning);

  const closing = first.raft.close({ handOver: false });

  const { waiting, quorumContactMs } = await ended;
  expect(waiting).toEqual({ writes: 0, writeBytes: 0, reads: 0, requests: 0, calls: 0 });
  expect(quorumContactMs).toBeUndefined();
  await Promise.all([write, closing]);
});

test('a leader knows how long ago it heard a quorum, and others do not', async () => {
  await using cluster = await Cluster.of(three);
  const { first } = cluster;
  const near = await first.waitFor(({ quorumContactMs }) => quorumContactMs !== undefined);

  cluster.isolate('a');
  const cutAt = near.quorumContactMs ?? 0;
  const far = await first.waitFor(({ quorumContactMs }) => (quorumContactMs ?? 0) > cutAt + 200);

  expect(near.quorumContactMs).toBeGreaterThanOrEqual(0);
  expect(far.role).toBe('leader');
  expect(cluster.node('b').metrics.quorumContactMs).toBeUndefined();
});

test('a leader that is a quorum by itself has always heard one', async () => {
  await using cluster = await Cluster.of(['a']);

  await turns(5);

  expect(cluster.first.metrics.quorumContactMs).toBe(0);
});

test('appends, entries and heartbeats are counted on both ends', async () => {
  await using cluster = await Cluster.of(['a', 'b']);
  const { first } = cluster;
  const other = cluster.node('b');
  const written = await Promise.all(Array.from({ length: 50 }, (_, at) => cluster.write(at)));
  const last = Math.max(...written.map(({ logId }) => logId.index));
  await cluster.awaitApplied(last);
  await other.waitFor(({ counts }) => counts.heartbeatsReceived >= 2);

  const { counts: sent } = first.metrics;
  const { counts: received } = other.metrics;

  // An entry with which the leader looks for the place to go on from may go out twice.
  expect(sent.entriesSent).toBeGreaterThanOrEqual(last);
  expect(received.entriesReceived).toBe(sent.entriesSent);
  expect(received.appendsReceived).toBe(sent.appendsSent);
  expect(sent.appendsSent).toBeLessThan(last);
  expect(sent.heartbeatsSent).toBeGreaterThanOrEqual(received.heartbeatsReceived);
  expect(received.entriesSent + received.appendsSent + received.heartbeatsSent).toBe(0);
});

test('elections are counted where they are held, and changes of the leader everywhere', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const old = await cluster.awaitLeader();
  await Promise.all(cluster.all.map(({ raft }) => raft.waitFor(({ leader }) => !!leader, soon())));
  const before = cluster.all.map(({ metrics }) => metrics.counts.leaderChanges);

  cluster.isolate(old.id);
  const next = await cluster.awaitLeader(cluster.others(old));
  cluster.wires.heal();
  await cluster.awaitApplied((await cluster.write('x')).logId.index);

  expect(next.metrics.counts.elections).toBeGreaterThanOrEqual(1);
  for (const [at, { metrics }] of cluster.all.entries()) {
    expect(metrics.counts.leaderChanges).toBeGreaterThan(before[at] ?? 0);
  }
});

test('who never stood for election has counted none', async () => {
  await using cluster = await Cluster.of(three);
  await cluster.awaitApplied((await cluster.write('x')).logId.index);

  const counted = cluster.all.map(({ metrics }) => metrics.counts.elections);

  expect(counted).toEqual([1, 0, 0]);
});

test('refusals are counted by their reason', async () => {
  await using cluster = await Cluster.of(three, { config: { ...calm, maxPendingWrites: 1 } });
  const { first } = cluster;
  const { signal } = soon();

  await outcomeOf(first.raft.initialize(cluster.infos(three), { signal }));
  await outcomeOf(first.raft.changeVoters(['a', 'nobody'], { signal }));
  await outcomeOf(cluster.node('b').raft.updateNode('a', {}, { signal }));
  await outcomeOf(first.raft.transferLeadership('nobody', { signal }));
  const writes = [first.raft.write(1, { signal }), first.raft.write(2, { signal })];
  await Promise.all(writes.map(outcomeOf));

  const { refused } = first.metrics.counts;
  expect(refused).toMatchObject({ alreadyInitialized: 1, invalidTransfer: 1, overloaded: 1 });
  expect(refused.notLeader).toBe(0);
  expect(cluster.node('b').metrics.counts.refused.notLeader).toBe(1);
});

test('snapshots are counted where they are built, sent and received', async () => {
  await using cluster = await Cluster.of(three, { config: bare });
  await leaveBehind(cluster, ['c']);
  const node = await cluster.start('c');
  await cluster.awaitApplied(cluster.first.metrics.committed.index);

  const sent = await cluster.first.waitFor(({ counts }) => counts.snapshotsSent > 0);

  expect(sent.counts).toMatchObject({ snapshotsBuilt: 1, snapshotsSent: 1, snapshotsFailed: 0 });
  expect(node.metrics.counts).toMatchObject({ snapshotsReceived: 1, snapshotsBuilt: 0 });
});

test('a snapshot that cannot be built is counted and costs nothing else', async () => {
  await using cluster = await Cluster.of(['a'], { config: bare });
  const { first } = cluster;
  await first.raft.write('x', soon());
  first.storage.snapshots.save = () => Promise.reject(new Error('no room'));

  const outcome = await outcomeOf(first.raft.takeSnapshot(soon()));

  expect(outcome).toMatchObject({ message: 'no room' });
  expect(first.metrics.counts).toMatchObject({ snapshotsBuilt: 0, snapshotsFailed: 1 });
  expect(first.metrics.isRunning).toBe(true);
});

test('latencies are counted for each batch and call, not for each entry', async () => {
  await using cluster = await Cluster.of(three);
  const { first } = cluster;
  const before = first.metrics.latencies;

  const writes = Array.from({ length: 500 }, (_, at) => first.raft.write(at, soon()));
  await Promise.all(writes);

  const { latencies } = first.metrics;
  for (const name of ['persist', 'replicate', 'commit', 'apply'] as const) {
    expect(latencies[name].count).toBeGreaterThan(before[name].count);
    expect(latencies[name].count - before[name].count).toBeLessThan(100);
    expect(latencies[name].maxMs).toBeGreaterThanOrEqual(latencies[name].p99Ms);
    expect(latencies[name].p99Ms).toBeGreaterThanOrEqual(latencies[name].p50Ms);
  }
});

test('a disk that holds a write up is seen in persist and commit', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft, store } = cluster.first;
  const before = raft.metrics.latencies;
  store.hold();
  const write = raft.write('x', soon());
  const heldAt = performance.now();
  await cluster.first.waitFor(({ last, durable }) => last.index > durable.index);
  while (performance.now() < heldAt + 40) await turns(1);
  const heldMs = performance.now() - heldAt;
  store.release();

  await write;

  const { persist, commit, apply } = raft.metrics.latencies;
  expect(persist.totalMs - before.persist.totalMs).toBeGreaterThanOrEqual(heldMs / 2);
  expect(commit.totalMs - before.commit.totalMs).toBeGreaterThanOrEqual(heldMs / 2);
  expect(apply.count).toBeGreaterThan(before.apply.count);
});

test('pictures are frozen in their numbers too', async () => {
  await using cluster = await Cluster.of(three);
  const node: TestNode = cluster.first;
  await cluster.write(0);
  const { metrics } = node;
  const copy = structuredClone(metrics);

  await cluster.write(1);
  await outcomeOf(node.raft.initialize(cluster.infos(three), soon()));

  expect(metrics).toEqual(copy);
  expect(node.metrics.counts.refused.alreadyInitialized).toBe(1);
  expect(node.metrics.latencies.commit.count).toBe(copy.latencies.commit.count + 1);
});
