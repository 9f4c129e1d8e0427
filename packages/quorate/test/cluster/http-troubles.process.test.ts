import { describe, expect, test } from 'vitest';
import { Gateway, GatewayNetwork } from './gateways.ts';
import { Cluster, calm, outcomeOf, quick, soon, type TestNode } from './kit.ts';
import { writeTo } from './members.ts';
import { openHttp } from './networks.ts';
import type { Message } from './wires.ts';

const three = ['a', 'b', 'c'];
const mebibyte = 1024 * 1024;

/** Resolves once `count` calls that fit have been answered from now on, and rejects if none is. */
function answered(
  { wires }: Cluster,
  count: number,
  fits: (message: Message) => boolean,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { signal } = soon();
  const fail = (): void => reject(new Error('The calls that were waited for are not answered.'));
  signal.addEventListener('abort', fail, { once: true });
  let seen = 0;
  wires.onAnswer = (message) => {
    if (fits(message) && (seen += 1) === count) resolve();
  };
  return promise.finally(() => signal.removeEventListener('abort', fail));
}

describe('connections that are reset as they are made (row 84)', () => {
  test.each(['reset', 'hang'] as const)(
    'leave a follower behind and nothing else: %s',
    async (manner) => {
      const network = new GatewayNetwork();
      await using cluster = await Cluster.of(three, { open: network.open });
      await writeTo(cluster, three);
      const before = network.at('c').connectionCount;

      network.at('c').turn(manner);
      for (let at = 0; at < 10; at += 1) await cluster.write(at);
      await cluster.awaitApplied(cluster.first.metrics.committed.index, [
        cluster.node('a'),
        cluster.node('b'),
      ]);
      await cluster.first.waitFor(() => network.at('c').connectionCount > before + 3);
      const behind = cluster.node('c').machine.commands.length;
      network.at('c').turn('pass');
      await cluster.awaitApplied(cluster.first.metrics.committed.index);

      expect(behind).toBe(1);
      expect(cluster.first.metrics).toMatchObject({ role: 'leader', fatal: undefined });
      expect(cluster.node('c').machine.commands).toEqual(cluster.first.machine.commands);
    },
  );

  test('of all nodes end no node, and they find each other again', async () => {
    const network = new GatewayNetwork();
    await using cluster = await Cluster.of(three, { open: network.open, config: quick });
    await writeTo(cluster, three);
    const old = await cluster.awaitLeader();

    for (const gateway of network.gateways.values()) gateway.turn('reset');
    const lost = outcomeOf(old.raft.write('lost', soon()));
    await old.waitFor(({ role }) => role !== 'leader');
    for (const gateway of network.gateways.values()) gateway.turn('pass');
    await cluster.write('found');
    await writeTo(cluster, three);

    expect(await lost).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
    for (const { metrics } of cluster.all) expect(metrics.fatal).toBeUndefined();
  });
});

describe('a node that can call and cannot be called (row 85)', () => {
  test('as a follower disturbs nobody', async () => {
    const network = new GatewayNetwork();
    await using cluster = await Cluster.of(three, { open: network.open, config: quick });
    const leader = await cluster.awaitLeader();
    const [deaf, other] = cluster.others(leader) as [TestNode, TestNode];
    const { term } = leader.metrics;
    const asked = answered(cluster, 6, ({ call, from }) => {
      return call === 'requestVote' && from === deaf.id;
    });

    network.at(deaf.id).turn('reset');
    await asked;
    await writeTo(cluster, [leader.id, other.id]);

    expect(leader.metrics).toMatchObject({ role: 'leader', term });
    expect(deaf.metrics).toMatchObject({ term, leader: undefined });
    network.at(deaf.id).turn('pass');
    await writeTo(cluster, three);
    expect(leader.metrics).toMatchObject({ role: 'leader', term });
  });

  test('as the leader leads on, and who passes a write on to it is told in bounded time', async () => {
    const network = new GatewayNetwork();
    await using cluster = await Cluster.of(three, {
      open: network.open,
      config: { ...calm, electionTimeoutMs: { min: 1000, max: 1200 } },
    });
    await writeTo(cluster, three);
    const { term } = cluster.first.metrics;

    network.at('a').turn('reset');
    const passedOn = await outcomeOf(cluster.node('b').raft.write('x', soon()));
    const { response } = await cluster.first.raft.write('y', soon());

    expect(passedOn).toMatchObject({ code: 'RAFT_UNREACHABLE' });
    expect(response).toBeGreaterThan(1);
    network.at('a').turn('pass');
    await cluster.node('b').raft.write('z', soon());
    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term });
  });
});

