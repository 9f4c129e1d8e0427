import { TcpClient } from 'quorate/network/tcp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { MemberCluster, put, putOf, until } from '../member/support/member-cluster.ts';
import { memoryStoreOf } from '../store/kit.ts';
import { alertsOf, names, untilOver, untilTold, World } from './support/alert-world.ts';

let world: World;
let cluster: MemberCluster;

beforeEach(async () => {
  world = new World();
  cluster = await MemberCluster.start(names, (name) => world.optionsOf(name));
});

afterEach(() => cluster[Symbol.asyncDispose]());

test('a wall clock that is set is told, and one that differs from the leader’s', async () => {
  const leader = await cluster.leader();
  const [{ name } = leader] = await cluster.followers();

  world.aheadMs[name] = 7_200_000;
  await untilTold(cluster.members, `clock-jump ${name}`, `clock-differs ${name}`);

  expect(cluster.members.flatMap(({ problems }) => problems)).toEqual([]);
  expect(world.linesOf('clock-differs')[0]).toMatch(`${leader.name} warn clock-differs ${name}`);
  world.aheadMs[name] = 0;
  await untilOver(cluster.members, 'clock-differs');
  await put(leader.service, 'k', 'v');
});

test('a member that has gone is named by the others, and who is left alone says so', async () => {
  const leader = await cluster.leader();
  const [gone = leader, left = leader] = await cluster.followers();

  await cluster.close(gone.name);
  await untilTold([leader, left], `member-silent ${gone.name}`);
  await cluster.startOne(gone.name);
  await untilOver(cluster.members, 'member-silent');
  expect(world.linesOf('member-silent').map((line) => line.split(': ')[0])).toEqual([
    `${leader.name} warn member-silent ${gone.name}`,
    `${leader.name} info member-silent ${gone.name}`,
  ]);

  await cluster.close(gone.name);
  await cluster.close(leader.name);
  await untilTold([left], `no-leader ${left.name}`);
  expect(left.problems).toContain('No leader is known.');
  await until('it is logged', () => world.linesOf('no-leader').length > 0);
  await cluster.startOne(gone.name);
  await untilOver([left], 'no-leader');
  await until('that is logged', () => world.linesOf('no-leader').join().includes('over: '));
});

test('a member whose state is wrong is named by all, and by itself', async () => {
  const leader = await cluster.leader();
  const [wrong = leader] = await cluster.followers();
  await put(leader.service, 'k', 'v');
  memoryStoreOf(wrong).apply(encodeCommand([putOf('planted', 'by nobody')]));

  await put(leader.service, 'k', 'w');
  await until('it is out', () => !wrong.raft.metrics.isRunning);
  await untilTold([wrong], `state-differs ${wrong.name}`);
  await untilTold([leader], `state-differs ${wrong.name}`);

  const [alert] = leader.service.status().alerts;
  expect(alert).toMatchObject({ severity: 'error', member: wrong.name });
  expect(alert?.advice).toContain('Replace the member');
  expect(leader.problems).toEqual([]);
  await put(leader.service, 'k', 'x');
});

test('what another part of the program reports is an alert until it is cleared', async () => {
  const [member = cluster.member('a')] = await cluster.followers();

  member.alerts.report('backup-fails', 'The folder is gone.');
  await untilTold(cluster.members, `backup-fails ${member.name}`);
  await until('it is logged', () => world.linesOf('backup-fails').length === 1);
  expect(world.linesOf('backup-fails')[0]).toContain('The folder is gone. Mend what');
  member.alerts.clear('backup-fails');
  await untilOver(cluster.members, 'backup-fails');
});

test('a certificate that ends soon is told by the member that uses it', async () => {
  const authority = makeAuthority('tests');
  const tls = { ca: authority.cert, ...issue(authority, { names: ['t'], ips: ['127.0.0.1'] }) };
  const options = (wall: string) => ({
    tls,
    wallClock: () => Date.parse(wall) + performance.now(),
  });
  await using soon = await MemberCluster.start(['t'], options('2048-12-25T00:00:00Z'));
  await using late = await MemberCluster.start(['t'], options('2040-01-01T00:00:00Z'));

  expect(alertsOf(soon.member('t'))).toEqual(['certificate t']);
  expect(alertsOf(late.member('t'))).toEqual([]);
});

test('what a member is told that is no news is refused, and changes nothing', async () => {
  const [member = cluster.member('a')] = await cluster.followers();
  await using peer = new TcpClient(member.address);
  const channel = peer.channel('quorate.kv.members');
  const ask = (params: unknown) =>
    channel.call(Buffer.from(JSON.stringify({ method: 'report', params })));

  await expect(ask({})).rejects.toMatchObject({ code: 'KV_INVALID' });
  const gate = { refuses: 'everything', low: [] };
  // A leader of a past term is late.
  const answer = await ask({ leader: 'x', term: 0, gate, alerts: [] });
  expect(JSON.parse(Buffer.from(answer).toString())).toMatchObject({ alerts: [] });
  await put(member.service, 'k', 'v');
});
