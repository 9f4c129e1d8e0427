import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemberCluster, patience } from './support/member-cluster.ts';
import { containing, done } from './support/membership.ts';

let cluster: MemberCluster;

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
});

afterAll(() => cluster[Symbol.asyncDispose]());

describe('a change is refused', () => {
  test('of a member that there is not', async () => {
    const { service } = await cluster.leader();

    for (const change of [
      () => service.memberPromote({ id: 'x' }, patience()),
      () => service.memberRemove({ id: 'x' }, patience()),
      () => service.memberPromote({ id: 'a', insteadOf: 'x' }, patience()),
    ]) {
      await expect(done(change)).rejects.toMatchObject({
        code: 'KV_MEMBER_NOT_FOUND',
        message: 'There is no member x; the members are a, b, c.',
      });
    }
  });

  test('that gives a name or an address away that is another member', async () => {
    const { service } = await cluster.leader();
    const known = cluster.peers['b'] ?? '';

    const moved = done(() => service.memberAdd({ id: 'b', address: '127.0.0.1:1' }, patience()));
    const taken = done(() => service.memberAdd({ id: 'd', address: known }, patience()));

    await expect(moved).rejects.toMatchObject({
      code: 'KV_MEMBERSHIP',
      message: containing(`b is a member already, at ${known}`),
    });
    await expect(taken).rejects.toMatchObject({
      code: 'KV_MEMBERSHIP',
      message: containing('the address of member b'),
    });
  });

  test('that cannot be read', async () => {
    const { service } = cluster.member('a');

    for (const request of [
      { id: 'a b', address: '127.0.0.1:1' },
      { id: '', address: '127.0.0.1:1' },
      { id: '__proto__', address: '127.0.0.1:1' },
      { id: 'd', address: '127.0.0.1' },
      { id: 'd', address: '127.0.0.1:70000' },
      { id: 'd', address: '127.0.0.1:1,127.0.0.1:2' },
    ]) {
      const added = done(() => service.memberAdd(request, patience()));
      await expect(added).rejects.toMatchObject({ code: 'KV_INVALID' });
    }
    const itself = done(() => service.memberPromote({ id: 'a', insteadOf: 'a' }, patience()));
    await expect(itself).rejects.toMatchObject({ code: 'KV_INVALID' });
  });

  test('of a learner that does not answer, and it is said why', async () => {
    const quick = { config: { catchUpTimeoutMs: 300, electionTimeoutMs: { min: 150, max: 300 } } };
    await using alone = await MemberCluster.start(['a'], quick);
    const { service } = await alone.leader();
    await done(() => service.memberAdd({ id: 'd', address: '127.0.0.1:1' }, patience()));

    const promoted = done(() => service.memberPromote({ id: 'd' }, patience()));

    await expect(promoted).rejects.toMatchObject({
      code: 'KV_MEMBERSHIP',
      message: containing('d did not answer'),
    });
  });
});
