import { expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import { MemberCluster, patience, put, putOf, until, write } from './support/member-cluster.ts';

test('the past is forgotten through the log, on all members alike', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], {
    compaction: { mode: 'revisions', keep: 50 },
  });
  const { service } = cluster.member('b');
  await write(
    service,
    Array.from({ length: 200 }, (_, n) => putOf(`key ${n % 10}`, String(n))),
  );

  await until('it is compacted', () =>
    cluster.members.every(({ store }) => store.compactedRevision === 151),
  );

  for (const member of cluster.members) {
    const key = bytesOf('key 0');
    expect(() => member.service.range({ key, revision: 150 })).toThrow(
      expect.objectContaining({ code: 'KV_COMPACTED' }),
    );
    expect((await member.service.range({ key, revision: 151 })).count).toBe(1);
    const watch = member.service.watch({ key, from: 100 }, patience());
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'KV_COMPACTED',
    });
  }
});

test('the next leader goes on forgetting', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], {
    compaction: { mode: 'time', keepMs: 3_600_000, keepAtMost: 20 },
  });
  const leader = await cluster.leader();
  await cluster.close(leader.name);
  const { service } = await cluster.leader();

  for (let n = 0; n < 40; n += 1) await put(service, 'k', String(n));

  await until('it is compacted', () =>
    cluster.members.every(({ store }) => store.compactedRevision > 0),
  );
  for (const { store } of cluster.members) {
    expect(store.revision - store.compactedRevision).toBeLessThanOrEqual(22);
  }
});
