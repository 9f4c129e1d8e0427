import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KvClient } from '../../src/client.ts';
import { HttpKvClient } from '../../src/client-http.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { HttpServer } from '../../src/server/http/server.ts';
import type { KvMember } from '../../src/server/member.ts';
import { KvMetrics } from '../../src/server/metrics.ts';
import type { Operation } from '../../src/types.ts';
import {
  get,
  MemberCluster,
  patience,
  put,
  putOf,
  until,
  write,
} from '../member/support/member-cluster.ts';
import {
  alertsOf,
  mib,
  names,
  plenty,
  untilOver,
  untilTold,
  World,
} from './support/alert-world.ts';

// How much room there is is what the test says; full-disk.process.test.ts has disks that are real.

let world: World;
let cluster: MemberCluster;

beforeEach(async () => {
  world = new World();
  cluster = await MemberCluster.start(names, (name) => world.optionsOf(name));
});

afterEach(() => cluster[Symbol.asyncDispose]());

/** How many of the disks their own members call low, or full. */
function lowDisks(): number {
  return cluster.members.filter((member) =>
    alertsOf(member).some(
      (alert) => /^disk-(low|full) /.test(alert) && alert.endsWith(member.name),
    ),
  ).length;
}

/** The leader's disk last, or it would hand over to who has room still. Returns who refuses. */
async function lowerAll(freeBytes: number): Promise<KvMember> {
  for (const { name } of await cluster.followers()) world.free[name] = freeBytes;
  const refuses = ({ name, raft }: KvMember): boolean =>
    raft.metrics.role === 'leader' &&
    cluster.members.every((member) => alertsOf(member).includes(`writes-refused ${name}`));
  await until('writes are refused', () => cluster.members.some(refuses));
  for (const name of names) world.free[name] = freeBytes;
  await until('all disks are low', () => lowDisks() === names.length);
  return cluster.leader();
}

