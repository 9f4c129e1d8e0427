import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon } from './kit.ts';
import { writeTo } from './members.ts';
import { comeBackAs } from './moving-kit.ts';

const three = ['a', 'b', 'c'];
const first = { address: 'one', data: { zone: 'north', rack: '7' } };

/** A cluster of `a`, and `b` that has joined it with `first` and was stopped. */
async function withStopped(): Promise<Cluster> {
  const cluster = await Cluster.of(['a']);
  await cluster.start('b');
  await cluster.stop('b');
  comeBackAs(cluster, 'b', first);
  await cluster.join('b', ['a'], { voter: false });
  await cluster.stop('b');
  return cluster;
}

describe('a member that joins again', () => {
  test('with another address has it replicated, and what it leaves out stays', async () => {
    await using cluster = await withStopped();
    const before = cluster.first.metrics.membership.nodes['b'];
    comeBackAs(cluster, 'b', { address: 'two' });

    const back = await cluster.join('b', ['a'], { voter: false });

    expect(before).toMatchObject(first);
    const after = { ...before, address: 'two' };
    expect(cluster.first.metrics.membership.nodes['b']).toEqual(after);
    expect(back.metrics.membership.nodes['b']).toEqual(after);
  });

  test('with other data has all of it replaced, and its address stays', async () => {
    await using cluster = await withStopped();
    comeBackAs(cluster, 'b', { data: { zone: 'south' } });

    await cluster.join('b', ['a'], { voter: false });

    const { address, data } = cluster.first.metrics.membership.nodes['b'] ?? {};
    expect({ address, data }).toEqual({ address: 'one', data: { zone: 'south' } });
  });

  test.each([
    ['the same', { address: 'one', data: { rack: '7', zone: 'north' } }],
    ['nothing', {}],
  ])('and says %s of itself changes nothing', async (_, info) => {
    await using cluster = await withStopped();
    const { membership, last } = cluster.first.metrics;
    comeBackAs(cluster, 'b', info);

    await cluster.join('b', ['a'], { voter: false });

    expect(cluster.first.metrics).toMatchObject({ membership, last });
  });

  test('with another address becomes the voter that it asks to be', async () => {
    await using cluster = await withStopped();
    comeBackAs(cluster, 'b', { address: 'two' });

    const back = await cluster.join('b', ['a']);

    expect(back.metrics.membership.voters).toEqual([['a', 'b']]);
    expect(back.metrics.membership.nodes['b']).toMatchObject({ address: 'two' });
    await writeTo(cluster, ['a', 'b']);
  });

  test('with another disk and another address is refused, and nothing is changed', async () => {
    await using cluster = await withStopped();
    const { membership } = cluster.first.metrics;
    cluster.replaceDisk('b');
    comeBackAs(cluster, 'b', { address: 'two' });

    const refused = await outcomeOf(cluster.join('b', ['a'], { voter: false }));

    expect(refused).toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    expect(cluster.first.metrics.membership).toEqual(membership);
  });

  test('with another address waits for a leader, until its signal ends it', async () => {
    await using cluster = await Cluster.of(three, { config: calm });
    for (const id of three) await cluster.stop(id);
    comeBackAs(cluster, 'b', { address: 'two' });
    const controller = new AbortController();
    const { signal } = controller;
    const joining = cluster.join('b', ['a'], { signal });

    const outcome = await Promise.race([outcomeOf(joining), cluster.start('a').then(() => 'on')]);
    expect(outcome).toBe('on');
    controller.abort(new Error('enough'));

    expect(await outcomeOf(joining)).toMatchObject({ message: 'enough' });
  });

  test('while the leadership changes has its address replicated all the same', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [moving, next] = cluster.others(leader).map(({ id }) => id) as [string, string];
    await cluster.stop(moving);
    comeBackAs(cluster, moving, { address: 'two' });

    const joining = cluster.join(moving, three);
    await leader.raft.transferLeadership(next, soon());
    await joining;

    await writeTo(cluster, three);
    for (const { metrics } of cluster.all) {
      expect(metrics.membership.nodes[moving]).toMatchObject({ address: 'two' });
    }
  });
});
