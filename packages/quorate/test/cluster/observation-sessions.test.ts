import { expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, soon, type TestNode } from './kit.ts';
import { sendOnce } from './session-kit.ts';
import { bare, leaveBehind } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];
const none = { open: 0, bytes: 0, expired: 0, refused: 0 };

/** What each node shows, once all have applied what the first one has. */
async function shown(cluster: Cluster): Promise<unknown[]> {
  await cluster.awaitApplied(cluster.first.metrics.last.index);
  return cluster.running.map(({ metrics }) => metrics.sessions);
}

test('sessions that are open, and what is kept for them, are shown on every node', async () => {
  await using cluster = await Cluster.of(three);
  expect(await shown(cluster)).toEqual([none, none, none]);

  const session = await cluster.first.raft.openSession(soon());
  const other = await cluster.node('b').raft.openSession(soon());
  const [empty] = await shown(cluster);
  await session.write('x', soon());
  const all = await shown(cluster);

  const { open, bytes } = cluster.first.metrics.sessions;
  expect(open).toBe(2);
  // The response is a number in JSON, behind a byte that says so.
  expect(bytes).toBe((empty as { bytes: number }).bytes + 64 + 2);
  expect(all).toEqual([{ ...none, open, bytes }, ...all.slice(0, 2)]);
  await session.close();
  await other.close();
  expect(await shown(cluster)).toEqual([none, none, none]);
});

test('sessions that expired, and writes that came to nothing, are counted on every node', async () => {
  const config = { ...calm, maxSessions: 2, sessionWindow: 4 };
  await using cluster = await Cluster.of(three, { config });
  const opened: number[] = [];
  for (let at = 0; at < 5; at += 1) opened.push((await cluster.first.raft.openSession(soon())).id);
  for (let sequence = 1; sequence <= 6; sequence += 1) {
    await sendOnce(cluster.first, [opened[4] ?? 0, sequence], sequence);
  }
  await sendOnce(cluster.first, [opened[4] ?? 0, 6], 6);
  expect(await shown(cluster)).toEqual(Array(3).fill(expect.objectContaining({ refused: 0 })));

  await outcomeOf(sendOnce(cluster.first, [opened[0] ?? 0, 1], 'of one that is over'));
  await outcomeOf(sendOnce(cluster.first, [opened[4] ?? 0, 1], 'of a number that is forgotten'));

  const counted: unknown = expect.objectContaining({ open: 2, expired: 3, refused: 2 });
  expect(await shown(cluster)).toEqual([counted, counted, counted]);
});

test('a node shows the sessions of a snapshot that it got from its leader', async () => {
  await using cluster = await Cluster.of(three, { config: bare });
  const { id } = await cluster.first.raft.openSession(soon());
  await sendOnce(cluster.first, [id, 1], 'x');
  await leaveBehind(cluster, ['b']);

  const restarted: TestNode = await cluster.start('b');
  const [first, restored] = await shown(cluster);

  expect(restarted.machine.restored).toHaveLength(1);
  expect(restored).toEqual(first);
  expect(restored).toMatchObject({ open: 1 });
});

test('a write of a session for which there is no room is counted as overloaded', async () => {
  await using cluster = await Cluster.of(['a'], { config: { ...calm, maxPendingBytes: 1000 } });
  const { raft } = cluster.first;
  const session = await raft.openSession(soon());

  const refused = await outcomeOf(session.write('x'.repeat(1001), soon()));

  expect(refused).toMatchObject({ code: 'RAFT_OVERLOADED' });
  expect(raft.metrics.counts.refused.overloaded).toBe(1);
});
