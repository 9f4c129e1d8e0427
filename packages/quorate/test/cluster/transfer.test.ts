import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, soon, speak, type TestNode, turns } from './kit.ts';
import { addLearners, writeTo } from './members.ts';

const three = ['a', 'b', 'c'];
const failed = { code: 'RAFT_TRANSFER_FAILED', maybeApplied: false };
/** A transfer that does not come about ends soon, and nobody campaigns meanwhile. */
const patient = { ...calm, electionTimeoutMs: { min: 1500, max: 1800 } };

describe('the leadership', () => {
  test('goes to the voter that is named, with all that was logged', async () => {
    await using cluster = await Cluster.of(three);
    const { logId } = await cluster.write('x');

    await cluster.first.raft.transferLeadership('b', soon());
    const { metrics } = await cluster.awaitLeader([cluster.node('b')]);

    expect(cluster.first.metrics.role).toBe('follower');
    expect(metrics.term).toBe(logId.term + 1);
    await writeTo(cluster, three);
    for (const { machine } of cluster.all) expect(machine.commands).toEqual(['x', 'end']);
  });

  test('goes to the voter whose log is furthest, if none is named', async () => {
    await using cluster = await Cluster.of(three);
    cluster.node('b').store.hold();
    await cluster.write('b lacks this');

    await cluster.first.raft.transferLeadership(undefined, soon());
    const { metrics } = await cluster.awaitLeader([cluster.node('c')]);
    cluster.node('b').store.release();

    expect(metrics.term).toBe(2);
  });

  test('goes to a voter that lags only once it has caught up (row 79)', async () => {
    await using cluster = await Cluster.of(three);
    const target = cluster.node('b');
    target.store.hold();
    await cluster.write('x');
    const asked: string[] = [];
    cluster.wires.onCall = ({ call, to }) => {
      if (call === 'timeoutNow') asked.push(to);
    };

    const transfer = cluster.first.raft.transferLeadership('b', soon());
    await turns(5);
    expect(asked).toEqual([]);
    target.store.release();
    await transfer;

    await cluster.awaitLeader([target]);
    expect(asked).toEqual(['b']);
    expect(await target.awaitCommands(1)).toEqual(['x']);
  });

  test('stays if the target is dead, and writes are taken again (row 79)', async () => {
    await using cluster = await Cluster.of(three);
    await cluster.stop('b');

    await expect(cluster.first.raft.transferLeadership('b', soon())).rejects.toMatchObject(failed);

    expect((await cluster.first.raft.write('x', soon())).response).toBe(1);
    expect(cluster.first.metrics.role).toBe('leader');
  });

  test('stays if the target cannot be caught up in time, and writes are taken again (79)', async () => {
    await using cluster = await Cluster.of(three, { config: patient });
    cluster.isolate('b');
    await cluster.write('b lacks this');

    const transfer = cluster.first.raft.transferLeadership('b', soon());
    await expect(transfer).rejects.toMatchObject(failed);
    await expect(transfer).rejects.toThrow('b did not catch up within 1800 ms');

    expect((await cluster.first.raft.write('x', soon())).response).toBe(2);
  });

  test('may still go if the request was lost on its way, which is said, and writes go on', async () => {
    await using cluster = await Cluster.of(three, { config: patient });
    const lost = Promise.withResolvers<void>();
    cluster.wires.onCall = ({ call }) => (call === 'timeoutNow' ? lost.promise : undefined);

    const outcome = await outcomeOf(cluster.first.raft.transferLeadership('b', soon()));

    expect(outcome).toMatchObject({ ...failed, maybeApplied: true });
    expect((outcome as Error).message).toBe(
      'It is not known whether the leadership is handed over: b was asked to take over and was not elected within 1800 ms. That may still come; wait for a leader, and look who it is.',
    );
    expect((await cluster.first.raft.write('x', soon())).logId.term).toBe(1);
  });

  test('is not handed to a learner, a stranger, itself or a second one at once', async () => {
    await using cluster = await Cluster.of(three);
    await addLearners(cluster, ['d']);
    const { raft } = cluster.first;
    const hand = (to?: string): Promise<unknown> => outcomeOf(raft.transferLeadership(to, soon()));

    expect(await hand('d')).toMatchObject(failed);
    expect(((await hand('x')) as Error).message).toBe(
      'The leadership cannot be handed over: x is not a member.',
    );
    expect(((await hand('a')) as Error).message).toContain('a leads already');
    expect(await hand('')).toBeInstanceOf(TypeError);
    cluster.node('b').store.hold();
    await cluster.write('x');
    const first = hand('b');
    expect(((await hand('c')) as Error).message).toContain('a transfer to b is under way');
    cluster.node('b').store.release();
    expect(await first).toBeUndefined();
  });

  test('is not handed over by a lone voter, nor by a follower', async () => {
    await using cluster = await Cluster.of(['a']);
    await addLearners(cluster, ['d']);

    await expect(cluster.first.raft.transferLeadership(undefined, soon())).rejects.toThrow(
      'a is the only voter',
    );
    await expect(cluster.node('d').raft.transferLeadership('a', soon())).rejects.toMatchObject({
      code: 'RAFT_NOT_LEADER',
      leader: { id: 'a' },
    });
  });

  test('is handed over also if the caller stops waiting', async () => {
    await using cluster = await Cluster.of(three);
    cluster.node('b').store.hold();
    await cluster.write('x');
    const controller = new AbortController();
    const waiting = cluster.first.raft.transferLeadership('b', { signal: controller.signal });

    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    cluster.node('b').store.release();

    await cluster.awaitLeader([cluster.node('b')]);
  });
});

