import { describe, expect, test } from 'vitest';
import { verifyBackup } from '../../src/backup/verify.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import type { KvMember } from '../../src/server/member.ts';
import { inPieces } from '../backup/support/backups.ts';
import { memoryStoreOf } from '../store/kit.ts';
import { get, MemberCluster, patience, put, putOf, until } from './support/member-cluster.ts';

/** As if a bit of its memory had turned over: the state changes, and nothing was logged. */
function corrupt(member: KvMember): void {
  memoryStoreOf(member).apply(encodeCommand([putOf('planted', 'by nobody')]));
}

describe('a member whose state is wrong', () => {
  test('takes itself out of service when the others agree, and they serve on', async () => {
    const errors: string[] = [];
    const quiet = (): void => undefined;
    const error = (_fields: object, message: string): void => void errors.push(message);
    const logger = { debug: quiet, info: quiet, warn: quiet, error };
    await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 50, logger });
    const [wrong, right] = await cluster.followers();
    if (wrong === undefined || right === undefined) throw new Error('No followers.');
    await put(right.service, 'k', 'v');

    corrupt(wrong);
    await put(right.service, 'k', 'w');

    const refusal = { code: 'KV_UNHEALTHY' };
    await until('it is out', () => !wrong.raft.metrics.isRunning);
    await expect(put(wrong.service, 'k', 'x')).rejects.toMatchObject(refusal);
    await expect(wrong.service.barrier(patience())).rejects.toMatchObject(refusal);
    expect(() => wrong.service.range({ key: Buffer.from('k') })).toThrow('out of service');
    await expect(wrong.service.leases(patience())).rejects.toMatchObject(refusal);
    const watch = wrong.service.watch({ key: Buffer.from('k') }, patience());
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
    expect(wrong.isReady).toBe(false);
    expect(wrong.service.status().problems.join()).toContain(`Remove ${wrong.name}`);
    expect(errors.join()).toContain(`Remove ${wrong.name}`);
    await put(right.service, 'k', 'y');
    expect(await get(right.service, 'k')).toBe('y');
    expect(right.isReady).toBe(true);
    expect(right.problems).toEqual([]);
    await until('it is said', () => errors.join().includes(`Replace ${wrong.name}`));
  });

  test('gives up the leadership as well, if it has it', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 50 });
    const wrong = await cluster.leader();
    const [right = wrong, third = wrong] = await cluster.followers();
    await put(right.service, 'k', 'v');

    corrupt(wrong);
    await put(right.service, 'k', 'w').catch(() => undefined); // Its fate is open by then.

    await until('it is out', () => !wrong.raft.metrics.isRunning);
    await Promise.all([right.ready(patience()), third.ready(patience())]);
    await put(right.service, 'k', 'x');
    expect(await get(third.service, 'k')).toBe('x');
    expect(wrong.isReady).toBe(false);
  });

  test('is found out after a restart as well, as it applies its log again', async () => {
    await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 50 });
    const [member] = await cluster.followers();
    if (member === undefined) throw new Error('No follower.');
    const { name } = member;
    await put(member.service, 'k', 'v');
    await until('states were compared', () => member.service.status().applied > 4);
    await cluster.close(name);

    const again = await cluster.startOne(name);
    await again.ready(patience());

    expect(await get(again.service, 'k')).toBe('v');
    expect(again.problems).toEqual([]);
    corrupt(again);
    await put(again.service, 'k', 'w');
    await until('it is out', () => !again.raft.metrics.isRunning);
  });

  test('is a problem of both, and neither goes, when there are two', async () => {
    await using cluster = await MemberCluster.start(['a', 'b'], { hashCheckMs: 50 });
    const [wrong] = await cluster.followers();
    if (wrong === undefined) throw new Error('No follower.');

    corrupt(wrong);
    await put(wrong.service, 'k', 'w');

    await until('both say so', () =>
      cluster.members.every(({ problems }) => problems.join().includes('nobody can tell')),
    );
    await put(wrong.service, 'k', 'x');
    expect(wrong.raft.metrics.isRunning).toBe(true);
  });
});

test('a backup of a state that is wrong breaks off, though no comparison was due', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 600_000 });
  const [wrong, right] = await cluster.followers();
  if (wrong === undefined || right === undefined) throw new Error('No followers.');
  await put(right.service, 'k', 'v');
  corrupt(wrong);

  const [bad, good] = [wrong, right].map(async ({ service }) => {
    const parts: Uint8Array[] = [];
    for await (const part of service.snapshot(patience())) parts.push(part);
    return verifyBackup(inPieces(Buffer.concat(parts)), { name: 'it', rebuild: true });
  });

  await expect(bad).rejects.toMatchObject({ code: 'KV_UNHEALTHY' });
  expect((await good)?.head.hash).toBe(right.store.hash());
  expect(wrong.service.status().problems.join()).toContain(`Remove ${wrong.name}`);
});

test('a backup is made though a member cannot say what its state is', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 600_000 });
  const [down, left] = await cluster.followers();
  if (down === undefined || left === undefined) throw new Error('No followers.');
  await cluster.close(down.name);

  const parts: Uint8Array[] = [];
  for await (const part of left.service.snapshot(patience())) parts.push(part);

  const { head } = await verifyBackup(inPieces(Buffer.concat(parts)), {
    name: 'it',
    rebuild: true,
  });
  expect(head.hash).toBe(left.store.hash());
});

test('members with equal states compare them and find nothing', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 30 });
  for (let n = 0; n < 30; n += 1) {
    await put(cluster.members[n % 3]?.service ?? cluster.member('a').service, `k${n}`, 'v');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  for (const member of cluster.members) {
    expect(member.problems).toEqual([]);
    expect(member.isReady).toBe(true);
  }
});

test('a cluster where nothing happens logs no marks', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], { hashCheckMs: 20 });
  const { raft } = await cluster.leader();
  let last = -1;
  await until('it is quiet', () => {
    const before = last;
    last = raft.metrics.last.index;
    return before === last;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const quiet = raft.metrics.last.index;

  await new Promise((resolve) => setTimeout(resolve, 300));

  expect(raft.metrics.last.index).toBe(quiet);
});
