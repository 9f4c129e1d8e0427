import { expect, test } from 'vitest';
import { Cluster, quick, soon } from './kit.ts';
import { addLearners, writeTo } from './members.ts';
import { MovableHttp } from './moving-kit.ts';

const three = ['a', 'b', 'c'];
const nowhere = { address: '127.0.0.1:1' };

test('a voter that comes back at another address is reached there', async () => {
  const http = new MovableHttp();
  await using cluster = await Cluster.of(three, { open: http.open });
  const before = cluster.node('c').info;
  await cluster.write('before');
  const moved = await http.move(cluster, 'c');
  await cluster.write('missed');

  const back = await cluster.join('c', ['b', 'a']);

  expect(moved).not.toEqual(before);
  expect(back.metrics.membership.voters).toEqual([three]);
  await writeTo(cluster, three);
  for (const { machine, metrics } of cluster.all) {
    expect(machine.commands).toEqual(['before', 'missed', 'end']);
    expect(metrics.membership.nodes['c']).toMatchObject(moved);
  }
});

test('a learner that comes back at another address is reached there', async () => {
  const http = new MovableHttp();
  await using cluster = await Cluster.of(['a'], { open: http.open });
  await addLearners(cluster, ['b']);
  const moved = await http.move(cluster, 'b');
  await cluster.write('missed');

  const back = await cluster.join('b', ['a'], { voter: false });

  await writeTo(cluster, ['a', 'b']);
  expect(back.metrics.role).toBe('learner');
  expect(cluster.first.metrics.membership.nodes['b']).toMatchObject(moved);
});

test('the only voter that comes back at another address tells the others by itself', async () => {
  const http = new MovableHttp();
  await using cluster = await Cluster.of(['a'], { open: http.open, config: quick });
  await addLearners(cluster, ['b']);
  const moved = await http.move(cluster, 'a');

  await cluster.join('a', ['b']);

  await writeTo(cluster, ['a', 'b']);
  expect(cluster.node('b').metrics.membership.nodes['a']).toMatchObject(moved);
  expect(await cluster.node('b').raft.write('by way of b', soon())).toMatchObject({ response: 2 });
});

test('two of three voters come back at other addresses at once', async () => {
  const http = new MovableHttp();
  await using cluster = await Cluster.of(three, { open: http.open, config: quick });
  const leader = await cluster.awaitLeader();
  await leader.raft.write('before', soon());
  const [one, other] = cluster.others(leader).map(({ id }) => id) as [string, string];
  const moved = [await http.move(cluster, one), await http.move(cluster, other)];

  await Promise.all([cluster.join(one, [leader.id]), cluster.join(other, [leader.id])]);

  await writeTo(cluster, three);
  const { nodes } = (await cluster.awaitLeader()).metrics.membership;
  expect([nodes[one], nodes[other]]).toMatchObject(moved);
});

test('a node that was added by a wrong address gets in by its own', async () => {
  const http = new MovableHttp();
  await using cluster = await Cluster.of(['a'], { open: http.open });
  await cluster.write('before');
  await cluster.first.raft.addLearner('b', nowhere, { ...soon(), wait: false });

  const joined = await cluster.join('b', ['a']);

  expect(joined.machine.commands).toEqual(['before']);
  expect(cluster.first.metrics.membership.voters).toEqual([['a', 'b']]);
  expect(cluster.first.metrics.membership.nodes['b']).toEqual({
    ...joined.info,
    incarnation: expect.any(String) as unknown,
  });
});
