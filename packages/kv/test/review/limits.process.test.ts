import { expect, test } from 'vitest';
import { KvClient, op } from '../../src/client.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';

test('a client of the framed protocol may use the limits that the member was given', async () => {
  const mebibyte = 1024 ** 2;
  const limits = {
    maxKeyBytes: 128 * 1024,
    maxValueBytes: 6 * mebibyte,
    maxRequestBytes: 8 * mebibyte,
  };
  await using cluster = await MemberCluster.start(['a'], { limits });
  await using kv = new KvClient({ servers: Object.values(cluster.peers) });
  const key = 'k'.repeat(100 * 1024);

  await kv.put(key, new Uint8Array(5 * mebibyte));

  expect((await kv.get(key))?.value).toHaveLength(5 * mebibyte);
  const tooLarge = kv.put('k', new Uint8Array(7 * mebibyte));
  await expect(tooLarge).rejects.toMatchObject({
    code: 'KV_TOO_LARGE',
    details: { limit: 'maxValueBytes' },
  });
});

test('a request of the largest size that can be allowed is logged', async () => {
  const mebibyte = 1024 ** 2;
  const limits = { maxValueBytes: 8 * mebibyte, maxRequestBytes: 32 * mebibyte };
  await using cluster = await MemberCluster.start(['a'], { limits });
  await using kv = new KvClient({ servers: Object.values(cluster.peers), timeoutMs: 20_000 });
  const puts = ['a', 'b', 'c'].map((key) => op.put(key, new Uint8Array(8 * mebibyte)));

  const answer = await kv
    .txn()
    .then(...puts)
    .commit();

  expect(answer.succeeded).toBe(true);
  expect(await kv.count({ prefix: '' })).toBe(3);
});

test('writes of one turn all succeed, however long their results are together', async () => {
  const mebibyte = 1024 ** 2;
  await using cluster = await MemberCluster.start(['a']);
  await using kv = new KvClient({ servers: Object.values(cluster.peers), timeoutMs: 20_000 });
  for (let at = 0; at < 40; at += 1) await kv.put(`k${at}`, new Uint8Array(mebibyte).fill(at));

  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, at) => kv.put(`k${at}`, 'new', { previous: true })),
  );

  expect(answers.map(({ previous }) => previous?.value[0])).toEqual(
    Array.from({ length: 40 }, (_, at) => at),
  );
  expect(new Set(answers.map(({ revision }) => revision)).size).toBe(40);
});
