import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KvMember } from '../../src/server/member.ts';
import { get, MemberCluster, patience, put, until } from './support/member-cluster.ts';

describe('all members, started again', () => {
  test('have the state that they had', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    const { service } = cluster.member('b');
    for (let n = 0; n < 20; n += 1) await put(service, `key ${n % 7}`, String(n));
    await service.barrier(patience());
    const { hash } = service.hash();

    await cluster.closeAll();
    await cluster.startAll();

    await until('all are up to date', () =>
      cluster.members.every((member) => member.service.hash().hash === hash),
    );
    expect(await get(cluster.member('c').service, 'key 5')).toBe('19');
  });

  test('have it from snapshots as well', async () => {
    await using cluster = await MemberCluster.start(['a'], {
      config: { snapshotAfterEntries: 10, snapshotAfterBytes: 1, keepBytes: 0 },
    });
    const { service, raft } = cluster.member('a');
    for (let n = 0; n < 50; n += 1) await put(service, `key ${n % 7}`, String(n));
    await raft.takeSnapshot();
    await put(service, 'last', 'one');
    const { hash } = service.hash();

    await cluster.closeAll();
    await cluster.startAll();

    const again = cluster.member('a');
    expect(again.service.hash().hash).toBe(hash);
    expect(again.raft.metrics.purged.index).toBeGreaterThan(0);
    expect(await get(again.service, 'last')).toBe('one');
  });
});

describe('a member that starts alone', () => {
  test('is not ready, and says whom it waits for', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    await put(cluster.member('a').service, 'k', 'v');
    await cluster.closeAll();

    const a = await cluster.startOne('a');

    expect(a.isReady).toBe(false);
    expect(a.problems).toContain('No leader is known.');
    await expect(a.ready({ signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
    await cluster.startOne('b');
    await a.ready(patience());
    expect(await get(a.service, 'k')).toBe('v');
  });

  test('with an empty disk forms nothing before a majority answers', async () => {
    await using cluster = await MemberCluster.start(['x']);
    const peers = { a: '127.0.0.1:1', b: '127.0.0.1:2', ...cluster.peers };
    await cluster.close('x');
    const lonely = await KvMember.start({
      name: 'a',
      directory: path.join(cluster.folder, 'a'),
      peers: { ...peers, a: '127.0.0.1:0' },
      advertise: '127.0.0.1:1',
    });

    await until('it says so', () => lonely.problems.some((one) => one.includes('a majority of')));

    expect(lonely.raft.metrics.membership.cluster).toBe('');
    await lonely.close();
  });

  test('with an empty disk does not form a second cluster beside the first', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c']);
    await put(cluster.member('a').service, 'k', 'v');
    const { cluster: id } = cluster.member('b').service.status();
    await cluster.close('a');

    const emptied = await cluster.startOne('a', { directory: path.join(cluster.folder, 'new') });

    const says = `The disk of a is empty, and b belongs to cluster ${String(id)} already`;
    await until('it says so', () => emptied.problems.some((one) => one.includes(says)));
    expect(emptied.isReady).toBe(false);
    expect(await get(cluster.member('b').service, 'k')).toBe('v');
  });
});
