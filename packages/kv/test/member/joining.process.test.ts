import { expect, test } from 'vitest';
import { get, MemberCluster, patience, put, until } from './support/member-cluster.ts';

test('a fourth member joins, becomes a voter, and serves', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c']);
  for (let n = 0; n < 10; n += 1) await put(cluster.member('a').service, `key ${n}`, String(n));
  const join = [cluster.peers['b'] ?? '', cluster.peers['c'] ?? ''];

  const joined = await cluster.startOne('d', { join, http: 'http://d:1', ...patience() });
  await joined.ready(patience());

  expect(joined.raft.metrics.membership.voters).toEqual([['a', 'b', 'c', 'd']]);
  expect(await get(joined.service, 'key 9')).toBe('9');
  await put(joined.service, 'by', 'd');
  expect(await get(cluster.member('a').service, 'by')).toBe('d');
  const published = () =>
    cluster
      .member('a')
      .service.status()
      .members.find(({ id }) => id === 'd')?.httpAddress;
  await until('it is published', () => published() === 'http://d:1');
});

test('a member that has its place starts again with the same options', async () => {
  await using cluster = await MemberCluster.start(['a', 'b']);
  const join = Object.values(cluster.peers);
  const first = await cluster.startOne('d', { join, ...patience() });
  const { port } = new URL(`tcp://${first.address}`);
  await put(first.service, 'by', 'd');
  await cluster.close('d');
  await put(cluster.member('a').service, 'meanwhile', 'a');

  const listen = { port: Number(port) };
  const again = await cluster.startOne('d', { join, listen, ...patience() });
  await again.ready(patience());

  expect(await get(again.service, 'meanwhile')).toBe('a');
  expect(again.raft.metrics.membership.voters).toEqual([['a', 'b', 'd']]);
});

test('a member that was told so stays a learner, and reads all the same', async () => {
  await using cluster = await MemberCluster.start(['a']);
  await put(cluster.member('a').service, 'k', 'v');

  const join = Object.values(cluster.peers);
  const learner = await cluster.startOne('l', { join, voter: false, ...patience() });
  await learner.ready(patience());

  expect(learner.service.status()).toMatchObject({ role: 'learner', leader: 'a' });
  expect(await get(learner.service, 'k')).toBe('v');
  await put(learner.service, 'k', 'w');
  expect(await get(learner.service, 'k')).toBe('w');
});

test('a start that joins nobody ends when its signal does, and leaves nothing open', async () => {
  await using cluster = await MemberCluster.start(['a']);
  const options = { join: ['127.0.0.1:1'], listen: { port: 0 } };

  const start = cluster.startOne('d', { ...options, signal: AbortSignal.timeout(200) });
  await expect(start).rejects.toThrow('timeout');

  const join = Object.values(cluster.peers);
  const joined = await cluster.startOne('d', { join, ...patience() });
  expect(joined.raft.metrics.membership.voters).toEqual([['a', 'd']]);
});
