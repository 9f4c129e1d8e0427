import { expect, test } from 'vitest';
import { electionTimeoutMs, LoadCluster, type LoadNode } from './load-kit.ts';

const three = ['a', 'b', 'c'];
const { max } = electionTimeoutMs;
const second = 1000;
const heartbeatMs = 50;

type Three = [LoadNode, LoadNode, LoadNode];

/** Lets writers write for so long, and returns how many writes were acknowledged meanwhile. */
async function acknowledgedIn(cluster: LoadCluster, ms: number, at: LoadNode): Promise<number> {
  const writer = cluster.write(at);
  await cluster.run(ms);
  writer.stop();
  expect(writer.errors).toEqual([]);
  return writer.acknowledged;
}

test('a disk that stands still on a follower slows nobody, fills no memory, and it catches up', async () => {
  await using cluster = await LoadCluster.of(three);
  const [a, , c] = cluster.nodes as Three;
  const before = await acknowledgedIn(cluster, 2 * second, a);
  const { term } = a.metrics;

  c.disk.hold();
  const during = await acknowledgedIn(cluster, 3 * second, a);
  const unwritten = c.metrics.last.index - c.metrics.durable.index;
  const later = await acknowledgedIn(cluster, 4 * second, a);

  expect(before).toBeGreaterThan(1000);
  expect(during).toBeGreaterThanOrEqual(1.5 * before * 0.98);
  expect(later).toBeGreaterThanOrEqual(2 * before * 0.98);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
  // The follower holds what one window and the probe after it have brought, however long it lasts.
  expect(unwritten).toBeGreaterThan(0);
  expect(c.metrics.last.index - c.metrics.durable.index).toBe(unwritten);
  expect(c.most.requests).toBeLessThanOrEqual(
    8 + Math.ceil((7 * second) / 1000) + max / heartbeatMs,
  );
  // And the leader one window, and heartbeats of one election timeout, for each follower.
  expect(a.most.inflight).toBe(8);
  expect(a.most.calls).toBeLessThanOrEqual(2 * (8 + max / heartbeatMs + 1));

  c.disk.release();
  await cluster.converge(10 * second);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
});

test('a leader whose disk stands still hands over, once, and follows when it is back', async () => {
  const lines: string[] = [];
  const note = (fields: object, message: string): void => {
    if (message.includes('disk')) lines.push(`${(fields as { node: string }).node}: ${message}`);
  };
  const logger = { debug: note, info: note, warn: note, error: note };
  await using cluster = await LoadCluster.of(three, { logger });
  const [a, b] = cluster.nodes as Three;
  const { term, counts } = a.metrics;
  const writer = cluster.write(b);
  await cluster.run(second);

  a.disk.hold();
  const stalledAt = cluster.runtime.now();
  const isMoved = (): boolean => cluster.leader !== undefined && cluster.leader !== a;
  await cluster.until(isMoved, 2 * max, 'another node leads');
  const next = cluster.leader as LoadNode;
  const movedAfterMs = cluster.runtime.now() - stalledAt;
  const { acknowledged } = writer;
  await cluster.run(10 * second);

  // One longest election timeout, a heartbeat, and a few round trips.
  expect(movedAfterMs).toBeGreaterThanOrEqual(max);
  expect(movedAfterMs).toBeLessThan(max + 2 * heartbeatMs);
  expect(writer.acknowledged).toBeGreaterThan(acknowledged + 5000);
  expect(next.metrics).toMatchObject({ term: term + 1, role: 'leader' });
  expect(a.metrics.diskSilentMs).toBeGreaterThanOrEqual(10 * second);
  expect(a.metrics.counts.elections).toBe(counts.elections);
  // The new leader's calls wait for a vote that is not on the disk: a heartbeat each, no more.
  expect(a.most.requests).toBeLessThanOrEqual((11 * second) / heartbeatMs + 20);
  expect(a.most.unwritten).toBeLessThanOrEqual(8);

  writer.stop();
  a.disk.release();
  await cluster.converge(10 * second);
  await cluster.run(5 * second);
  expect(next.metrics).toMatchObject({ term: term + 1, role: 'leader' });
  expect(a.metrics).toMatchObject({ term: term + 1, role: 'follower', diskSilentMs: 0 });
  expect(lines).toEqual(['a: the disk does not answer', 'a: the disk answers again']);
});

test('a leader whose disk stands still steps down if nobody can be asked to take over', async () => {
  await using cluster = await LoadCluster.of(three);
  const [a] = cluster.nodes as Three;
  const { term, counts } = a.metrics;
  let asked = 0;
  a.wires.onCall = ({ call }) => {
    if (call !== 'timeoutNow') return undefined;
    asked += 1;
    return Promise.reject(new Error('lost on its way'));
  };
  const writer = cluster.write(a);
  await cluster.run(second);

  a.disk.hold();
  await cluster.until(() => a.metrics.role !== 'leader', 2 * max + heartbeatMs, 'it steps down');
  await cluster.until(() => cluster.leader !== undefined, 3 * max, 'another node leads');
  const next = cluster.leader as LoadNode;
  writer.stop();
  const acknowledged = await acknowledgedIn(cluster, 5 * second, next);

  expect(asked).toBeGreaterThan(0);
  expect(next).not.toBe(a);
  expect(acknowledged).toBeGreaterThan(1000);
  expect(a.metrics.counts.elections).toBe(counts.elections);
  expect(next.metrics.term).toBe(term + 1);
  a.disk.release();
  await cluster.converge(10 * second);
  expect(next.metrics).toMatchObject({ term: term + 1, role: 'leader' });
});

test('when the disks of all stand still nobody hands over or campaigns, and then one leads', async () => {
  await using cluster = await LoadCluster.of(three);
  const [a, b] = cluster.nodes as Three;
  const { term } = a.metrics;
  let asked = 0;
  a.wires.onCall = ({ call }) => void (asked += call === 'timeoutNow' ? 1 : 0);
  const writer = cluster.write(b, { concurrency: 32 });
  await cluster.run(second);

  for (const { disk } of cluster.nodes) disk.hold();
  await cluster.run(4 * max);
  const terms = cluster.nodes.map(({ metrics }) => metrics.term);
  await cluster.run(10 * second);

  expect(asked).toBe(0);
  expect(a.metrics.counts.refused).toMatchObject({ transferFailed: 0, invalidTransfer: 0 });
  expect(cluster.leader).toBeUndefined();
  expect(cluster.nodes.map(({ metrics }) => metrics.term)).toEqual(terms);
  expect(Math.max(...terms)).toBeLessThanOrEqual(term + 1);

  for (const { disk } of cluster.nodes) disk.release();
  await cluster.until(() => cluster.leader !== undefined, 4 * max, 'one leads again');
  const { acknowledged } = writer;
  await cluster.run(2 * second);
  expect(writer.acknowledged).toBeGreaterThan(acknowledged + 1000);
  writer.stop();
  await cluster.converge(10 * second);
});

test('a leader leads on when the disks of all stood still for a moment', async () => {
  await using cluster = await LoadCluster.of(three);
  const [a] = cluster.nodes as Three;
  const { term } = a.metrics;
  const writer = cluster.write(a);
  await cluster.run(second);

  for (const { disk } of cluster.nodes) disk.hold();
  await cluster.run(1.5 * max);
  for (const { disk } of cluster.nodes) disk.release();
  const { acknowledged } = writer;
  await cluster.run(2 * second);
  writer.stop();

  expect(writer.acknowledged).toBeGreaterThan(acknowledged + 1000);
  expect(writer.errors).toEqual([]);
  expect(a.metrics).toMatchObject({ term, role: 'leader' });
});
