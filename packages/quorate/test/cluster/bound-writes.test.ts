import { describe, expect, test } from 'vitest';
import { Cluster, outcomeOf, soon } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('a write that is bound to a term', () => {
  test('is logged by the leader of that term', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;

    const { logId } = await raft.write('x', { term: raft.metrics.term, ...soon() });

    expect(logId.term).toBe(raft.metrics.term);
  });

  test('is neither passed on nor logged in another term', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, machine } = cluster.first;
    const [, follower] = cluster.running;
    const { term } = raft.metrics;

    const elsewhere = outcomeOf(follower?.raft.write('x', { term }) ?? Promise.resolve());
    const later = outcomeOf(raft.write('y', { term: term + 1 }));

    expect(await elsewhere).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
    expect(await later).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
    expect(String(await later)).toContain(`for term ${term + 1} alone`);
    await raft.write('z', soon());
    expect(machine.commands).toEqual(['z']);
  });

  test('that waits while the leadership is handed over is not handed over with it', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    const { term } = raft.metrics;

    const transferred = raft.transferLeadership(undefined, soon());
    const bound = outcomeOf(raft.write('x', { term }));
    const free = raft.write('y', soon());
    await transferred;

    expect(await bound).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
    await free;
    const leader = await cluster.awaitLeader();
    await leader.raft.readBarrier(soon());
    expect(leader.machine.commands).toEqual(['y']);
  });
});
