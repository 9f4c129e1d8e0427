import { describe, expect, test } from 'vitest';
import type { KvMember } from '../../src/server/member.ts';
import { get, MemberCluster, patience, putOf, until, write } from './support/member-cluster.ts';

async function grant({ service }: KvMember, ttl: number): Promise<number> {
  const [result] = await write(service, [{ type: 'leaseGrant', ttl }]);
  if (result?.type !== 'leaseGrant') throw new Error(`Not granted: ${JSON.stringify(result)}`);
  return result.id;
}

describe('a lease', () => {
  test('ends everywhere, with its keys, when nobody keeps it alive', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error('No follower.');
    const lease = await grant(follower, 1);
    await write(follower.service, [putOf('k', 'v', { lease })]);
    expect(await get(follower.service, 'k')).toBe('v');
    expect(await follower.service.leases(patience())).toEqual([lease]);

    await until('it has ended', () =>
      cluster.members.every(({ store }) => store.lease(lease) === undefined),
    );

    for (const { service } of cluster.members) {
      expect(await get(service, 'k')).toBeUndefined();
    }
    const late = follower.service.leaseKeepAlive(lease, patience());
    await expect(late).rejects.toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
  });

  test('lives on while it is kept alive, by way of any member', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    const lease = await grant(cluster.member('a'), 1);
    const start = performance.now();
    let round = 0;
    while (performance.now() - start < 2500) {
      const { service } = cluster.members[round % 3] ?? cluster.member('a');
      expect(await service.leaseKeepAlive(lease, patience())).toEqual({ ttl: 1 });
      round += 1;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    const { store } = await cluster.leader();
    expect(store.lease(lease)).toBeDefined();
  });

  test('has its time told at any member, with its keys', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    const lease = await grant(cluster.member('a'), 100);
    const operations = ['x', 'y'].map((key) => putOf(key, '', { lease }));
    await write(cluster.member('b').service, operations);

    for (const { service } of cluster.members) {
      const told = await service.leaseTimeToLive(lease, { ...patience(), keys: true });
      expect(told).toMatchObject({ id: lease, ttl: 100 });
      expect(told.keys.map(String)).toEqual(['x', 'y']);
      expect(told.remaining).toBeGreaterThan(50);
      expect(told.remaining).toBeLessThanOrEqual(100);
    }
    const { service } = cluster.member('c');
    const unknown = service.leaseTimeToLive(12_345, patience());
    await expect(unknown).rejects.toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
  });

  test('gets its whole time again when another member comes to lead', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    const leader = await cluster.leader();
    const lease = await grant(leader, 3);
    const remaining = async ({ service }: KvMember): Promise<number> =>
      (await service.leaseTimeToLive(lease, patience())).remaining;
    let left = 3;
    while (left > 1.5) {
      left = await remaining(leader);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }

    await cluster.close(leader.name);
    const [other = leader] = cluster.members;
    await other.raft.waitFor(({ leader: name }) => name !== undefined && name !== leader.name);

    expect(await remaining(other)).toBeGreaterThan(left);
  });

  test('of which there are many is kept alive in one call to the leader', async () => {
    await using cluster = await MemberCluster.start(['a', 'b']);
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error('No follower.');
    const grants = Array.from({ length: 200 }, () => ({ type: 'leaseGrant', ttl: 60 }) as const);
    const results = await write(follower.service, grants);
    const ids = results.map((result) => (result.type === 'leaseGrant' ? result.id : 0));
    const missing = 999_999;

    const answers = await Promise.allSettled(
      [...ids, missing].map((id) => follower.service.leaseKeepAlive(id, patience())),
    );

    expect(answers.slice(0, 200).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(answers[200]).toMatchObject({ reason: { code: 'KV_LEASE_NOT_FOUND' } });
  });

  test('is refused when there are as many as there may be', async () => {
    await using cluster = await MemberCluster.start(['a'], { limits: { maxLeases: 2 } });
    const member = cluster.member('a');
    await grant(member, 60);
    await grant(member, 60);

    await expect(grant(member, 60)).rejects.toMatchObject({ code: 'KV_LIMIT' });
    const [result] = await write(member.service, [putOf('k', 'v')]);
    expect(result?.type).toBe('put');
  });
});