/** What a call fails with; `undefined` if it does not. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a disk that is low', () => {
  test('at one follower is an alert at every member, and writes go on', async () => {
    const [follower = cluster.member('a')] = await cluster.followers();
    const { name } = follower;

    world.free[name] = 50 * mib;
    await untilTold(cluster.members, `disk-low ${name}`);

    for (const { service } of cluster.members) await put(service, 'k', 'v');
    const [alert] = follower.service.status().alerts;
    expect(alert).toMatchObject({ severity: 'warning', member: name });
    expect(alert?.message).toBe(`On the disk of ${name} 50.0 MiB are free, and 125 MiB should be.`);
    expect(follower.service.status().disk).toMatchObject({
      freeBytes: 50 * mib,
      lowBytes: 100 * mib,
    });
    expect(follower.service.status().disk?.logBytes).toBeGreaterThan(0);
    world.free[name] = plenty;
    await untilOver(cluster.members, 'disk-low');
    expect(world.linesOf('disk-low')).toEqual([
      expect.stringMatching(
        `^${name} warn disk-low ${name}: .*50.0 MiB are free.*Remove`,
      ) as string,
      expect.stringMatching(`^${name} info disk-low ${name}: over: `) as string,
    ]);
  });

  test('at most members makes the leader refuse what adds something, and nothing else', async () => {
    const leader = await cluster.leader();
    await put(leader.service, 'k', 'before');
    const [granted] = await write(leader.service, [{ type: 'leaseGrant', ttl: 60, id: 7 }]);
    expect(granted?.type).toBe('leaseGrant');

    for (const { name } of await cluster.followers()) world.free[name] = 50 * mib;
    await untilTold(cluster.members, `writes-refused ${leader.name}`);

    const low = (await cluster.followers()).map(({ name: member }) => ({
      member,
      freeBytes: 50 * mib,
      wantedBytes: 125 * mib,
    }));
    for (const member of cluster.members) {
      const { service } = member;
      const refused = await failureOf(put(service, 'k', 'after'));
      expect(refused).toMatchObject({ code: 'KV_LOW_SPACE', maybeApplied: false });
      expect((refused as { details: { members: unknown[] } }).details.members).toHaveLength(2);
      expect((refused as { details: unknown }).details).toEqual({
        members: expect.arrayContaining(low) as unknown,
      });
      expect(await get(service, 'k')).toBe('before');
      expect(await service.leaseKeepAlive(7, patience())).toEqual({ ttl: 60 });
      const numbered = { id: await service.openSession(patience()), sequence: 1 };
      const again = failureOf(write(service, [putOf('s', 'x')], numbered));
      expect(await again).toMatchObject({ code: 'KV_LOW_SPACE' });
      const remove: Operation = { type: 'delete', key: Buffer.from('nothing') };
      expect((await write(service, [remove], numbered))[0]?.type).toBe('delete');
    }
    const { revision } = leader.store;
    const [revoked, compacted] = await write(leader.service, [
      { type: 'leaseRevoke', id: 7 },
      { type: 'compact', revision },
    ]);
    expect([revoked?.type, compacted?.type]).toEqual(['leaseRevoke', 'compact']);

    for (const name of names) world.free[name] = 110 * mib; // More than the bound, and too little.
    await new Promise((resolve) => setTimeout(resolve, 500)); // It has looked again.
    expect(await failureOf(put(leader.service, 'k', 'x'))).toMatchObject({ code: 'KV_LOW_SPACE' });
    for (const name of names) world.free[name] = plenty;
    await untilOver(cluster.members, 'writes-refused');
    for (const { service } of cluster.members) await put(service, 'k', 'later');
    expect(await get(leader.service, 'k')).toBe('later');
    expect(await get(leader.service, 's')).toBeUndefined();
    await until('it is logged', () => world.linesOf('writes-refused').length === 2);
    expect(world.linesOf('writes-refused').map((line) => line.split(':')[0])).toEqual([
      `${leader.name} error writes-refused ${leader.name}`,
      `${leader.name} info writes-refused ${leader.name}`,
    ]);
  });

  test('at most members is told to clients of both kinds, who write again by themselves', async () => {
    const { service, address } = cluster.member('a');
    const metrics = new KvMetrics({ ofProcess: false });
    await using http = await HttpServer.listen({ service, metrics });
    const url = `http://127.0.0.1:${http.port}`;
    await using native = new KvClient({ servers: [address], timeoutMs: 1500 });
    await using overHttp = new HttpKvClient({ servers: [url], timeoutMs: 1500, discover: false });

    const leader = await lowerAll(50 * mib);
    const { raft, alerts } = leader;
    metrics.follow({
      status: () => leader.service.status(),
      raft: () => raft.metrics,
      alerts: () => alerts.raised(raft.metrics),
    });

    const response = await fetch(`${url}/v1/kv/k`, { method: 'PUT', body: 'v' });
    expect(response.status).toBe(507);
    expect(await response.json()).toMatchObject({
      code: 'KV_LOW_SPACE',
      retry: 'yes',
      advice: expect.stringContaining('Make room') as string,
      message: expect.stringContaining('50.0 MiB free and wants 125 MiB') as string,
    });
    for (const client of [native, overHttp]) {
      const failure = await failureOf(client.put('k', 'v'));
      expect(failure).toMatchObject({ code: 'KV_LOW_SPACE', maybeApplied: false });
      expect(await client.get('k')).toBeUndefined();
    }
    expect(await metrics.text()).toContain(
      `quorate_alert{code="writes-refused",about="${leader.name}",severity="error"} 1`,
    );

    const patient = { timeoutMs: 10_000 };
    const waiting = [native.put('n', 'v', patient), overHttp.put('h', 'v', patient)];
    for (const name of names) world.free[name] = plenty;
    await Promise.all(waiting);
    expect(leader.store.keyCount).toBe(2);
    await untilOver([leader], 'writes-refused');
    expect(await metrics.text()).not.toContain('quorate_alert{');
  });

  test('at the leader alone moves the leadership to a member that has room', async () => {
    const leader = await cluster.leader();
    await put(leader.service, 'k', 'v');

    world.free[leader.name] = 50 * mib;
    await until('another leads', () => leader.raft.metrics.role !== 'leader');
    const next = await cluster.leader();
    await untilTold(cluster.members, `disk-low ${leader.name}`);
    await untilOver(cluster.members, 'writes-refused');

    expect(next.name).not.toBe(leader.name);
    for (const { service } of cluster.members) await put(service, 'k', 'later');
  });

  test('to the last at most members refuses deletes as well, and nobody fails', async () => {
    await put(cluster.member('a').service, 'k', 'v');

    const leader = await lowerAll(mib);
    await untilTold(cluster.members, 'disk-full a', 'disk-full b', 'disk-full c');

    const remove = encodeCommand([{ type: 'delete', key: Buffer.from('k') }]);
    for (const { service } of cluster.members) {
      const refusal = await failureOf(service.write(remove, patience()));
      expect(refusal).toMatchObject({ code: 'KV_LOW_SPACE' });
      expect((refusal as Error).message).toMatch(/^No write is taken/);
      const opening = await failureOf(service.openSession(patience()));
      expect(opening).toMatchObject({ code: 'KV_LOW_SPACE' });
      expect(await get(service, 'k')).toBe('v');
    }
    for (const name of names) world.free[name] = plenty;
    await untilOver(cluster.members, 'writes-refused');
    await write(leader.service, [{ type: 'delete', key: Buffer.from('k') }]);
  });
});
