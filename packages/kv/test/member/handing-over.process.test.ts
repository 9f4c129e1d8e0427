import { expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import type { KvMember } from '../../src/server/member.ts';
import { MemberCluster, patience, put, until } from './support/member-cluster.ts';

interface Progress {
  isOver: boolean;
  count: number;
}

/** Writes numbered values to a key of its own until it is told to stop; every one must succeed. */
async function writeOn({ service }: KvMember, key: string, progress: Progress): Promise<number> {
  let written = 0;
  while (!progress.isOver) {
    written += 1;
    await put(service, key, String(written));
    progress.count += 1;
  }
  return written;
}

/** Two of them, one after the other: then the member has a session. */
async function openSession({ service, name }: KvMember): Promise<void> {
  await put(service, `first of ${name}`, '1');
  await put(service, `first of ${name}`, '2');
}

test('writes without a session take effect once each while the leadership moves, and none is left open', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c']);
  for (const member of cluster.members) await openSession(member);
  const progress: Progress = { isOver: false, count: 0 };
  const writers = cluster.members.flatMap((member) =>
    Array.from({ length: 24 }, (_, at) => ({ key: `${member.name}-${at}`, member })),
  );

  const writing = Promise.all(writers.map(({ key, member }) => writeOn(member, key, progress)));
  const moving = async (): Promise<void> => {
    for (let round = 0; round < 12; round += 1) {
      const wanted = progress.count + 300;
      await until('more is written', () => progress.count >= wanted);
      const leader = await cluster.leader();
      await leader.service.transferLeadership(undefined, patience());
    }
  };
  await Promise.race([moving(), writing]);
  progress.isOver = true;
  const counts = await writing;

  const { service } = cluster.member('a');
  await service.barrier(patience());
  const found = writers.map(async ({ key }) => service.range({ key: bytesOf(key) }));
  const versions = (await Promise.all(found)).map(({ kvs }) => kvs[0]?.version);
  expect(versions).toEqual(counts);
});

test('a leader that is closed answers what it has in hand', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c']);
  for (let round = 0; round < 2; round += 1) {
    const leader = await cluster.leader();
    await openSession(leader);
    const writes = Array.from({ length: 100 }, (_, at) =>
      put(leader.service, `k-${round}-${at}`, 'x'),
    );

    const closed = cluster.close(leader.name);
    const ends = await Promise.allSettled(writes);
    await closed;

    expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
    await cluster.startOne(leader.name);
    await cluster.member(leader.name).ready(patience());
  }
});

test('what a member has passed on to a leader that ends is written once, and answered', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c']);
  const leader = await cluster.leader();
  const [follower = leader] = await cluster.followers();
  await openSession(follower);
  const keys = Array.from({ length: 300 }, (_, at) => `passed on ${at}`);

  const { index } = leader.raft.metrics.last;
  const writes = keys.map((key) => put(follower.service, key, 'x'));
  // Some are in its log, and nobody has heard what becomes of them.
  while (leader.raft.metrics.last.index === index) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await leader.raft.close({ handOver: false });
  await Promise.all(writes);

  await follower.service.barrier(patience());
  const answers = keys.map(async (key) => follower.service.range({ key: bytesOf(key) }));
  const found = (await Promise.all(answers)).map(({ kvs }) => kvs[0]?.version);
  expect(found).toEqual(keys.map(() => 1));
});