describe('another node behind an address that was a member’s (row 86)', () => {
  test('of another cluster takes nothing, gives no vote, and loses nothing', async () => {
    const network = new GatewayNetwork();
    const strangers = new GatewayNetwork();
    await using cluster = await Cluster.of(three, { open: network.open, config: quick });
    await writeTo(cluster, three);
    const leader = await cluster.awaitLeader();
    const [moved, rest] = cluster.others(leader) as [TestNode, TestNode];
    await using other = await Cluster.of([moved.id], { open: strangers.open, config: quick });
    await other.write('theirs');
    const before = pictureOf(other.first);

    await cluster.stop(moved.id);
    const gateway = network.at(moved.id);
    gateway.target = strangers.at(moved.id).target;
    gateway.turn('pass');
    const match = leader.metrics.progress?.get(moved.id)?.matchIndex;
    await cluster.write('without it');
    await arrivals(gateway, 10);
    expect(leader.metrics.progress?.get(moved.id)?.matchIndex).toBe(match);

    // One of three is left, and the stranger would be the second.
    await cluster.stop(leader.id);
    await rest.waitFor(({ role }) => role === 'candidate');
    await arrivals(gateway, 4);

    expect(rest.metrics.role).not.toBe('leader');
    expect(pictureOf(other.first)).toEqual(before);
    expect(other.first.machine.commands).toEqual(['theirs']);
    await cluster.start(leader.id);
    await writeTo(cluster, [leader.id, rest.id]);
  });

  test('of the same cluster is not taken for the one that was there', async () => {
    const network = new GatewayNetwork();
    await using cluster = await Cluster.of(three, { open: network.open });
    await writeTo(cluster, three);
    const [b, c] = [network.at('b').target, network.at('c').target];
    const { membership } = cluster.first.metrics;

    network.at('b').target = c;
    network.at('c').target = b;
    for (const id of ['b', 'c']) network.at(id).turn('pass');
    const write = outcomeOf(cluster.first.raft.write('to nobody', soon()));
    await Promise.all(['b', 'c'].map((id) => arrivals(network.at(id), 4)));
    const logged = ['b', 'c'].map((id) => cluster.node(id).metrics.last.index);

    expect(logged.every((index) => index < cluster.first.metrics.last.index)).toBe(true);
    network.at('b').target = b;
    network.at('c').target = c;
    for (const id of ['b', 'c']) network.at(id).turn('pass');
    expect(await write).toMatchObject({ response: 2 });
    await writeTo(cluster, three);
    expect(cluster.first.metrics.membership).toEqual(membership);
  });
});

describe('a node that has moved', () => {
  test('is called at its new address once the membership says so, and not before', async () => {
    const network = new GatewayNetwork();
    await using cluster = await Cluster.of(three, { open: network.open });
    await writeTo(cluster, three);
    const old = network.at('c');
    await using moved = await Gateway.open(old.target);
    const { info } = cluster.node('c');

    old.turn('reset');
    await cluster.first.raft.write('while it moves', soon());
    const before = moved.arrivalCount;
    await cluster.first.raft.updateNode('c', { ...info, address: moved.address }, soon());
    await writeTo(cluster, three);

    expect(before).toBe(0);
    expect(moved.arrivalCount).toBeGreaterThan(0);
    for (const { metrics } of cluster.all) {
      expect(metrics.membership.nodes['c']?.address).toBe(moved.address);
    }
  });
});

describe('large appends', () => {
  test('that wait for a slow disk hold up no heartbeat, and arrive', async () => {
    await using cluster = await Cluster.of(three, { open: openHttp });
    const slow = cluster.node('c');
    const { term } = cluster.first.metrics;
    slow.store.hold();

    for (let at = 0; at < 3; at += 1) {
      await cluster.first.raft.write(new Uint8Array(16 * mebibyte).fill(at), soon());
    }
    await slow.store.awaitWrite();
    await answered(cluster, 20, (message) => {
      return message.to === 'c' && message.call === 'appendEntries' && isHeartbeat(message);
    });
    expect(slow.machine.commands).toEqual([]);
    slow.store.release();
    const commands = await slow.awaitCommands(3);

    expect(commands.map((bytes) => (bytes as Uint8Array).length / mebibyte)).toEqual([16, 16, 16]);
    expect(commands.map((bytes) => (bytes as Uint8Array).at(-1))).toEqual([0, 1, 2]);
    expect(cluster.first.metrics).toMatchObject({ role: 'leader', term });
    expect(slow.metrics).toMatchObject({ term, leader: 'a', role: 'follower' });
  });
});

/** What a call from elsewhere must not change. */
function pictureOf({ metrics }: TestNode): unknown {
  const { role, term, last, committed, membership, quarantine, fatal } = metrics;
  return { role, term, last, committed, membership, quarantine, fatal };
}

/** Resolves once `count` more messages have come to an address. */
async function arrivals(gateway: Gateway, count: number): Promise<void> {
  const enough = gateway.arrivalCount + count;
  const hasEnough = (): boolean => gateway.arrivalCount >= enough;
  await expect.poll(hasEnough, { timeout: 10_000 }).toBe(true);
}

function isHeartbeat(message: Message): boolean {
  return message.call === 'appendEntries' && message.request.entries.length === 0;
}
