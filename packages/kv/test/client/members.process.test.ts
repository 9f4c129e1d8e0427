import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type BaseClient, KvClient } from '../../src/client.ts';
import { HttpKvClient } from '../../src/client-http.ts';
import { HttpServer } from '../../src/server/http/server.ts';
import { MemberCluster, until } from '../member/support/member-cluster.ts';

// Who the members are and how they do, by either way to a cluster of three in this process.

const config = {
  heartbeatMs: 20,
  electionTimeoutMs: { min: 150, max: 300 },
  catchUpTimeoutMs: 500,
};
let cluster: MemberCluster;
const servers = new Map<string, HttpServer>();

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c'], { config });
  for (const { name, service } of cluster.members) {
    servers.set(name, await HttpServer.listen({ service }));
  }
});

afterAll(async () => {
  for (const server of servers.values()) await server.close({ graceMs: 0 });
  await cluster[Symbol.asyncDispose]();
});

const ways: readonly (readonly [string, () => BaseClient])[] = [
  [
    'the native protocol',
    () => new KvClient({ servers: Object.values(cluster.peers), timeoutMs: 10_000 }),
  ],
  [
    'HTTP',
    () =>
      new HttpKvClient({
        servers: [...servers.values()].map(({ port }) => `http://127.0.0.1:${port}`),
        discover: false,
        timeoutMs: 10_000,
      }),
  ],
];

describe.each(ways)('by %s', (_name, connect) => {
  test('every member says itself how it does', async () => {
    await using kv = connect();

    const reports = await kv.statusOfAll();
    const b = await kv.status({ member: 'b' });

    expect(reports.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(reports.map(({ status }) => status?.member)).toEqual(['a', 'b', 'c']);
    expect(b.member).toBe('b');
    await expect(kv.status({ member: 'x' })).rejects.toMatchObject({
      code: 'KV_MEMBER_NOT_FOUND',
      message: 'There is no member x; known are a, b, c.',
    });
  });

  test('a member is added, refused a vote while it does not run, and removed', async () => {
    await using kv = connect();
    const id = `new-${_name.length}`;
    const request = { id, address: `127.0.0.1:${_name.length}` };

    const added = await kv.cluster.add(request);
    const twice = await kv.cluster.add(request);
    const reports = await kv.statusOfAll();
    const promoted = kv.cluster.promote({ id });
    await expect(promoted).rejects.toMatchObject({ code: 'KV_MEMBERSHIP' });
    const removed = await kv.cluster.remove({ id });

    expect(added.changed).toBe(true);
    expect(twice.changed).toBe(false);
    expect(reports.find((report) => report.id === id)?.error?.message).toContain('not said yet');
    expect(removed.members.map((member) => member.id)).toEqual(['a', 'b', 'c']);
    await expect(kv.cluster.remove({ id: 'x', force: true })).rejects.toMatchObject({
      code: 'KV_MEMBER_NOT_FOUND',
    });
  });

  test('the leadership goes to whom it is handed', async () => {
    await using kv = connect();
    const [to] = await cluster.followers();

    await kv.cluster.transferLeadership(to?.name);

    await until('it leads', () => to?.raft.metrics.role === 'leader');
    expect((await kv.status({ member: to?.name })).role).toBe('leader');
  });
});

test('a member that is down is in the list with an error, within two seconds or so', async () => {
  const [down] = await cluster.followers();
  const name = down?.name ?? '';
  await cluster.close(name);
  await using kv = new KvClient({ servers: Object.values(cluster.peers) });

  const reports = await kv.statusOfAll();

  const found = reports.find(({ id }) => id === name);
  expect(reports).toHaveLength(3);
  expect(found?.status).toBeUndefined();
  expect(found?.error?.code).toBe('KV_NO_LEADER');
  expect(found?.address).toContain(cluster.peers[name] ?? '-');
});

test('addresses where nobody is are in the list too', async () => {
  await using kv = new KvClient({ servers: ['127.0.0.1:1'], timeoutMs: 500 });

  const reports = await kv.statusOfAll();

  expect(reports).toMatchObject([{ id: undefined, address: '127.0.0.1:1' }]);
});

test('a member that was removed is not believed about the others', async () => {
  await using two = await MemberCluster.start(['x', 'y'], { config });
  const leader = await two.leader();
  const removed = leader.name === 'x' ? 'y' : 'x';
  const addresses = [two.peers[removed] ?? '', two.peers[leader.name] ?? ''];
  await using kv = new KvClient({ servers: addresses, discover: false });
  await kv.cluster.remove({ id: removed });
  const { raft } = two.member(removed);
  await until('it hears of no leader', () => raft.metrics.leader === undefined);

  for (const first of [addresses, addresses.toReversed(), addresses.slice(0, 1)]) {
    await using other = new KvClient({ servers: first, discover: first.length === 1 });
    const { leader: leads, members } = await other.status();

    expect(leads).toBe(leader.name);
    expect(members.map(({ id }) => id)).toEqual([leader.name]);
  }
});

test.each(['leader', 'follower'])(
  'a %s that was removed sends writers on at once',
  async (role) => {
    await using three = await MemberCluster.start(['x', 'y', 'z'], { config });
    const leader = await three.leader();
    const removed = role === 'leader' ? leader : (await three.followers())[0];
    if (removed === undefined) throw new Error('There is no follower.');
    await using kv = new KvClient({ servers: Object.values(three.peers) });
    await kv.cluster.remove({ id: removed.name });
    const answer = (): Promise<string> =>
      removed.service.openSession({ signal: AbortSignal.timeout(100) }).then(String, String);
    const says = `KvError: Node ${removed.name} was removed from the cluster`;
    await expect.poll(answer, { timeout: 10_000 }).toContain(says);

    // A try to open a session at a member that waits for a leader takes two seconds.
    await using other = new KvClient({ servers: [removed.address], timeoutMs: 1500 });
    const put = await other.put('k', 'v');

    expect((await kv.get('k'))?.modRevision).toBe(put.revision);
  },
);
