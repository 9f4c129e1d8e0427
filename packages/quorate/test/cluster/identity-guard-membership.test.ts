import { describe, expect, test } from 'vitest';
import type { Membership, NodeId } from '../../src/core/types.ts';
import { Cluster, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('the membership says which disk each member has', () => {
  test('from the first entry on, for those that were reachable', async () => {
    await using cluster = await Cluster.of(three);

    const identities = await Promise.all(cluster.all.map(({ raft }) => raft.rpc.identify()));

    const { nodes } = cluster.first.metrics.membership;
    for (const { identity } of identities) {
      expect(nodes[identity.node]?.incarnation).toBe(identity.incarnation);
    }
  });

  test('of a member that was down as soon as it is up', async () => {
    await using cluster = await Cluster.passive(['a'], { config: quick });
    await cluster.first.raft.initialize({ a: {}, b: {} }, soon());

    const late = await cluster.start('b');
    const { identity } = await late.raft.rpc.identify();
    await late.waitFor(({ membership }) => membership.nodes['b']?.incarnation !== undefined);

    expect(late.metrics.membership.nodes['b']).toEqual({ incarnation: identity.incarnation });
    expect(late.metrics.membership.voters).toEqual([['a', 'b']]);
  });

  test('of a learner that is added, and what a caller says about it does not count', async () => {
    await using cluster = await Cluster.of(['a']);
    const learner = await cluster.start('b');
    const info = { ...learner.info, incarnation: 'a lie' };

    await cluster.first.raft.addLearner('b', info, soon());
    const { identity } = await learner.raft.rpc.identify();

    const { nodes } = cluster.first.metrics.membership;
    expect(nodes['b']?.incarnation).toBe(identity.incarnation);
    await cluster.first.raft.updateNode('b', info, soon());
    expect(cluster.first.metrics.membership.nodes['b']).toEqual(nodes['b']);
  });

  test('and a change that the application asks for waits for that entry', async () => {
    await using cluster = await Cluster.of(['a'], { config: quick });
    const { raft, store } = cluster.first;
    await raft.addLearner('b', {}, { ...soon(), wait: false });
    store.hold();
    await cluster.start('b');
    await raft.waitFor(({ membership }) => knowsDisk(membership, 'b'), soon());

    const change = raft.updateNode('a', { data: { at: 'last' } }, soon());
    await turns(5);
    store.release();
    await change;

    expect(raft.metrics.membership.nodes['a']?.data).toEqual({ at: 'last' });
    expect(knowsDisk(raft.metrics.membership, 'b')).toBe(true);
  });

  test('and no node of another cluster gets into it', async () => {
    await using cluster = await Cluster.of(['a', 'x']);
    await cluster.start('b');
    const { raft } = cluster.node('b');
    const { term } = cluster.first.metrics;

    const forming = raft.initialize({ b: {}, x: {} }, soon());

    await expect(forming).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(forming).rejects.toThrow('Node x cannot be made a member: it belongs to cluster');
    await raft.initialize({ b: {} }, soon());
    await cluster.awaitLeader([cluster.node('b')]);
    const adding = raft.addLearner('x', {}, soon());
    await expect(adding).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    expect(cluster.first.metrics.term).toBe(term);
    cluster.nodes.delete('b');
    await raft.close();
  });
});

function knowsDisk({ nodes }: Membership, id: NodeId): boolean {
  return nodes[id]?.incarnation !== undefined;
}
