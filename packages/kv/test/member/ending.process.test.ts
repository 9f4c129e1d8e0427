import path from 'node:path';
import { walStorage } from 'quorate/storage/wal';
import { describe, expect, test } from 'vitest';
import { KvMember } from '../../src/server/member.ts';
import { get, MemberCluster, patience, put } from './support/member-cluster.ts';

describe('a member that is closed', () => {
  test('hands its leadership over, and the others serve', async () => {
    // So calm that nobody stands for election by itself before the test looks.
    const config = { electionTimeoutMs: { min: 1500, max: 2500 } };
    await using cluster = await MemberCluster.start(['a', 'b', 'c'], { config });
    const leader = await cluster.leader();
    await put(leader.service, 'key', 'before');
    const { term } = leader.raft.metrics;

    await cluster.close(leader.name);

    const [one, other] = cluster.members;
    expect(Math.max(...cluster.members.map(({ raft }) => raft.metrics.term))).toBe(term + 1);
    expect(await get(one?.service ?? leader.service, 'key')).toBe('before');
    await put(other?.service ?? leader.service, 'key', 'after');
    expect(await get(one?.service ?? leader.service, 'key')).toBe('after');
  });

  test('ends its watches and refuses calls with KV_STOPPING', async () => {
    await using cluster = await MemberCluster.start(['a']);
    const { service } = cluster.member('a');
    const watch = service.watch({ key: Buffer.from('k') }, patience())[Symbol.asyncIterator]();
    const told = watch.next();

    const closing = cluster.close('a');

    await expect(told).rejects.toMatchObject({ code: 'KV_STOPPING' });
    await expect(put(service, 'k', 'v')).rejects.toMatchObject({ code: 'KV_STOPPING' });
    await expect(service.barrier(patience())).rejects.toMatchObject({ code: 'KV_STOPPING' });
    expect(() => service.range({ key: Buffer.from('k') })).toThrow('is stopping');
    await closing;
  });

  test('can be closed twice, and lets go of its port and its directory', async () => {
    await using cluster = await MemberCluster.start(['a']);
    const member = cluster.member('a');
    await put(member.service, 'k', 'v');

    await Promise.all([member.close(), cluster.close('a')]);

    const again = await cluster.startOne('a');
    await again.ready(patience());
    expect(await get(again.service, 'k')).toBe('v');
  });

  test('does not wait for a disk that hangs', async () => {
    await using cluster = await MemberCluster.start(['a'], { closeTimeoutMs: 300 });
    const written: string[] = [];
    const line = (_fields: object, message: string): void => void written.push(message);
    const logger = { debug: line, info: line, warn: line, error: line };
    const storage = await walStorage(path.join(cluster.folder, 'hanging'));
    let free = (): void => undefined;
    const hang = new Promise<void>((resolve) => (free = resolve));
    const end = storage[Symbol.asyncDispose].bind(storage);
    const hanging = { ...storage, [Symbol.asyncDispose]: () => hang.then(end) };
    const member = await KvMember.start({
      name: 'h',
      directory: '',
      storage: hanging,
      closeTimeoutMs: 300,
      logger,
    });

    await member.close();

    expect(written).toContain('did not end in time; something hangs, and is left behind');
    free();
    await hang;
  });
});
