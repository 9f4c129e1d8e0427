import { describe, expect, test } from 'vitest';
import { copyOf } from './disks.ts';
import { joiningCases } from './joining-cases.ts';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';
import { writeTo } from './members.ts';
import { openMemory } from './networks.ts';

joiningCases('memory', openMemory);

describe('a node that joins', () => {
  test('as a learner stays one', async () => {
    await using cluster = await Cluster.of(['a']);
    await cluster.write('before');

    const joined = await cluster.join('b', ['a'], { voter: false });

    expect(joined.metrics.membership.voters).toEqual([['a']]);
    expect(joined.metrics.role).toBe('learner');
    expect(joined.machine.commands).toEqual(['before']);
  });

  test('finds the cluster by any of its seeds', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c']);
    await cluster.stop('c');
    await cluster.start('lonely');

    const joined = await cluster.join('d', ['nowhere', 'lonely', 'c', 'b']);

    expect(joined.metrics.membership.voters).toEqual([['a', 'b', 'c', 'd']]);
  });

  test('waits for seeds that are not up yet', async () => {
    await using cluster = await Cluster.passive(['a']);
    const joining = cluster.join('b', ['a']);
    await turns(10);

    await cluster.first.raft.initialize({ a: {} }, soon());
    const joined = await joining;

    expect(joined.metrics.membership.voters).toEqual([['a', 'b']]);
  });

  test('gives up when its signal says so, and is closed', async () => {
    await using cluster = await Cluster.passive([]);
    const controller = new AbortController();
    const joining = cluster.join('b', ['nowhere'], { signal: controller.signal });
    const outcome = outcomeOf(joining);
    await turns(5);

    controller.abort(new Error('enough'));

    expect(await outcome).toMatchObject({ message: 'enough' });
    await cluster.start('b');
  });

  test('while others do gets its turn (row 87)', async () => {
    await using cluster = await Cluster.of(['a'], { config: quick });

    await Promise.all(['b', 'c', 'd', 'e'].map((id) => cluster.join(id, ['a'])));

    const { membership } = cluster.first.metrics;
    expect([...(membership.voters[0] ?? [])].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    await writeTo(cluster, ['a', 'b', 'c', 'd', 'e']);
  });

  test('goes on when the leader changes on the way (row 87)', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    await cluster.write('before');
    const leader = await cluster.awaitLeader();
    const joining = cluster.join('d', ['a', 'b', 'c']);
    await leader.waitFor(({ membership }) => 'd' in membership.nodes);

    await leader.raft.transferLeadership(undefined, soon());
    const joined = await joining;

    expect(joined.metrics.membership.voters.flat()).toContain('d');
    expect(joined.machine.commands).toEqual(['before']);
  });

  test('is no voter before it has caught up', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...calm, catchUpEntries: 1 } });
    for (let at = 0; at < 20; at += 1) await cluster.write(at);
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { membership, progress } of cluster.first.raft.watch(soon())) {
        if (membership.voters.length === 1) continue;
        seen.push(progress?.get('b')?.matchIndex ?? 0);
        return;
      }
    })();

    await cluster.join('b', ['a']);
    await watching;

    expect(seen[0]).toBeGreaterThanOrEqual(20);
  });

  test('just starts if it has its place already, though nobody else is up', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const joined = await cluster.join('d', ['a']);
    await writeTo(cluster, ['a', 'b', 'c', 'd']);
    const { info } = joined;
    for (const id of ['d', 'a', 'b', 'c']) await cluster.stop(id);

    const again = await cluster.join('d', ['a']);

    expect(again.metrics.membership.nodes['d']).toMatchObject(info);
  });

  test('and had become a learner only is made a voter by the next try', async () => {
    await using cluster = await Cluster.of(['a']);
    await cluster.join('b', ['a'], { voter: false });
    await cluster.stop('b');

    const again = await cluster.join('b', ['a']);

    expect(again.metrics.membership.voters).toEqual([['a', 'b']]);
  });

  test('asks for its place again if the entry that gave it was lost', async () => {
    await using cluster = await Cluster.of(['a', 'b', 'c'], { config: quick });
    const leader = await cluster.awaitLeader();
    const [other = leader, another = leader] = cluster.others(leader);
    const fresh = await cluster.start('d');
    cluster.wires.isolate(leader.id, [other.id, another.id]);
    const adding = outcomeOf(leader.raft.addLearner('d', fresh.info, { wait: false }));
    await fresh.waitFor(({ membership }) => 'd' in membership.nodes);
    await cluster.stop('d');
    await cluster.awaitLeader([other, another]);
    await writeTo(cluster, [other.id, another.id]);
    cluster.wires.heal();
    await adding;

    await cluster.join('d', [other.id], { voter: false });

    expect(Object.keys(other.metrics.membership.nodes)).toContain('d');
  });

  test('by a name that belongs to another disk is refused, and closed (row 68)', async () => {
    await using cluster = await Cluster.of(['a', 'b']);
    await cluster.stop('b');
    cluster.replaceDisk('b');

    const joining = cluster.join('b', ['a']);

    await expect(joining).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(joining).rejects.toThrow('A name is never used again');
    expect(cluster.first.metrics.membership.voters).toEqual([['a', 'b']]);
  });

  test('with a disk of another cluster is refused', async () => {
    await using cluster = await Cluster.of(['a']);
    const other = await Cluster.of(['y']);
    await other.join('z', ['y'], { voter: false });
    const disk = await copyOf(other.node('z').store);
    await other[Symbol.asyncDispose]();
    await cluster.start('z');
    await cluster.stop('z');
    cluster.replaceDisk('z', disk);

    const joining = cluster.join('z', ['a']);

    await expect(joining).rejects.toMatchObject({ code: 'RAFT_INVALID_MEMBERSHIP' });
    await expect(joining).rejects.toThrow('Join with an empty disk.');
    expect(cluster.first.metrics.membership.nodes).not.toHaveProperty('z');
  });

  test.each([
    ['no seeds', [], 'at least one { address }'],
    ['a seed without an address', [{}], 'The address of a seed'],
  ])('with %s is told what is missing', async (_, seeds, message) => {
    await using cluster = await Cluster.passive(['a']);
    const { Raft } = await import('../../src/node/raft.ts');
    const { machine, storage } = cluster.first;
    const options = { id: 'b', stateMachine: machine, storage, network: cluster.wires };

    const joining = Raft.join({ ...options, info: {}, seeds, serve: () => undefined });

    await expect(joining).rejects.toThrow(TypeError);
    await expect(joining).rejects.toThrow(message);
  });
});

test('a node that asks for another is refused', async () => {
  await using cluster = await Cluster.of(['a']);
  const from = { cluster: undefined, node: 'c', incarnation: 'i', starts: 1 };
  const options = { from, to: { node: 'a' } };
  const { rpc } = cluster.first.raft;

  const request = { id: 'b', info: {}, incarnation: 'i', voter: true };
  await expect(rpc.join(request, options)).rejects.toThrow('Node c must not speak for node b.');
  await expect(rpc.leave({ id: 'a' }, options)).rejects.toThrow(
    'Node c must not speak for node a.',
  );
});
