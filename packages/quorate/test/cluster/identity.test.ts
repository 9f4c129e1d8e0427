import { describe, expect, test } from 'vitest';
import type { CallOptions } from '../../src/contract/network.ts';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import { Cluster, speak, type TestNode } from './kit.ts';

const heartbeat: AppendEntriesRequest = {
  term: 1,
  leader: 'a',
  previous: { term: 0, index: 0 },
  entries: [],
  committed: 0,
};

const vote = {
  term: 50,
  candidate: 'a',
  lastLogId: { term: 49, index: 900 },
  preVote: false,
  transfer: false,
} as const;

/** Asks with every call that this version answers. */
function everyCall({ raft }: TestNode, options: CallOptions): Promise<unknown>[] {
  const { rpc } = raft;
  return [
    Promise.resolve(rpc.appendEntries({ ...heartbeat, term: 50 }, options)),
    rpc.requestVote(vote, options),
    rpc.identify(options),
  ];
}

async function identityOf({ raft }: TestNode): Promise<NonNullable<CallOptions['from']>> {
  return (await raft.rpc.identify()).identity;
}

describe('a call', () => {
  test('from another cluster is refused and changes nothing (row 86)', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const node = cluster.node('b');
    await node.waitFor(({ leader }) => leader === 'a');
    const from = { ...(await identityOf(cluster.first)), cluster: 'another' };
    const { term } = node.metrics;

    for (const call of everyCall(node, { from, to: { node: 'b' } })) {
      await expect(call).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
      await expect(call).rejects.toThrow('Node a belongs to cluster another, and this node to ');
    }
    expect(node.metrics.term).toBe(term);
  });

  test('that is meant for another node is refused (row 86)', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const from = await identityOf(cluster.first);

    for (const call of everyCall(cluster.node('b'), { from, to: { node: 'c' } })) {
      await expect(call).rejects.toThrow('The call is for node c, and this is node b.');
    }
  });

  test('that is meant for another disk is refused (row 86)', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const from = await identityOf(cluster.first);
    const to = { node: 'b', incarnation: 'wiped' };

    for (const call of everyCall(cluster.node('b'), { from, to })) {
      await expect(call).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    }
  });

  test('that speaks for another node is refused', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const from = await identityOf(cluster.node('c'));
    const { rpc } = cluster.node('b').raft;
    const options = { from, to: { node: 'b' } };

    await expect(rpc.appendEntries({ ...heartbeat, term: 50 }, options)).rejects.toThrow(
      'Node c must not speak for node a.',
    );
    await expect(rpc.requestVote(vote, options)).rejects.toMatchObject({
      code: 'RAFT_WRONG_TARGET',
    });
  });

  test('that does not say who asks and who is meant, or names a term nobody counted to, is refused', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { raft } = cluster.node('b');
    const { term } = raft.metrics;
    const { from, to } = speak('a', 'b');

    for (const options of [{}, { from }, { to }] as CallOptions[]) {
      const refused = { code: 'RAFT_WRONG_TARGET' };
      await expect(raft.rpc.appendEntries(heartbeat, options)).rejects.toMatchObject(refused);
      await expect(raft.rpc.requestVote(vote, options)).rejects.toMatchObject(refused);
    }
    const high = { ...heartbeat, term: Number.MAX_SAFE_INTEGER };
    await expect(raft.rpc.appendEntries(high, speak('a', 'b'))).rejects.toThrow(RangeError);

    expect(raft.metrics.term).toBe(term);
  });

  test('with entries that have a gap, or are newer than their leader, is refused', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    const { rpc } = cluster.node('b').raft;
    const blank = { type: 'blank' } as const;
    const at = (term: number, index: number) => ({ logId: { term, index }, payload: blank });

    const gap = rpc.appendEntries({ ...heartbeat, entries: [at(1, 2)] }, speak('a', 'b'));
    const newer = rpc.appendEntries({ ...heartbeat, entries: [at(2, 1)] }, speak('a', 'b'));

    await expect(gap).rejects.toThrow('must not follow 0 of term 0');
    await expect(newer).rejects.toThrow('A leader of term 1 must not send entries of term 2.');
  });
});

describe('who a node is', () => {
  test('is known before it belongs to a cluster, and the cluster with the first entry', async () => {
    await using cluster = await Cluster.passive(['a', 'b']);
    const before = await identityOf(cluster.node('b'));

    await cluster.first.raft.initialize(cluster.infos(['a', 'b']));
    await cluster.awaitLeader();
    await cluster.node('b').waitFor(({ membership }) => membership.cluster !== '');
    const after = await identityOf(cluster.node('b'));

    expect(before.cluster).toBeUndefined();
    expect(after).toEqual({ ...before, cluster: cluster.first.metrics.membership.cluster });
    const { run, ...durable } = after;
    expect(run).toEqual(expect.any(String));
    expect(await cluster.node('b').store.readIdentity()).toEqual(durable);
  });

  test('answers who leads', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');

    const { leader } = await cluster.node('b').raft.rpc.identify({ to: { node: 'b' } });

    expect(leader).toBe('a');
  });

  test('keeps a node of one cluster from joining a second', async () => {
    await using one = await Cluster.of(['a']);
    await using two = await Cluster.of(['b']);
    const { term, membership } = two.first.metrics;
    const from = await identityOf(one.first);

    const joined = two.first.raft.rpc.appendEntries(
      { ...heartbeat, term: 50 },
      { from, to: { node: 'b' } },
    );

    await expect(joined).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(two.first.metrics).toMatchObject({ term, membership });
  });
});
