import { describe, expect, test } from 'vitest';
import type { Codec } from '../../src/contract/codec.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Cluster, calm, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';
import { openMemory } from './networks.ts';
import { sessionCases } from './session-cases.ts';
import { loseFirstAnswers, patiently, sendOnce, type TestSession, tables } from './session-kit.ts';
import { bare, leaveBehind, purgeAll } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

sessionCases('memory', openMemory);

describe('a session', () => {
  test('writes on every node, and each write takes effect once', async () => {
    await using cluster = await Cluster.of(three);
    const sessions = await Promise.all(cluster.all.map(({ raft }) => raft.openSession(soon())));

    const writes = sessions.flatMap((session, node) =>
      Array.from({ length: 20 }, (_, at) => session.write(`${node} ${at}`, soon())),
    );
    const results = await Promise.all(writes);

    const { commands } = cluster.first.machine;
    expect(new Set(commands).size).toBe(60);
    expect(results.map(({ response }) => response).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, at) => at + 1),
    );
    await Promise.all(sessions.map((session) => session.close()));
    for (const table of await tables(cluster)) expect(table).toHaveLength(1);
  });

  test('that was lost by its leader goes on elsewhere with the same numbers (row 80)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    const session = await old.raft.openSession(patiently());
    await session.write('before', patiently());
    cluster.isolate(old.id);
    const lost = Array.from({ length: 20 }, (_, at) => session.write(at, patiently()));
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('meanwhile', soon());
    await old.waitFor(({ role }) => role !== 'leader');

    cluster.wires.heal();
    await Promise.all(lost);

    await cluster.awaitApplied(next.metrics.applied.index);
    expect(new Set(next.machine.commands).size).toBe(22);
    expect(next.machine.commands).toHaveLength(22);
  });

  test('does not ask validate of a repetition, which would see its own effect', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [node] = cluster.others(leader) as [TestNode];
    for (const { machine } of cluster.all) {
      machine.onValidate = (command) => {
        if (machine.commands.includes(command))
          throw new Error(`There is ${String(command)} already.`);
      };
    }
    const session = await node.raft.openSession(patiently());
    loseFirstAnswers(cluster);

    expect((await session.write('unique', patiently())).response).toBe(1);

    cluster.wires.onAnswer = () => undefined;
    await expect(session.write('unique', patiently())).rejects.toThrow('There is unique already.');
  });

  test('survives that every node is started again, from logs and from snapshots (row 81)', async () => {
    for (const isPurged of [false, true]) {
      const config = { ...quick, keepBytes: 0 };
      await using cluster = await Cluster.of(three, { config });
      const first = await cluster.awaitLeader();
      const { id } = await first.raft.openSession(patiently());
      expect(await sendOnce(first, [id, 1], 'x')).toMatchObject({ response: 1 });
      await cluster.write('y');
      await cluster.awaitApplied(first.metrics.last.index);
      if (isPurged) for (const node of cluster.all) await node.raft.takeSnapshot(soon());

      for (const { id: name } of cluster.all) await cluster.stop(name);
      for (const name of three) await cluster.start(name);
      const leader = await cluster.awaitLeader();

      expect(leader.machine.restored).toHaveLength(isPurged ? 1 : 0);
      expect(await sendOnce(leader, [id, 1], 'x')).toMatchObject({ response: 1 });
      expect(await sendOnce(leader, [id, 2], 'z')).toMatchObject({ response: 3 });
      expect(leader.machine.commands).toEqual(['x', 'y', 'z']);
    }
  });

  test('is known to a leader that has its state from a snapshot of another (rows 81, S23)', async () => {
    const config = { ...quick, keepBytes: 0 };
    await using cluster = await Cluster.of(three, { config });
    const old = await cluster.awaitLeader();
    const [away, other] = cluster.others(old) as [TestNode, TestNode];
    await cluster.stop(away.id);
    const { id } = await old.raft.openSession(patiently());
    await sendOnce(old, [id, 1], 'x');
    await purgeAll(old);
    await cluster.start(away.id);
    await cluster.awaitApplied(old.metrics.last.index);
    // Only the one that was away can be elected now: the other one is told nothing new.
    cluster.isolate(other.id);
    await old.raft.write('y', soon());
    await away.waitFor(({ applied }) => applied.index === old.metrics.applied.index);

    cluster.isolate(old.id);
    cluster.wires.heal();
    cluster.isolate(old.id);
    const leader = await cluster.awaitLeader([away]);

    expect(away.machine.restored).toHaveLength(1);
    expect(await sendOnce(leader, [id, 1], 'x')).toMatchObject({ response: 1 });
    expect(leader.machine.commands).toEqual(['x', 'y']);
  });

  test('writes once each, while one leader after another is killed (rows 80, 81, S23)', async () => {
    const config = { ...quick, keepBytes: 0, snapshotAfterEntries: 20 };
    await using cluster = await Cluster.of([...three, 'd', 'e'], { config });
    const session = await cluster.node('e').raft.openSession(patiently());
    const acknowledged: unknown[] = [];
    const over = new AbortController();
    const writer = async (name: number): Promise<void> => {
      for (let at = 0; !over.signal.aborted; at += 1) {
        const command = `${name} ${at}`;
        const { response } = await session.write(command, patiently());
        acknowledged[response - 1] = command;
      }
    };
    const writers = [1, 2, 3, 4].map(writer);

    for (let round = 0; round < 4; round += 1) {
      const leader = await cluster.awaitLeader();
      const { index } = leader.metrics.committed;
      await leader.waitFor(
        ({ committed, role }) => role !== 'leader' || committed.index > index + 10,
      );
      if (leader.id === 'e') {
        // The session lives on this node, so it only loses its office.
        cluster.isolate('e');
        await leader.waitFor(({ role }) => role !== 'leader');
        cluster.wires.heal();
      } else {
        cluster.isolate(leader.id);
        await cluster.stop(leader.id);
        cluster.wires.heal();
        await cluster.awaitLeader();
        await cluster.start(leader.id);
      }
    }
    over.abort();
    await Promise.all(writers);

    const { machine, metrics } = await cluster.awaitLeader();
    await cluster.awaitApplied(metrics.applied.index);
    expect(new Set(machine.commands).size).toBe(machine.commands.length);
    expect(acknowledged).toEqual(machine.commands);
  }, 60_000);
});

