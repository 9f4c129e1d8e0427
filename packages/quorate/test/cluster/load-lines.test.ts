import { expect, test } from 'vitest';
import { bytesIn, LoadCluster, type LoadNode } from './load-kit.ts';

const three = ['a', 'b', 'c'];
const second = 1000;
const heartbeatMs = 50;
const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

type Three = [LoadNode, LoadNode, LoadNode];

const load = { concurrency: 8, bytes: 4 * kibibyte };

async function acknowledgedIn(cluster: LoadCluster, ms: number, at: LoadNode): Promise<number> {
  const writer = cluster.write(at, load);
  await cluster.run(ms);
  writer.stop();
  expect(writer.errors).toEqual([]);
  return writer.acknowledged;
}

test('a follower that reads slowly slows nobody, and what waits for it is bounded', async () => {
  const maxQueuedBytes = 256 * kibibyte;
  const maxAppendBytes = 64 * kibibyte;
  await using cluster = await LoadCluster.of(three, {
    config: { maxAppendBytes },
    tcp: { maxQueuedBytes },
  });
  const [a] = cluster.nodes as Three;
  const before = await acknowledgedIn(cluster, 2 * second, a);
  const { term } = a.metrics;
  a.lookAnew();

  cluster.setSpeed('a', 'c', 50);
  const during = await acknowledgedIn(cluster, 8 * second, a);

  expect(during).toBeGreaterThanOrEqual(4 * before * 0.98);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
  expect(a.most.queuedBytes).toBeLessThanOrEqual(
    2 * (maxQueuedBytes + maxAppendBytes + 8 * kibibyte),
  );

  cluster.setSpeed('a', 'c', Infinity);
  await cluster.converge(20 * second);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
});

test('a follower at a tenth of the speed slows nobody, and gets a snapshot when it is too far behind', async () => {
  await using cluster = await LoadCluster.of(three, {
    config: { snapshotAfterEntries: 1000, keepBytes: 256 * kibibyte },
  });
  cluster.net.bytesPerMs = 10_000;
  const [a, , c] = cluster.nodes as Three;
  for (const { machine } of cluster.nodes) machine.snapshotBytes = 64 * kibibyte;
  const before = await acknowledgedIn(cluster, 2 * second, a);
  const { term } = a.metrics;
  expect(c.machine.restored).toBe(0);

  c.disk.writeMs = 10;
  cluster.setSpeed('a', 'c', 1000);
  const during = await acknowledgedIn(cluster, 10 * second, a);

  expect(during).toBeGreaterThanOrEqual(5 * before * 0.98);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
  expect(c.machine.restored).toBeGreaterThan(0);
  // The log is kept as long as it would be without the slow one: this many, and these bytes.
  expect(a.most.kept).toBeLessThanOrEqual(1000 + 256 / 4 + 100);
  expect(a.most.queuedBytes).toBeLessThanOrEqual((8 + 1) * mebibyte);
  expect(c.most.unwritten).toBeLessThanOrEqual((8 * mebibyte) / load.bytes);
  await cluster.converge(20 * second);
});

test('a 50 MB entry on a slow line holds up no heartbeat, no read and no election, and is sent once', async () => {
  const big = new Uint8Array(50_000_000);
  await using cluster = await LoadCluster.of(three, {
    config: { maxCommandBytes: 64 * mebibyte, maxPendingBytes: 128 * mebibyte },
  });
  cluster.net.bytesPerMs = 10_000;
  const [a, b] = cluster.nodes as Three;
  const { term, counts } = a.metrics;
  const elections = cluster.nodes.map(electionsOf);
  let bigAppends = 0;
  a.wires.onCall = (message) => {
    if (message.call !== 'appendEntries') return;
    if (bytesIn(message.request.entries) >= big.length) bigAppends += 1;
  };
  const writers = [cluster.write(a), cluster.write(b)];
  const acknowledged = (): number => writers.reduce((sum, one) => sum + one.acknowledged, 0);
  await cluster.run(second);
  const before = acknowledged();

  let isCommitted = false;
  const write = a.raft.write(big).then(() => (isCommitted = true));
  const begunAt = cluster.runtime.now();
  const readers = [new Reader(cluster, a), new Reader(cluster, b)];
  await cluster.until(() => isCommitted, 30 * second, 'the large entry is committed');
  await write;
  const tookMs = cluster.runtime.now() - begunAt;
  for (const reader of readers) reader.stop();
  const meanwhile = acknowledged();
  await cluster.run(second);
  for (const writer of writers) writer.stop();

  // What was written before it is acknowledged while it is on its way, and what is written after
  // it at the usual pace; what comes behind it in the log has to wait.
  expect(before).toBeGreaterThan(1000);
  expect(acknowledged() - meanwhile).toBeGreaterThanOrEqual(before * 0.9);
  expect(bigAppends).toBe(2);
  for (const { count, longestMs } of readers) {
    expect(count).toBeGreaterThan(tookMs / heartbeatMs);
    expect(longestMs).toBeLessThan(heartbeatMs);
  }
  expect(a.metrics.counts.callsUnanswered).toBe(counts.callsUnanswered);
  expect(a.most.queuedBytes).toBeLessThanOrEqual(2 * (big.length + mebibyte));
  await cluster.converge(30 * second);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
  expect(cluster.nodes.map(electionsOf)).toEqual(elections);
});

test('an entry that takes longer than a call may on a very slow line gets there all the same', async () => {
  const big = new Uint8Array(4_000_000);
  await using cluster = await LoadCluster.of(three);
  const [a] = cluster.nodes as Three;
  const { term } = a.metrics;
  cluster.net.bytesPerMs = 200;

  let isCommitted = false;
  const write = a.raft.write(big).then(() => (isCommitted = true));
  await cluster.until(() => isCommitted, 300 * second, 'the large entry is committed');
  await write;

  cluster.net.bytesPerMs = 10_000;
  await cluster.converge(300 * second);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
});

/** Reads in a loop, until it is stopped. */
class Reader {
  count = 0;
  longestMs = 0;
  #isStopped = false;

  constructor(cluster: LoadCluster, node: LoadNode) {
    void this.#go(cluster, node);
  }

  async #go({ runtime }: LoadCluster, { raft }: LoadNode): Promise<void> {
    while (!this.#isStopped) {
      const from = runtime.now();
      await raft.readBarrier();
      this.count += 1;
      this.longestMs = Math.max(this.longestMs, runtime.now() - from);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

/** What would grow if somebody stood for election, or lost sight of the leader. */
function electionsOf({ metrics }: LoadNode): readonly number[] {
  const { elections, leaderChanges } = metrics.counts;
  return [elections, leaderChanges];
}
