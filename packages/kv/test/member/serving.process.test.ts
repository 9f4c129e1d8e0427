import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import {
  get,
  MemberCluster,
  patience,
  put,
  putOf,
  until,
  write,
} from './support/member-cluster.ts';

let cluster: MemberCluster;

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c'], { http: 'http://127.0.0.1:1' });
});

afterAll(() => cluster[Symbol.asyncDispose]());

describe('a cluster of three members', () => {
  test('takes writes at each of them, and each reads what was written at any', async () => {
    for (const { name, service } of cluster.members) await put(service, `by ${name}`, name);

    for (const { service } of cluster.members) {
      for (const { name } of cluster.members) {
        expect(await get(service, `by ${name}`)).toBe(name);
      }
    }
  });

  test('reads the newest write at a follower, each time', async () => {
    const leader = await cluster.leader();
    const [follower = leader] = await cluster.followers();
    for (let round = 1; round <= 50; round += 1) {
      await put(leader.service, 'round', String(round));
      expect(await get(follower.service, 'round')).toBe(String(round));
    }
  });

  test('gives each operation of a command its own revision, in order', async () => {
    const [{ service } = cluster.member('a')] = await cluster.followers();

    const results = await write(service, [putOf('x', '1'), putOf('y', '2'), putOf('x', '3')]);

    const revisions = results.map((result) => result.type !== 'error' && result.revision);
    const [first = 0] = revisions as number[];
    expect(revisions).toEqual([first, first + 1, first + 2]);
  });

  test('answers a number of a session once, at whichever member it comes', async () => {
    const { service: atA } = cluster.member('a');
    const { service: atB } = cluster.member('b');
    const id = await atA.openSession(patience());
    const one = [putOf('once', 'first')];

    const first = await write(atA, one, { id, sequence: 1 });
    const again = await write(atB, [putOf('once', 'again')], { id, sequence: 1 });
    const { revision } = await put(atA, 'after', '');

    expect(again).toEqual(first);
    expect(await get(atB, 'once')).toBe('first');
    const [result] = first;
    expect(revision).toBe(result?.type === 'put' && result.revision + 1);
  });

  test('answers the same number, sent to two members at the same time, once', async () => {
    const [one, two] = [cluster.member('a'), cluster.member('b')];
    const id = await cluster.member('a').service.openSession(patience());
    const before = await put(cluster.member('a').service, 'before', '');

    for (let sequence = 1; sequence <= 20; sequence += 1) {
      const operations = [putOf('both', String(sequence))];
      const [here, there] = await Promise.all([
        write(one.service, operations, { id, sequence }),
        write(two.service, operations, { id, sequence }),
      ]);
      expect(here).toEqual(there);
    }

    const after = await put(cluster.member('c').service, 'after', '');
    expect(after.revision).toBe(before.revision + 21);
  });

  test('refuses a write of a session that was closed', async () => {
    const { service } = cluster.member('b');
    const id = await service.openSession(patience());
    await service.closeSession(id, patience());

    const late = write(service, [putOf('late', '')], { id, sequence: 1 });

    await expect(late).rejects.toMatchObject({ code: 'KV_SESSION_EXPIRED' });
  });

  test('refuses what is too large or none before it is logged', async () => {
    const { service, raft } = cluster.member('a');
    const last = raft.metrics.last.index;
    const command = encodeCommand([
      { type: 'put', key: bytesOf('k'), value: Buffer.alloc(2 ** 20 + 1) },
    ]);

    const large = service.write(command, patience());
    const broken = service.write(Buffer.from('nothing'), patience());
    const strange = write(service, [putOf('k', '')], { id: 1, sequence: 0 });

    await expect(large).rejects.toMatchObject({
      code: 'KV_TOO_LARGE',
      details: { limit: 'maxValueBytes' },
    });
    await expect(broken).rejects.toMatchObject({ code: 'KV_INVALID' });
    await expect(strange).rejects.toMatchObject({ code: 'KV_INVALID' });
    expect(raft.metrics.last.index).toBe(last);
  });

  test('tells watchers at every member of what was written at one', async () => {
    const key = bytesOf('watched');
    const watches = cluster.members.map(({ service }) =>
      service.watch({ key }, patience())[Symbol.asyncIterator](),
    );
    const told = watches.map((watch) => watch.next());

    const { revision } = await put(cluster.member('b').service, 'watched', 'now');

    for (const one of told) {
      expect((await one).value).toMatchObject({ revision, events: [{ type: 'put' }] });
    }
    for (const watch of watches) await watch.return?.();
  });

  test('publishes where each member is reached', async () => {
    const places = () => cluster.member('c').service.status().members;
    await until('all are published', () => places().every(({ httpAddress }) => httpAddress));

    expect(places()).toEqual(
      Object.entries(cluster.peers).map(([id, address]) => ({
        id,
        role: 'voter',
        peerAddress: `tcp://${address}`,
        clientAddress: `tcp://${address}`,
        httpAddress: 'http://127.0.0.1:1',
      })),
    );
  });

  test('says how it is, and that nothing is wrong', async () => {
    const leader = await cluster.leader();
    for (const { name, service, isReady } of cluster.members) {
      await service.barrier(patience());
      const status = service.status();
      expect(isReady).toBe(true);
      expect(status).toMatchObject({ member: name, leader: leader.name, problems: [], leases: 0 });
      expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
      expect(status.revision).toBe((await service.range({ key: bytesOf('x') })).revision);
      expect(status.applied).toBeLessThanOrEqual(status.committed);
    }
  });

  test('hands the leadership to whom it is told, wherever it is told', async () => {
    const [to, other] = await cluster.followers();

    await other?.service.transferLeadership(to?.name, patience());

    await to?.raft.waitFor(({ role }) => role === 'leader', patience());
    expect((await cluster.leader()).name).toBe(to?.name);
  });

  test('has the same hash everywhere', async () => {
    await Promise.all(cluster.members.map(({ service }) => service.barrier(patience())));

    const hashes = cluster.members.map(({ service }) => service.hash());

    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
  });
});