describe('a numbered write', () => {
  test('that is in the log twice takes effect once, at the same time and later', async () => {
    await using cluster = await Cluster.of(three);
    const leader = cluster.first;
    const { id } = await leader.raft.openSession(soon());

    const both = await Promise.all([
      sendOnce(leader, [id, 1], 'x'),
      sendOnce(leader, [id, 1], 'x'),
      leader.raft.write('other', soon()),
    ]);
    const later = await sendOnce(leader, [id, 1], 'x');

    expect(both.map(({ response }) => response)).toEqual([1, 1, 2]);
    expect(later.response).toBe(1);
    expect(later.index).toBeGreaterThan(both[1].index);
    expect(leader.machine.commands).toEqual(['x', 'other']);
  });

  test('may come in any order, and between those of other sessions', async () => {
    await using cluster = await Cluster.of(three);
    const leader = cluster.first;
    const sessions = [await leader.raft.openSession(soon()), await leader.raft.openSession(soon())];
    const [one, other] = sessions.map(({ id }) => id) as [number, number];

    const sent: (readonly [number, number])[] = [
      [one, 3],
      [other, 1],
      [one, 1],
      [other, 2],
      [one, 3],
      [other, 1],
      [one, 2],
    ];
    const responses: unknown[] = [];
    for (const write of sent) {
      responses.push((await sendOnce(leader, write, write.join())).response);
    }

    expect(responses).toEqual([1, 2, 3, 4, 1, 2, 5]);
    expect(leader.machine.commands).toHaveLength(5);
  });

  test('that is older than the window is refused, and not applied again', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, sessionWindow: 4 } });
    const { id } = await cluster.first.raft.openSession(soon());
    for (let sequence = 1; sequence <= 6; sequence += 1) {
      await sendOnce(cluster.first, [id, sequence], sequence);
    }

    const late = await outcomeOf(sendOnce(cluster.first, [id, 2], 2));

    expect(late).toMatchObject({ code: 'RAFT_SESSION_EXPIRED', maybeApplied: true });
    expect(await sendOnce(cluster.first, [id, 3], 3)).toMatchObject({ response: 3 });
    expect(cluster.first.machine.commands).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('sessions that are too many', () => {
  test('expire on every node alike, by the log and by no clock (S23)', async () => {
    await using cluster = await Cluster.of(three, { config: { ...bare, maxSessions: 3 } });
    const open = async (node: TestNode): Promise<TestSession> => node.raft.openSession(soon());
    const sessions: TestSession[] = [];
    for (const node of [...cluster.all, ...cluster.all]) {
      for (const session of sessions.slice(-2)) await session.write(`${session.id}`, soon());
      sessions.push(await open(node));
    }
    await cluster.stop('c');
    const last = sessions.slice(-3).map(({ id }) => id);
    const before = cluster.first.machine.commands.length;

    const gone = await outcomeOf(sendOnce(cluster.first, [sessions[0]?.id ?? 0, 9], 'gone'));

    expect(gone).toMatchObject({ code: 'RAFT_SESSION_EXPIRED', maybeApplied: false });
    expect(cluster.first.machine.commands).toHaveLength(before);
    // One comes back by the log, and then one by a snapshot of the leader.
    await cluster.start('c');
    const [table, ...others] = await tables(cluster);
    for (const other of others) expect(other).toEqual(table);
    const heads = table?.filter((record) => /^session\/\d+ /.test(record)) ?? [];
    expect(heads.map((record) => Number(record.split(/[/ ]/)[1]))).toEqual(last);
    await leaveBehind(cluster, ['b']);
    await cluster.start('b');
    const [again, ...restored] = await tables(cluster);
    for (const other of restored) expect(other).toEqual(again);
    // Its own at the start, and then the leader's.
    expect(cluster.node('b').machine.restored).toHaveLength(2);
  });

  test('are told so at their next write, and it was not applied', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, maxSessions: 2 } });
    const [first, ...others] = [
      await cluster.first.raft.openSession(soon()),
      await cluster.first.raft.openSession(soon()),
      await cluster.first.raft.openSession(soon()),
    ];

    const expired = { code: 'RAFT_SESSION_EXPIRED', maybeApplied: false };
    await expect(first?.write('x', soon())).rejects.toMatchObject(expired);
    await expect(first?.write('x', soon())).rejects.toMatchObject(expired);

    for (const session of others) await session.write('y', soon());
    expect(cluster.first.machine.commands).toEqual(['y', 'y']);
  });
});