describe('while the leadership is handed over (row 79)', () => {
  test('writes wait, and are passed on to the new leader', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.node('b').store.hold();
    await cluster.write('before');
    const transfer = raft.transferLeadership('b', soon());
    const { last } = raft.metrics;

    const writes = [1, 2, 3].map((at) => raft.write(at, soon()));
    await turns(5);
    expect(raft.metrics.last).toEqual(last);
    cluster.node('b').store.release();
    await transfer;

    for (const { logId } of await Promise.all(writes)) expect(logId.term).toBe(2);
  });

  test('what others passed on goes back to them, and by them to the new leader', async () => {
    await using cluster = await Cluster.of(three);
    cluster.node('b').store.hold();
    await cluster.write('before');
    const transfer = cluster.first.raft.transferLeadership('b', soon());
    const forwards: string[] = [];
    cluster.wires.onCall = ({ call, from, to }) => {
      if (call === 'forward') forwards.push(`${from} to ${to}`);
    };

    const write = cluster.node('c').raft.write('x', soon());
    await turns(5);
    cluster.node('b').store.release();
    await transfer;

    expect((await write).logId.term).toBe(2);
    expect(forwards).toContain('c to a');
    expect(forwards.filter((one) => one.startsWith('a'))).toEqual([]);
  });

  test('writes wait, and are proposed here if it fails', async () => {
    await using cluster = await Cluster.of(three, { config: patient });
    const { raft } = cluster.first;
    cluster.isolate('b');
    await cluster.write('b lacks this');
    const transfer = outcomeOf(raft.transferLeadership('b', soon()));
    const { last } = raft.metrics;

    const writes = [1, 2, 3].map((at) => raft.write(at, soon()));
    await turns(5);
    expect(raft.metrics.last).toEqual(last);
    expect(await transfer).toMatchObject(failed);

    for (const { logId } of await Promise.all(writes)) expect(logId.term).toBe(1);
  });

  test('writes wait, and are refused as not logged if nothing is passed on', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, forwardWrites: false } });
    const { raft } = cluster.first;
    cluster.node('b').store.hold();
    await cluster.write('before');
    const transfer = raft.transferLeadership('b', soon());

    const write = outcomeOf(raft.write('x', soon()));
    cluster.node('b').store.release();
    await transfer;

    expect(await write).toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
  });

  test('the membership is not changed', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.first;
    cluster.node('b').store.hold();
    await cluster.write('before');
    const transfer = raft.transferLeadership('b', soon());

    await expect(raft.addLearner('d', {}, soon())).rejects.toMatchObject(failed);
    cluster.node('b').store.release();
    await transfer;
  });
});

describe('a request to take over', () => {
  async function ask(node: TestNode, term: number, leader: string): Promise<void> {
    await node.raft.rpc.timeoutNow({ term, leader }, speak(leader, node.id));
  }

  test('of an older term, or of who does not lead, changes nothing (row 78)', async () => {
    await using cluster = await Cluster.of(three);
    const node = cluster.node('b');
    await node.waitFor(({ leader }) => leader === 'a');
    const { term } = node.metrics;

    await ask(node, term - 1, 'a');
    await ask(node, term, 'c');
    await ask(node, term + 1, 'a');
    await turns(5);

    expect(node.metrics).toMatchObject({ role: 'follower', term, leader: 'a' });
  });

  test('that does not say who asks is refused', async () => {
    await using cluster = await Cluster.of(three);

    await expect(
      cluster.node('b').raft.rpc.timeoutNow({ term: 1, leader: 'a' }),
    ).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    await expect(
      cluster.node('b').raft.rpc.timeoutNow({ term: 1, leader: 'a' }, speak('c', 'b')),
    ).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
  });
});
