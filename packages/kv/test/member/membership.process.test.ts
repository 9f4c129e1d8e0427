import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KvMember, KvMemberOptions } from '../../src/server/member.ts';
import type { MembershipChange } from '../../src/types.ts';
import { get, MemberCluster, patience, put, until } from './support/member-cluster.ts';
import { containing, done, freeAddress, rolesOf, votersOf } from './support/membership.ts';

let cluster: MemberCluster;

beforeEach(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
});

afterEach(() => cluster[Symbol.asyncDispose]());

/** The addresses by which a member joins. */
function seeds(): readonly string[] {
  return Object.values(cluster.peers);
}

function startAt(
  name: string,
  address: string,
  options: Partial<KvMemberOptions> = {},
): Promise<KvMember> {
  const port = Number(address.split(':')[1]);
  return cluster.startOne(name, { join: seeds(), listen: { port }, ...patience(), ...options });
}

describe('a member', () => {
  test('that was added and then started stays a learner until it is promoted', async () => {
    const [follower] = await cluster.followers();
    const service = follower?.service ?? cluster.member('a').service;
    const address = await freeAddress();

    const added = await done(() => service.memberAdd({ id: 'd', address }, patience()));
    const again = await done(() => service.memberAdd({ id: 'd', address }, patience()));
    const d = await startAt('d', address);
    await d.ready(patience());
    await put(service, 'k', 'v');

    expect(added).toMatchObject({ changed: true });
    expect(rolesOf(added)).toEqual({ a: 'voter', b: 'voter', c: 'voter', d: 'learner' });
    expect(again.changed).toBe(false);
    expect(d.service.status().role).toBe('learner');
    expect(await get(d.service, 'k')).toBe('v');

    const promoted = await done(() => service.memberPromote({ id: 'd' }, patience()));
    const twice = await done(() => d.service.memberPromote({ id: 'd' }, patience()));

    expect(rolesOf(promoted)).toMatchObject({ d: 'voter' });
    expect(twice.changed).toBe(false);
    expect(votersOf(await cluster.leader())).toEqual(['a', 'b', 'c', 'd']);
  });

  test('that was added is a learner still after it was started again', async () => {
    const { service } = await cluster.leader();
    const address = await freeAddress();
    await done(() => service.memberAdd({ id: 'd', address }, patience()));
    await startAt('d', address);
    await cluster.close('d');
    // What it says anew of itself must not take away what the cluster knows of it.
    const moved = await startAt('d', address, { http: 'http://d:1' });
    await until('it is published', () =>
      service.status().members.some(({ httpAddress }) => httpAddress === 'http://d:1'),
    );
    await moved.ready(patience());
    await cluster.close('d');

    const d = await startAt('d', address);
    await d.ready(patience());

    expect(d.service.status().role).toBe('learner');
    expect(votersOf(await cluster.leader())).toEqual(['a', 'b', 'c']);
  });

  test('that was added as a voter becomes one by itself', async () => {
    const { service } = await cluster.leader();
    const address = await freeAddress();
    await done(() => service.memberAdd({ id: 'd', address, voter: true }, patience()));

    const d = await startAt('d', address);

    expect(votersOf(d)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('that joined before it is added is found to be one', async () => {
    const { service } = await cluster.leader();
    const address = await freeAddress();
    const d = await startAt('d', address);

    const added = await done(() => service.memberAdd({ id: 'd', address: d.address }, patience()));

    expect(added.changed).toBe(false);
    expect(rolesOf(added)).toMatchObject({ d: 'voter' });
  });

  test('takes the place of another one that is down, in one step', async () => {
    await put(cluster.member('a').service, 'k', 'v');
    const [old] = await cluster.followers();
    const name = old?.name ?? '';
    await cluster.close(name);
    const { service } = await cluster.leader();
    const address = await freeAddress();
    await done(() => service.memberAdd({ id: 'd', address }, patience()));
    const d = await startAt('d', address);

    const replaced = await done(() =>
      service.memberPromote({ id: 'd', insteadOf: name }, patience()),
    );
    const again = await done(() => service.memberPromote({ id: 'd', insteadOf: name }, patience()));

    expect(Object.keys(rolesOf(replaced))).not.toContain(name);
    expect(rolesOf(replaced)).toMatchObject({ d: 'voter' });
    expect(again.changed).toBe(false);
    expect(await get(d.service, 'k')).toBe('v');
  });

  test('takes the place of another one also if it has joined by itself before', async () => {
    const d = await startAt('d', await freeAddress());
    const [old] = await cluster.followers();
    const name = old?.name === 'd' ? 'a' : (old?.name ?? '');
    const { service } = await cluster.leader();

    const added = await done(() => service.memberAdd({ id: 'd', address: d.address }, patience()));
    const request = { id: 'd', insteadOf: name };
    const replaced = await done(() => service.memberPromote(request, patience()));

    expect(added.changed).toBe(false);
    expect(Object.keys(rolesOf(replaced))).not.toContain(name);
    expect(votersOf(d)).toContain('d');
  });

  test('takes the place of the leader, which hands over before', async () => {
    const leader = await cluster.leader();
    const address = await freeAddress();
    await done(() => leader.service.memberAdd({ id: 'd', address }, patience()));
    await startAt('d', address);

    const replaced = await done(() =>
      leader.service.memberPromote({ id: 'd', insteadOf: leader.name }, patience()),
    );

    expect(Object.keys(rolesOf(replaced))).not.toContain(leader.name);
    await until('it leads no more', () => leader.raft.metrics.role !== 'leader');
    expect((await cluster.leader()).name).not.toBe(leader.name);
  });
});

describe('a member that is removed', () => {
  test('is gone, though it leads, and to remove it again changes nothing', async () => {
    const leader = await cluster.leader();

    const removed = await done(() => leader.service.memberRemove({ id: leader.name }, patience()));
    const other = cluster.members.find((member) => member !== leader) ?? leader;
    const again = await done(() => other.service.memberRemove({ id: leader.name }, patience()));

    expect(removed.changed).toBe(true);
    expect(Object.keys(rolesOf(removed))).not.toContain(leader.name);
    expect(again.changed).toBe(false);
    await put(other.service, 'k', 'v');
  });

  test('leaves a name that never comes back, also after all members were started again', async () => {
    const { service } = await cluster.leader();
    await done(() => service.memberRemove({ id: 'c' }, patience()));
    await cluster.close('c');
    await cluster.close('a');
    await cluster.close('b');
    const news = ['a', 'b'].map((name) => cluster.startOne(name, { http: `http://${name}:1` }));
    await Promise.all(news);
    const leader = await cluster.leader();
    await leader.ready(patience());
    await until('both have said anew where they are', () =>
      leader.service
        .status()
        .members.every(({ id, httpAddress }) => httpAddress === `http://${id}:1`),
    );
    const address = await freeAddress();

    const added = done(() => leader.service.memberAdd({ id: 'c', address }, patience()));
    await expect(added).rejects.toMatchObject({
      code: 'KV_MEMBERSHIP',
      message: containing('a name never comes back'),
    });
    const directory = `${cluster.folder}/c-anew`;
    const port = Number(address.split(':')[1]);
    const join = [leader.address];
    const joined = cluster.startOne('c', { join, directory, listen: { port }, ...patience() });
    await expect(joined).rejects.toThrow('a name never comes back');
    const promoted = done(() => leader.service.memberPromote({ id: 'c' }, patience()));
    await expect(promoted).rejects.toMatchObject({ code: 'KV_MEMBER_NOT_FOUND' });
  });

  test('is remembered by the only one that is left, which says anew where it is', async () => {
    await cluster[Symbol.asyncDispose]();
    cluster = await MemberCluster.start(['a']);
    const { service } = cluster.member('a');
    await done(() => service.memberAdd({ id: 'd', address: '127.0.0.1:1' }, patience()));
    await done(() => service.memberRemove({ id: 'd' }, patience()));
    await cluster.close('a');
    const a = await cluster.startOne('a', { http: 'http://a:1' });
    await until('it is published', () =>
      a.service.status().members.some(({ httpAddress }) => httpAddress === 'http://a:1'),
    );

    const added = done(() => a.service.memberAdd({ id: 'd', address: '127.0.0.1:1' }, patience()));

    await expect(added).rejects.toMatchObject({ code: 'KV_MEMBERSHIP' });
  });

  test('must not leave those who answer without a majority, unless it is forced', async () => {
    const leader = await cluster.leader();
    const [down, other] = await cluster.followers();
    await cluster.close(down?.name ?? '');
    const id = other?.name ?? '';

    await expect(done(() => leader.service.memberRemove({ id }, patience()))).rejects.toMatchObject(
      {
        code: 'KV_MEMBERSHIP',
        message: containing('only 1 answered just now'),
      },
    );
    expect(votersOf(leader)).toEqual(['a', 'b', 'c']);
    // It is the one that is down that can go.
    await done(() => leader.service.memberRemove({ id: down?.name ?? '' }, patience()));
    await done(() => leader.service.memberRemove({ id, force: true }, patience()));

    expect(votersOf(leader)).toEqual([leader.name]);
    const last = done(() =>
      leader.service.memberRemove({ id: leader.name, force: true }, patience()),
    );
    await expect(last).rejects.toMatchObject({
      code: 'KV_MEMBERSHIP',
      message: containing('the only voter'),
    });
  });

  test('may be a learner that never ran', async () => {
    const { service } = await cluster.leader();
    await done(() => service.memberAdd({ id: 'd', address: '127.0.0.1:1' }, patience()));

    const removed = await done(() => service.memberRemove({ id: 'd' }, patience()));

    expect(rolesOf(removed)).toEqual({ a: 'voter', b: 'voter', c: 'voter' });
  });
});

test('of two changes at a time none is lost', async () => {
  const { service } = await cluster.leader();
  const addresses = await Promise.all([freeAddress(), freeAddress()]);
  await done(() => service.memberAdd({ id: 'd', address: addresses[0] }, patience()));
  await done(() => service.memberAdd({ id: 'e', address: addresses[1] }, patience()));
  await Promise.all([startAt('d', addresses[0]), startAt('e', addresses[1])]);

  const promote = (id: string): Promise<MembershipChange> =>
    done(() => service.memberPromote({ id }, patience()));
  await Promise.all([promote('d'), promote('e')]);

  expect(votersOf(await cluster.leader())).toEqual(['a', 'b', 'c', 'd', 'e']);
});
