import { describe, expect, test } from 'vitest';
import type { VoteRequest } from '../../src/core/message.ts';
import { Cluster, calm, isLeading, quick, soon, speak } from './kit.ts';

const three = ['a', 'b', 'c'];

function voteRequest(request: Partial<VoteRequest>): VoteRequest {
  const lastLogId = { term: 99, index: 999 };
  return { term: 99, candidate: 'b', lastLogId, preVote: false, transfer: false, ...request };
}

describe('an election', () => {
  test('of five nodes ends with one leader that all of them name', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c', 'd', 'e'], { config: quick });
    const { term, id } = (await cluster.awaitLeader()).metrics;

    await Promise.all(
      cluster.all.map((node) => node.waitFor((seen) => seen.leader === id && seen.term === term)),
    );

    expect(cluster.all.filter(({ metrics }) => metrics.role === 'leader')).toHaveLength(1);
  });

  test('is won by the log whose end has the higher term, not by the longer one', async () => {
    await using cluster = await Cluster.passive(three, { config: quick });
    const membership = { cluster: 'c', voters: [three], nodes: cluster.infos(three) };
    const logs = { a: [0, 1, 1, 1, 1], b: [0, 2], c: [0, 2] };
    for (const [id, terms] of Object.entries(logs)) {
      await cluster.stop(id);
      const { store } = cluster.node(id);
      await store.saveVote({ term: 2, votedFor: undefined });
      const entries = terms.map((term, at) => ({
        logId: { term, index: at + 1 },
        payload:
          at === 0 ? ({ type: 'membership', membership } as const) : ({ type: 'blank' } as const),
      }));
      await store.append(entries);
    }

    await Promise.all(three.map((id) => cluster.start(id)));
    const leader = await cluster.awaitLeader();
    const { logId } = await leader.raft.write('x', soon());
    await cluster.awaitApplied(logId.index);

    expect(leader.id).not.toBe('a');
    for (const { store } of cluster.all) {
      expect((await store.read(1, 3)).map((entry) => entry.logId.term)).toEqual([0, 2]);
    }
  });

  test('is won by the longer of two logs that end in one term, and loses nothing acknowledged', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [behind, ahead] = cluster.others(leader);
    cluster.isolate(behind?.id ?? '');
    await leader.raft.write('x', soon());

    await cluster.stop(leader.id);
    cluster.wires.heal();
    const next = await cluster.awaitLeader();

    expect(next.id).toBe(ahead?.id);
    expect(await behind?.awaitCommands(1)).toEqual(['x']);
  });

  test('follows another as often as leaders die, with a higher term each time', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const terms: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const leader = await cluster.awaitLeader();
      terms.push(leader.metrics.term);
      await leader.raft.write(round, soon());
      await cluster.stop(leader.id);
      await cluster.awaitLeader();
      await cluster.start(leader.id);
    }

    expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
    const { logId } = await cluster.write('end');
    await cluster.awaitApplied(logId.index);
    expect(cluster.first.machine.commands).toEqual([0, 1, 2, 'end']);
  });

  test('does not happen without a majority, and does once there is one again', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    await cluster.write('x');
    await cluster.stop('b');
    await cluster.stop('c');
    await cluster.first.waitFor(({ role }) => role === 'candidate');
    const { term } = cluster.first.metrics;

    await cluster.start('b');
    const leader = await cluster.awaitLeader();

    expect(leader.metrics.term).toBeGreaterThan(term);
    expect(await leader.awaitCommands(1)).toEqual(['x']);
  });
});

