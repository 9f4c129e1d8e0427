import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { verifyBackup } from '../../src/backup/verify.ts';
import { bytesOf } from '../../src/bytes.ts';
import type { KvMember, KvMemberOptions } from '../../src/server/member.ts';
import type { WatchBatch } from '../../src/types.ts';
import {
  get,
  MemberCluster,
  patience,
  put,
  putOf,
  until,
  write,
} from '../member/support/member-cluster.ts';

/** One member has its store on the disk, and the others in memory. */
const mixed = (name: string): Partial<KvMemberOptions> => ({
  store: name === 'c' ? 'rocksdb' : 'memory',
  hashCheckMs: 50,
});

const timeout = 60_000;

async function alike(cluster: MemberCluster): Promise<void> {
  await until('all members have the same state', () => {
    const hashes = cluster.members.map(({ service }) => JSON.stringify(service.hash()));
    return new Set(hashes).size === 1;
  });
  expect(cluster.members.flatMap(({ problems }) => problems)).toEqual([]);
}

async function take(
  member: KvMember,
  request: { from: number; previous?: boolean },
  count: number,
): Promise<string[]> {
  const told: string[] = [];
  const everything = { key: Buffer.of(0), end: Buffer.of(0) };
  const watch: AsyncIterable<WatchBatch> = member.service.watch(
    { ...everything, ...request },
    patience(),
  );
  for await (const { events } of watch) {
    for (const { type, kv, previous } of events) {
      const before =
        previous === undefined ? '' : ` after ${Buffer.from(previous.value).toString()}`;
      const value = Buffer.from(kv.value).toString();
      told.push(`${kv.modRevision} ${type} ${Buffer.from(kv.key).toString()}=${value}${before}`);
    }
    if (told.length >= count) return told.slice(0, count);
  }
  return told;
}

test('a member on RocksDB and two in memory are one cluster, also after a restart', {
  timeout,
}, async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], mixed);
  const service = cluster.member('c').service;
  for (let at = 0; at < 20; at += 1) await put(service, `k${at % 7}`, `v${at}`);
  const { revision } = service.status();
  await alike(cluster);
  expect(service.status().store).toBe('rocksdb');
  expect(cluster.member('a').service.status().store).toBe('memory');
  expect(existsSync(path.join(cluster.folder, 'c', 'state', 'current'))).toBe(true);

  await cluster.close('c');
  await put(cluster.member('a').service, 'meanwhile', 'yes');
  const again = await cluster.startOne('c');
  await again.ready(patience());

  expect(await get(again.service, 'meanwhile')).toBe('yes');
  expect(await get(again.service, 'k6')).toBe('v13');
  await alike(cluster);
  const everything = await take(again, { from: 2, previous: true }, revision - 1);
  expect(everything.slice(0, 8)).toEqual([
    ...[0, 1, 2, 3, 4, 5, 6].map((at) => `${at + 2} put k${at}=v${at}`),
    '9 put k0=v7 after v0',
  ]);
  expect(await take(cluster.member('a'), { from: 2, previous: true }, revision - 1)).toEqual(
    everything,
  );
});

test('a member on RocksDB that leads serves writes, leases, watches and backups', {
  timeout,
}, async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], mixed);
  const leader = cluster.member('c');
  await cluster.member('a').service.transferLeadership('c', patience());
  await until('c leads', () => leader.leads());
  const { service } = leader;
  const news = take(leader, { from: leader.store.revision + 1 }, 3);

  const [granted] = await write(service, [{ type: 'leaseGrant', id: 0, ttl: 1 }]);
  const lease = granted?.type === 'leaseGrant' ? granted.id : 0;
  await write(service, [putOf('held', 'by a lease', { lease }), putOf('kept', 'as it is')]);
  expect(await service.leaseTimeToLive(lease, { ...patience(), keys: true })).toMatchObject({
    ttl: 1,
    keys: [bytesOf('held')],
  });
  await until('the lease is over', () => leader.store.leaseCount === 0);

  expect(await get(service, 'held')).toBeUndefined();
  expect(await news).toEqual(['2 put held=by a lease', '3 put kept=as it is', '4 delete held=']);
  await alike(cluster);
  const backup = await verifyBackup(service.snapshot(patience()), {
    name: 'backup',
    rebuild: true,
  });
  expect(backup.head).toMatchObject({ revision: 4, hash: service.hash().hash });
});

test('members install the snapshots of the other kind of store', { timeout }, async () => {
  const config = {
    heartbeatMs: 20,
    electionTimeoutMs: { min: 150, max: 300 },
    snapshotAfterBytes: 20_000,
    keepBytes: 0,
  };
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], (name) => ({
    ...mixed(name),
    config,
    disk: { segmentBytes: 1024 * 1024 },
  }));
  const fill = async (member: KvMember, letter: string): Promise<void> => {
    for (let at = 0; at < 60; at += 1)
      await put(member.service, `${letter}${at}`, 'x'.repeat(1000));
  };
  for (const late of ['c', 'b']) {
    await cluster.close(late);
    await fill(cluster.member('a'), late);
    await until('the log is purged', () => {
      const { purged } = cluster.member('a').raft.metrics;
      return purged.index > 40;
    });
    const other = late === 'c' ? 'b' : 'c';
    await cluster.member('a').service.transferLeadership(other, patience());
    await fill(cluster.member('a'), 'more');
    const again = await cluster.startOne(late);
    await again.ready(patience());
    await until('it got a snapshot', () => again.raft.metrics.counts.snapshotsReceived > 0);
    expect(await get(again.service, `${late}59`)).toBe('x'.repeat(1000));
    await alike(cluster);
  }
});

test('a member may change its kind of store between two starts, and loses nothing', {
  timeout,
}, async () => {
  await using cluster = await MemberCluster.start(['a'], { store: 'memory' });
  const hashes: string[] = [];
  const kinds = ['rocksdb', 'memory', 'rocksdb'] as const;
  for (const [at, store] of kinds.entries()) {
    const { service, raft } = cluster.member('a');
    for (let key = 0; key < 10; key += 1) await put(service, `k${key}`, `${at}`);
    // With and without a snapshot to begin with.
    if (at === 1) await raft.takeSnapshot();
    hashes.push(service.hash().hash);
    await cluster.close('a');
    const again = await cluster.startOne('a', { store });
    await again.ready(patience());
    expect(again.service.status().store).toBe(store);
    expect(again.service.hash().hash).toBe(hashes.at(-1));
    expect(await get(again.service, 'k9')).toBe(`${at}`);
  }
});
