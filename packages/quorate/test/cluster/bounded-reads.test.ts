import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, speak, turns } from './kit.ts';
import { writeTo } from './members.ts';

const three = ['a', 'b', 'c'];

/** Of a candidate that is ahead of everybody, and that no loyalty holds back. */
const nextVote = {
  term: 90,
  candidate: 'b',
  lastLogId: { term: 89, index: 900 },
  preVote: true,
  transfer: true,
} as const;

describe('a read on a node that does not get what it needs', () => {
  test('ends in time, although the leader answers and is heard', async () => {
    const config = { ...calm, readTimeoutMs: 100 };
    await using cluster = await Cluster.of(three, { config });
    await writeTo(cluster, three);
    const { raft } = cluster.node('b');
    cluster.wires.onCall = (message) =>
      message.call === 'appendEntries' && message.to === 'b' && message.request.entries.length > 0
        ? new Promise(() => {})
        : undefined;
    const { logId } = await cluster.first.raft.write('x', soon());

    const outcome = await outcomeOf(raft.readBarrier(soon()));

    expect(outcome).toMatchObject({ code: 'RAFT_BEHIND', maybeApplied: false });
    const { message } = outcome as Error;
    expect(message).toContain(`node b did not get to entry ${logId.index}`);
    expect(message).toContain(`it has applied ${logId.index - 1}`);
    expect(raft.metrics.waiting.reads).toBe(0);
    cluster.wires.onCall = () => undefined;
  });
});

test('reads that ended leave room for others, and for the peers', async () => {
  const config = { ...quick, readTimeoutMs: 20, maxWaitingCalls: 12 };
  await using cluster = await Cluster.passive(three, { config });
  // Heartbeats are answered, entries are not: it leads, and commits nothing in its term.
  cluster.wires.onCall = (message) =>
    message.call === 'appendEntries' && message.request.entries.length > 0
      ? new Promise(() => {})
      : undefined;
  const { raft } = cluster.first;
  await raft.initialize(cluster.infos(three), soon());
  await cluster.first.waitFor(({ role }) => role === 'leader');

  const codes: unknown[] = [];
  for (let turn = 0; turn < 30; turn += 1) {
    const outcome = (await outcomeOf(raft.readBarrier(soon()))) as { code: string };
    codes.push(outcome.code);
  }

  expect(new Set(codes)).toEqual(new Set(['RAFT_BEHIND']));
  const vote = await outcomeOf(raft.rpc.requestVote(nextVote, speak('b', 'a')));
  expect(vote).not.toMatchObject({ code: 'RAFT_OVERLOADED' });
  cluster.wires.onCall = () => undefined;
});

test('a question for the index of a read keeps no place once nobody waits for it', async () => {
  const config = { ...calm, maxWaitingCalls: 4 };
  await using cluster = await Cluster.of(three, { config });
  cluster.wires.onCall = ({ call }) =>
    call === 'appendEntries' ? new Promise(() => {}) : undefined;
  const { raft } = cluster.first;

  for (let turn = 0; turn < 10; turn += 1) {
    const caller = new AbortController();
    const options = { ...speak('b', 'a'), signal: caller.signal };
    const asked = raft.rpc.readIndex({ mode: 'quorum' }, options);
    caller.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
  }

  expect(raft.metrics.waiting.requests).toBe(0);
  cluster.wires.onCall = () => undefined;
});

describe('a read on a node in quarantine', () => {
  test('is refused at once, with the reason and what to do', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    await cluster.stop('c');
    cluster.replaceDisk('c');
    const wiped = await cluster.start('c');
    const { quarantine } = await wiped.waitFor((metrics) => metrics.quarantine !== undefined);
    await turns(1);

    for (const mode of ['quorum', 'lease'] as const) {
      const outcome = await outcomeOf(wiped.raft.readBarrier({ mode, ...soon() }));
      expect(outcome).toMatchObject({ code: 'RAFT_BEHIND', maybeApplied: false });
      expect((outcome as Error).message).toContain('Node c is in quarantine');
      expect((outcome as Error).message).toContain(quarantine);
    }
    expect(wiped.metrics.waiting.reads).toBe(0);
  });

  test('is refused as soon as the node is told, if it was waiting', async () => {
    await using cluster = await Cluster.of(three);
    await writeTo(cluster, three);
    const { raft } = cluster.node('c');
    const asked = Promise.withResolvers<void>();
    cluster.wires.onCall = ({ call, from }) => {
      if (call !== 'readIndex' || from !== 'c') return undefined;
      asked.resolve();
      return new Promise(() => {});
    };
    const read = outcomeOf(raft.readBarrier(soon()));
    await asked.promise;

    const { identity: from } = await cluster.first.raft.rpc.identify();
    const to = { node: 'c', incarnation: 'the disk they know' };
    await outcomeOf(raft.rpc.identify({ from, to }));

    expect(await read).toMatchObject({ code: 'RAFT_BEHIND' });
    expect(raft.metrics.quarantine).toContain('the cluster means the disk they know');
    cluster.wires.onCall = () => undefined;
  });

  test('of a leader is refused, too, and the others go on', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, heartbeatMs: 4000 } });
    await writeTo(cluster, three);
    const { raft } = cluster.first;
    cluster.wires.onCall = ({ call, from }) =>
      call === 'appendEntries' && from === 'a' ? new Promise(() => {}) : undefined;
    const read = outcomeOf(raft.readBarrier(soon()));
    await turns(3);

    const { identity: from } = await cluster.node('b').raft.rpc.identify();
    const to = { node: 'a', incarnation: 'the disk they know' };
    await outcomeOf(raft.rpc.identify({ from, to }));

    expect(await read).toMatchObject({ code: 'RAFT_BEHIND' });
    expect(raft.metrics.role).toBe('follower');
    const request = { term: 1, leader: 'a' };
    await cluster.node('b').raft.rpc.timeoutNow(request, speak('a', 'b'));
    const next = await cluster.awaitLeader([cluster.node('b')]);
    expect(await next.raft.readBarrier(soon())).toBeGreaterThan(0);
    cluster.wires.onCall = () => undefined;
  });
});
