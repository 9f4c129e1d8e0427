import { describe, expect, test } from 'vitest';
import type { Codec } from '../../src/contract/codec.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('a write on a follower', () => {
  test('is encoded once, and decoded once on every node', async () => {
    const count = { encode: 0, decode: 0 };
    const codec: Codec<unknown> = {
      encode: (command) => {
        count.encode += 1;
        return jsonCodec.encode(command);
      },
      decode: (bytes) => {
        count.decode += 1;
        // Nodes of one process share what one of them has decoded; these are to be of their own.
        return jsonCodec.decode(bytes);
      },
    };
    await using cluster = await Cluster.of(three, { options: { codec } });

    const { logId } = await cluster.node('b').raft.write({ a: 1 }, soon());
    await cluster.awaitApplied(logId.index);

    // By the writer, to see that it survives, and by the leader; who applies it takes the leader's.
    expect(count).toEqual({ encode: 1, decode: 2 });
    for (const { machine } of cluster.all) expect(machine.commands).toEqual([{ a: 1 }]);
  });

  test('gets the response as the response codec has it', async () => {
    const responseCodec: Codec<number> = {
      encode: (response) => Uint8Array.of(response + 100),
      decode: ([byte]) => (byte ?? 0) * 1000,
    };
    await using cluster = await Cluster.of(three, { options: { responseCodec } });

    const { response } = await cluster.node('b').raft.write('x', soon());

    expect(response).toBe(101_000);
    expect((await cluster.first.raft.write('y', soon())).response).toBe(2);
  });

  test('whose response cannot travel is told that it took effect', async () => {
    const responseCodec: Codec<number> = {
      encode: () => {
        throw new TypeError('no bytes for that');
      },
      decode: () => 0,
    };
    await using cluster = await Cluster.of(three, { options: { responseCodec } });

    const outcome = await outcomeOf(cluster.node('b').raft.write('x', soon()));

    expect(outcome).toMatchObject({ code: 'RAFT_UNSUPPORTED', maybeApplied: true });
    expect((outcome as Error).message).toContain('no bytes for that');
    expect(await cluster.first.awaitCommands(1)).toEqual(['x']);
  });

  test('whose answer is lost may have been applied, says so, and is not sent again', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, callTimeoutMs: 20 } });
    const follower = cluster.node('b');
    await follower.waitFor(({ leader }) => leader === 'a');
    let forwarded = 0;
    cluster.wires.onCall = ({ call }) => {
      if (call !== 'forward') return;
      forwarded += 1;
      cluster.wires.cut('a', 'b');
    };

    const write = outcomeOf(follower.raft.write('x'));
    await cluster.first.awaitCommands(1);
    await follower.raft.close();

    expect(await write).toMatchObject({ maybeApplied: true });
    expect(forwarded).toBe(1);
    expect(cluster.first.machine.commands).toEqual(['x']);
  });

  test('that its leader logged and lost is told so', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [follower = leader] = cluster.others(leader);
    await follower.waitFor((metrics) => metrics.leader === leader.id);
    // Nothing passes between the leader and the others but the write.
    cluster.wires.onCall = ({ call, from, to }) =>
      call !== 'forward' && [from, to].includes(leader.id) ? new Promise(() => {}) : undefined;

    const outcome = await outcomeOf(follower.raft.write('x', soon()));

    expect(outcome).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
    cluster.wires.onCall = () => undefined;
  });

  test('waits for a leader to be elected', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const dead = await cluster.awaitLeader();
    await cluster.stop(dead.id);
    const [node = dead] = cluster.running;
    await node.waitFor(({ leader }) => leader === undefined);

    const { response } = await node.raft.write('x', soon());

    expect(response).toBe(1);
  });

  test('without a quorum is refused in bounded time, as certainly not applied', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const node = cluster.node('b');
    await cluster.stop('a');
    await cluster.stop('c');
    await node.waitFor(({ leader }) => leader === undefined);

    const outcome = await outcomeOf(node.raft.write('x', soon()));

    expect(outcome).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
  });

  test('is bounded by its own node as every write', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, maxPendingWrites: 2 } });
    const { raft } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    cluster.first.store.hold();
    const writes = [1, 2].map((at) => raft.write(at, soon()));

    const outcome = await outcomeOf(raft.write(3, soon()));
    cluster.first.store.release();
    await Promise.all(writes);

    expect(outcome).toMatchObject({ code: 'RAFT_OVERLOADED', maybeApplied: false });
    expect((await raft.write(4, soon())).response).toBe(3);
  });

  test('is refused by a leader with too much to do, and the follower goes on', async () => {
    await using cluster = await Cluster.of(three, { config: calm });
    await cluster.restart('b', { maxPendingWrites: 10 });
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    cluster.first.store.hold();
    await cluster.first.raft.write('huge', { signal: AbortSignal.timeout(1) }).catch(() => {});

    const { raft } = cluster.node('b');
    const writes = Array.from({ length: 11 }, (_, at) => outcomeOf(raft.write(at, soon())));
    const last = await writes.at(-1);
    cluster.first.store.release();
    const outcomes = await Promise.all(writes);

    expect(last).toMatchObject({ code: 'RAFT_OVERLOADED' });
    expect(outcomes.slice(0, 10)).toMatchObject(
      Array.from({ length: 10 }, (_, at) => ({ response: at + 2 })),
    );
  });

  test('is not sent when its signal has aborted, and stops waiting when it does', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    const calls: string[] = [];
    cluster.wires.onCall = ({ call }) => void calls.push(call);
    const reason = new Error('enough');

    await expect(raft.write('x', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(calls).not.toContain('forward');
    cluster.first.store.hold();
    const controller = new AbortController();
    const waiting = outcomeOf(raft.write('y', { signal: controller.signal }));
    await turns(2);
    controller.abort(reason);

    expect(await waiting).toBe(reason);
    cluster.first.store.release();
  });

  test('says when its node is closed whether it was sent', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    await cluster.stop('a');
    await cluster.stop('c');
    const node = cluster.node('b');
    await node.waitFor(({ leader }) => leader === undefined);
    const waiting = outcomeOf(node.raft.write('x'));

    await node.raft.close();

    expect(await waiting).toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: false });
  });
});

test('a leader that stepped down passes on what it had not logged', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const leader = await cluster.awaitLeader();
  leader.store.hold();
  const logged = outcomeOf(leader.raft.write('logged', soon()));
  await leader.store.awaitWrite();
  const waiting = leader.raft.write('waiting', soon());
  cluster.isolate(leader.id);
  await leader.waitFor(({ role }) => role !== 'leader');
  leader.store.release();
  cluster.wires.heal();

  const { logId } = await waiting;

  expect(logId.term).toBeGreaterThan(1);
  await logged;
});