describe('a leader', () => {
  test('steps down at a higher term in a call, and loses what it has not committed', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.isolate('a');
    const write = raft.write('x', soon());
    await raft.waitFor(({ last, committed }) => last.index > committed.index, soon());

    const { last: previous } = raft.metrics;
    const call = { term: 50, leader: 'b', previous, entries: [], committed: 0 };
    await raft.rpc.appendEntries(call, speak('b', 'a'));

    await expect(write).rejects.toMatchObject({ code: 'RAFT_LEADERSHIP_LOST' });
    expect(raft.metrics).toMatchObject({ role: 'follower', term: 50, leader: 'b' });
  });

  test('steps down at a higher term in an answer', async () => {
    await using cluster = await Cluster.of(three);
    const follower = cluster.node('b');
    const { raft } = follower;
    const { last: previous } = raft.metrics;

    const call = { term: 50, leader: 'c', previous, entries: [], committed: 0 };
    await raft.rpc.appendEntries(call, speak('c', 'b'));
    const { term } = await cluster.first.waitFor(({ role }) => role !== 'leader');

    expect(term).toBe(50);
  });

  test('is not moved by a candidate with a higher term and a longer log', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const { term } = raft.metrics;

    for (const preVote of [true, false]) {
      const answer = await raft.rpc.requestVote(voteRequest({ preVote }), speak('b', 'a'));
      expect(answer).toEqual({ term, granted: false });
    }

    expect(raft.metrics).toMatchObject({ role: 'leader', term });
  });

  test('that is cut off steps down although nobody tells it, and rejoins as a follower', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    const { term } = old.metrics;
    cluster.isolate(old.id);

    await old.waitFor(({ role }) => role !== 'leader');
    expect(old.metrics.term).toBe(term);
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('x', soon());
    cluster.wires.heal();

    expect(await old.awaitCommands(1)).toEqual(['x']);
  });

  test('that nobody hears, but that hears everybody, is replaced', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    for (const other of cluster.others(old)) cluster.wires.cut(old.id, other.id);

    const next = await cluster.awaitLeader(cluster.others(old));
    const { term } = await old.waitFor(({ leader }) => leader === next.id);

    expect(old.metrics.role).toBe('follower');
    expect(term).toBeGreaterThanOrEqual(next.metrics.term);
  });

  test('that hears nobody steps down, and another one takes over', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    for (const other of cluster.others(old)) cluster.wires.cut(other.id, old.id);

    await old.waitFor(({ role }) => role !== 'leader');
    const next = await cluster.awaitLeader(cluster.others(old));

    expect((await next.raft.write('x', soon())).response).toBe(1);
  });
});

describe('a follower', () => {
  test('that hears its leader gives no vote to anybody else', async () => {
    await using cluster = await Cluster.of(three);
    const follower = cluster.node('b');
    await follower.waitFor(({ leader }) => leader === 'a');
    const { term } = follower.metrics;

    for (const preVote of [true, false]) {
      const request = voteRequest({ candidate: 'c', preVote });
      const answer = await follower.raft.rpc.requestVote(request, speak('c', 'b'));
      expect(answer).toEqual({ term, granted: false });
    }

    expect(follower.metrics.term).toBe(term);
  });

  test('that is cut off does not raise its term, and comes back without an election', async () => {
    await using cluster = await Cluster.of(three, { config: calm });
    const follower = await cluster.restart('b', quick);
    await follower.waitFor(({ leader }) => leader === 'a');
    const { term } = follower.metrics;

    cluster.isolate('b');
    await follower.waitFor(({ role }) => role === 'candidate');
    await cluster.write('x');
    const preVotes = countCampaigns(cluster, 'b', 3);
    await preVotes;
    expect(follower.metrics.term).toBe(term);
    cluster.wires.heal();

    expect(await follower.awaitCommands(1)).toEqual(['x']);
    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term });
  });
});

test('unreachable peers are no grant: two of five elect nobody', async () => {
  await using cluster = await Cluster.of(['a', 'b', 'c', 'd', 'e'], { config: quick });
  const { term } = (await cluster.awaitLeader()).metrics;
  for (const id of ['c', 'd', 'e']) await cluster.stop(id);

  await Promise.all([
    countCampaigns(cluster, 'a', 3),
    countCampaigns(cluster, 'b', 3),
    cluster.node('a').waitFor(({ role }) => role === 'candidate'),
  ]);

  for (const id of ['a', 'b']) {
    expect(isLeading(cluster.node(id).metrics)).toBe(false);
    expect(cluster.node(id).metrics.term).toBeLessThanOrEqual(term + 1);
  }
});

test('a learner never campaigns and never votes', async () => {
  await using cluster = await Cluster.of(['a'], { config: quick });
  await cluster.start('b');
  await cluster.node('a').raft.addLearner('b', cluster.node('b').info, soon());
  let asked = 0;
  cluster.wires.onCall = ({ call, from }) => {
    if (call === 'requestVote' && from === 'b') asked += 1;
  };

  await cluster.stop('a');
  await cluster.start('a');
  await cluster.awaitLeader();
  await cluster.write('x');
  await cluster.node('b').awaitCommands(1);

  expect(asked).toBe(0);
  expect(cluster.node('b').metrics.role).toBe('learner');
});

/** Resolves once `id` has asked for votes in that many campaigns of its own. */
async function countCampaigns(cluster: Cluster, id: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { wires } = cluster;
  const before = wires.onCall;
  let requests = 0;
  wires.onCall = (message) => {
    if (message.call === 'requestVote' && message.from === id) requests += 1;
    if (requests >= count * (cluster.nodes.size - 1)) resolve();
    return before(message);
  };
  await promise;
}
