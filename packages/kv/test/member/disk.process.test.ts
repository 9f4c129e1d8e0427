import { walStorage } from 'quorate/storage/wal';
import { SimFs } from 'quorate/testing';
import { expect, test } from 'vitest';
import { get, MemberCluster, put, until } from './support/member-cluster.ts';

test('a member whose disk fails is out of service, says so, and the others serve on', async () => {
  const disk = new SimFs();
  const storage = await walStorage('data', { files: disk });
  const optionsOf = (name: string) => (name === 'b' ? { storage } : {});
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], optionsOf);
  const broken = cluster.member('b');
  const { service } = cluster.member('a');
  await put(service, 'k', 'before');

  disk.fail({ type: 'write', code: 'EIO', times: Infinity });
  disk.fail({ type: 'sync', code: 'EIO', times: Infinity });
  await put(service, 'k', 'after').catch(() => undefined); // The leader may be the one that fails.

  await until('it is out', () => broken.raft.metrics.fatal !== undefined);
  await until('it says so', () => !broken.isReady);
  await expect(put(broken.service, 'k', 'late')).rejects.toMatchObject({ code: 'KV_UNHEALTHY' });
  expect(() => broken.service.range({ key: Buffer.from('k') })).toThrow('EIO');
  expect(broken.problems.join()).toContain('EIO');
  await until('another leads', () => {
    const { leader } = cluster.member('c').raft.metrics;
    return leader === 'a' || leader === 'c';
  });
  await put(service, 'k', 'later');
  expect(await get(cluster.member('c').service, 'k')).toBe('later');
});
