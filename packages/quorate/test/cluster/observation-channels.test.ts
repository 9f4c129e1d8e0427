import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { channels, type Diagnostics } from '../../src/node/diagnostics.ts';
import { Cluster, quick, soon, type TestNode } from './kit.ts';
import { bare, leaveBehind } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

/** Keeps what is published on a channel until it is disposed of. */
function listenTo<Name extends keyof Diagnostics>(
  name: Name,
): { readonly messages: Diagnostics[Name][] } & Disposable {
  const messages: Diagnostics[Name][] = [];
  const listener = (message: unknown): void => void messages.push(message as Diagnostics[Name]);
  subscribe(name, listener);
  return { messages, [Symbol.dispose]: () => void unsubscribe(name, listener) };
}

test('nobody listens unless somebody subscribes, and each channel has its own name', () => {
  for (const [name, channel] of Object.entries(channels)) {
    expect(channel.name).toBe(name);
    expect(channel.hasSubscribers).toBe(false);
  }
});

test('every change of the leader is published in order, on each node', async () => {
  using leaders = listenTo('quorate:leader');
  await using cluster = await Cluster.of(three, { config: quick });
  const old = await cluster.awaitLeader();
  cluster.isolate(old.id);
  const next = await cluster.awaitLeader(cluster.others(old));
  cluster.wires.heal();
  await cluster.awaitApplied((await cluster.write('x')).logId.index);

  for (const { id } of cluster.all) {
    const own = leaders.messages.filter(({ node }) => node === id);
    const terms = own.map(({ term }) => term);
    expect(terms).toEqual([...terms].sort((a, b) => a - b));
    expect(own.some(({ leader }) => leader === next.id)).toBe(true);
    expect(own.at(-1)).toMatchObject({ leader: cluster.node(id).metrics.leader });
  }
});

test('a node that is elected goes through its roles one by one', async () => {
  using roles = listenTo('quorate:role');
  await using cluster = await Cluster.of(['a']);

  expect(roles.messages.map(({ node, before, role }) => [node, before, role])).toEqual([
    ['a', 'learner', 'follower'],
    ['a', 'follower', 'candidate'],
    ['a', 'candidate', 'leader'],
  ]);
  expect(roles.messages.at(-1)?.term).toBe(cluster.first.metrics.term);
});

test('each membership in force is published, the joint one too', async () => {
  await using cluster = await Cluster.of(three);
  using memberships = listenTo('quorate:membership');

  await cluster.first.raft.changeVoters(['a', 'b'], soon());

  const voters = memberships.messages
    .filter(({ node }) => node === 'a')
    .map(({ membership }) => membership.voters);
  expect(voters).toEqual([[three, ['a', 'b']], [['a', 'b']]]);
});

test('each advance of the commit index is published, and none goes back', async () => {
  await using cluster = await Cluster.of(['a']);
  using commits = listenTo('quorate:commit');

  const results = [];
  for (let at = 0; at < 5; at += 1) results.push(await cluster.first.raft.write(at, soon()));

  const { term } = cluster.first.metrics;
  expect(commits.messages).toEqual(
    results.map(({ logId }) => ({ node: 'a', term, index: logId.index })),
  );
});

test('each call is published when it ends, answered or not', async () => {
  await using cluster = await Cluster.of(['a', 'b'], { config: { ...bare, callTimeoutMs: 50 } });
  using calls = listenTo('quorate:call');

  await cluster.write('x');
  cluster.wires.cut('a', 'b');
  const lost = cluster.first.raft.write('y', soon());
  await cluster.first.waitFor(() => calls.messages.some(({ isAnswered }) => !isAnswered));
  cluster.wires.heal();
  await lost;

  const fromLeader = calls.messages.filter(({ node, to }) => node === 'a' && to === 'b');
  const appends = fromLeader.filter(({ type }) => type === 'append');
  expect(appends.some(({ isAnswered }) => isAnswered)).toBe(true);
  expect(appends.find(({ isAnswered }) => !isAnswered)?.ms).toBeGreaterThanOrEqual(45);
});

test('snapshots are published where they are built, sent, received and failed', async () => {
  using snapshots = listenTo('quorate:snapshot');
  await using cluster = await Cluster.of(three, { config: bare });
  const covered = await leaveBehind(cluster, ['c']);
  await cluster.start('c');
  await cluster.first.waitFor(({ counts }) => counts.snapshotsSent > 0);
  await cluster.first.raft.write('x', soon());
  cluster.first.storage.snapshots.save = () => Promise.reject(new Error('no room'));
  await cluster.first.raft.takeSnapshot(soon()).catch(() => undefined);

  expect(snapshots.messages).toEqual([
    { node: 'a', type: 'built', lastLogId: covered },
    { node: 'c', type: 'received', lastLogId: covered },
    { node: 'a', type: 'sent', to: 'c' },
    { node: 'a', type: 'failed', error: new Error('no room') },
  ]);
});

test('a node that stops by itself says so', async () => {
  using fatal = listenTo('quorate:fatal');
  await using cluster = await Cluster.of(['a']);
  const { raft, machine }: TestNode = cluster.first;
  machine.apply = () => {
    throw new Error('broken');
  };

  await raft.write('x', soon()).catch(() => undefined);

  expect(fatal.messages).toHaveLength(1);
  expect(fatal.messages[0]).toMatchObject({ node: 'a', error: raft.metrics.fatal });
});

test('a listener may call the node that it hears from', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft } = cluster.first;
  const written: Promise<unknown>[] = [];
  const listener = (): void => {
    if (written.length < 3) written.push(raft.write(`from within ${written.length}`, soon()));
  };
  subscribe('quorate:commit', listener);

  await raft.write('x', soon());
  while (written.length < 3) await written.at(-1);
  await Promise.all(written);
  unsubscribe('quorate:commit', listener);

  expect(cluster.first.machine.commands).toHaveLength(4);
});