test('a session ends with its node, and says what may have been', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft, store } = cluster.first;
  const session = await raft.openSession(soon());
  store.hold();
  const write = outcomeOf(session.write('x', soon()));
  await store.awaitWrite();

  const closing = raft.close();
  store.release();
  await closing;

  expect(await write).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: true });
  await expect(session.write('y', soon())).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  await session.close();
});

test('a node that is closed ends the pauses of its sessions at once', async () => {
  await using cluster = await Cluster.of(three, { config: { ...quick, forwardWrites: false } });
  const node = await cluster.awaitLeader();
  const session = await node.raft.openSession(patiently());
  cluster.isolate(node.id);
  await node.waitFor(({ role }) => role !== 'leader');
  // Each is refused at once, and waits for its next try.
  const writes = Array.from({ length: 10 }, (_, at) => outcomeOf(session.write(at, patiently())));
  await turns(20);

  await cluster.stop(node.id);

  const outcomes = await Promise.race([Promise.all(writes), turns(3)]);
  expect(outcomes).toHaveLength(10);
  for (const outcome of outcomes ?? []) expect(outcome).toMatchObject({ code: 'RAFT_STOPPED' });
  await session.close();
});

const unreadable: Codec<number> = {
  encode: (response) => jsonCodec.encode(response),
  decode: () => {
    throw new TypeError('there is no response of these bytes');
  },
};

test.each(['a', 'b'])(
  'a write on %s whose kept response cannot be read took effect, and says so',
  async (at) => {
    await using cluster = await Cluster.of(three, { options: { responseCodec: unreadable } });
    const node = cluster.node(at);
    await node.waitFor(({ leader }) => leader === 'a');
    const session = await node.raft.openSession(soon());

    const outcome = await outcomeOf(session.write('x', soon()));

    expect(cluster.first.machine.commands).toEqual(['x']);
    expect(outcome).toMatchObject({ maybeApplied: true });
  },
);
