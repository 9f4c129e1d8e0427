import { describe, expect, test } from 'vitest';
import { Cluster, outcomeOf, soon } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('a write that a client outside has numbered', () => {
  test('takes effect once, whichever nodes it is sent to and how often', async () => {
    await using cluster = await Cluster.of(three);
    const leader = cluster.first;
    const [, follower] = cluster.running;
    const { id } = await leader.raft.openSession(soon());

    const first = await leader.raft.write('x', { session: { id, sequence: 1 }, ...soon() });
    const other = await follower?.raft.write('y', { session: { id, sequence: 2 }, ...soon() });
    const again = await follower?.raft.write('x', { session: { id, sequence: 1 }, ...soon() });

    expect([first, other, again].map((result) => result?.response)).toEqual([1, 2, 1]);
    expect(leader.machine.commands).toEqual(['x', 'y']);
  });

  test('is refused when the session was closed elsewhere', async () => {
    await using cluster = await Cluster.of(three);
    const leader = cluster.first;
    const [, follower] = cluster.running;
    const { id } = await leader.raft.openSession(soon());

    await follower?.raft.closeSession(id, soon());
    const write = leader.raft.write('x', { session: { id, sequence: 1 }, ...soon() });

    expect(await outcomeOf(write)).toMatchObject({ code: 'RAFT_SESSION_EXPIRED' });
    expect(leader.machine.commands).toEqual([]);
  });

  test('must have numbers that can be some', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;

    for (const session of [
      { id: 0, sequence: 1 },
      { id: 1, sequence: 0.5 },
      { id: Number.NaN, sequence: 1 },
    ]) {
      await expect(raft.write('x', { session })).rejects.toThrow('whole number above 0');
    }
  });
});
