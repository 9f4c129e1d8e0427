import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../src/errors.ts';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];
/** No heartbeat comes by itself while a test counts calls. */
const silent = { ...calm, heartbeatMs: 4000 };

describe('a read on a follower', () => {
  test('is told that the node stopped, if its own answer makes the state machine throw', async () => {
    await using cluster = await Cluster.of(three, { config: silent });
    const { raft, machine } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    await raft.readBarrier(soon());
    machine.onApply = () => {
      throw new Error('broken');
    };
    await cluster.first.raft.write('x', soon());
    expect(raft.metrics.fatal).toBeUndefined();

    const read = outcomeOf(raft.readBarrier({ mode: 'lease', ...soon() }));

    expect(await read).toMatchObject({ code: 'RAFT_FATAL' });
  });

  test('takes one call to the leader, however many read in a turn', async () => {
    await using cluster = await Cluster.of(three, { config: silent });
    const { raft } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    const calls: string[] = [];
    cluster.wires.onCall = ({ call, from }) => {
      if (from === 'b') calls.push(call);
    };

    await Promise.all(Array.from({ length: 500 }, () => raft.readBarrier(soon())));

    expect(calls).toEqual(['readIndex']);
  });

  test('is not served by the answer to a call that was sent before it (row 76)', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, machine } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    const answers: PromiseWithResolvers<void>[] = [];
    const asked = Promise.withResolvers<void>();
    cluster.wires.onAnswer = ({ call, to }) => {
      if (call !== 'readIndex' || to !== 'a') return undefined;
      const answer = Promise.withResolvers<void>();
      answers.push(answer);
      asked.resolve();
      return answer.promise;
    };
    const early = raft.readBarrier(soon());
    await asked.promise;
    const { logId } = await cluster.first.raft.write('x', soon());

    const late = raft.readBarrier(soon());
    answers[0]?.resolve();
    const index = await early;
    cluster.wires.onAnswer = () => undefined;
    for (const { resolve } of answers) resolve();

    expect(index).toBeLessThan(logId.index);
    expect(await late).toBeGreaterThanOrEqual(logId.index);
    expect(machine.commands).toEqual(['x']);
  });

  test('asked of a new leader waits for the first commit of its term (row 75)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const { logId } = await cluster.write('x');
    const old = await cluster.awaitLeader();
    const rest = cluster.others(old);
    for (const { store } of rest) {
      store.onWrite = (name) => {
        if (name === 'append') store.hold();
      };
    }
    await cluster.stop(old.id);
    const found = new AbortController();
    const signal = AbortSignal.any([found.signal, soon().signal]);
    const leads = rest.map(async (node) => {
      await node.raft.waitFor(({ role }) => role === 'leader', { signal });
      return node;
    });
    const next = await Promise.any(leads);
    found.abort();
    let isAnswered = false;

    const answers = (['quorum', 'lease'] as const).map(async (mode) => {
      const answer = await next.raft.rpc.readIndex({ mode });
      isAnswered = true;
      return answer;
    });
    const answered = Promise.all(answers);
    await turns(5);
    expect(isAnswered).toBe(false);
    for (const { store } of rest) {
      store.onWrite = () => undefined;
      store.release();
    }

    for (const { term, index } of await answered) {
      expect(term).toBeGreaterThan(logId.term);
      expect(index).toBeGreaterThan(logId.index);
    }
  });

  test('is not answered by a deposed leader that does not know it yet (row 74)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    cluster.isolate(old.id);
    const answer = outcomeOf(old.raft.rpc.readIndex({ mode: 'quorum' }));
    const next = await cluster.awaitLeader(cluster.others(old));
    await next.raft.write('new', soon());

    expect(await answer).toMatchObject({ code: 'RAFT_NOT_LEADER' });
  });

  test('does not wait for a leader that was replaced', async () => {
    await using cluster = await Cluster.of(three, { config: calm });
    await cluster.node('c').waitFor(({ leader }) => leader === 'a');
    const asked = Promise.withResolvers<void>();
    cluster.wires.onCall = ({ call, to }) => {
      if (call !== 'readIndex' || to !== 'a') return undefined;
      asked.resolve();
      return new Promise(() => {});
    };

    const read = cluster.node('c').raft.readBarrier(soon());
    await asked.promise;
    await cluster.first.raft.transferLeadership('b', soon());

    // Long before the call to the old leader is given up.
    expect(await read).toBeGreaterThan(0);
  });

  test('needs no message of the leader to learn what is committed', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, machine } = cluster.node('b');
    await cluster.node('b').waitFor(({ leader }) => leader === 'a');
    // What says that the write is committed does not come through.
    cluster.wires.onCall = (message) =>
      message.call === 'appendEntries' && message.to === 'b' && message.request.entries.length === 0
        ? new Promise(() => {})
        : undefined;
    const { logId } = await cluster.first.raft.write('x', soon());
    await cluster.node('b').waitFor(({ last }) => last.index === logId.index);
    expect(machine.commands).toEqual([]);

    await raft.readBarrier(soon());

    expect(machine.commands).toEqual(['x']);
    cluster.wires.onCall = () => undefined;
  });

  test('gives up in bounded time when it is cut off', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    cluster.isolate('b');

    const outcome = await outcomeOf(cluster.node('b').raft.readBarrier(soon()));

    expect(['RAFT_NOT_LEADER', 'RAFT_UNREACHABLE']).toContain((outcome as { code?: string }).code);
  });

  test('with a way to read that there is not is a TypeError', async () => {
    await using cluster = await Cluster.of(['a']);
    const mode = 'stale' as 'lease';

    await expect(cluster.first.raft.readBarrier({ mode })).rejects.toThrow(
      'The mode must be "quorum" or "lease"; it is "stale".',
    );
  });
});

describe('a read by lease', () => {
  test('makes no call while the lease holds; one by quorum does', async () => {
    await using cluster = await Cluster.of(three, { config: silent });
    const { logId } = await cluster.write('x');
    let calls = 0;
    cluster.wires.onCall = () => void (calls += 1);

    const index = await cluster.first.raft.readBarrier({ mode: 'lease', ...soon() });
    expect(calls).toBe(0);
    await cluster.first.raft.readBarrier(soon());

    expect(index).toBeGreaterThanOrEqual(logId.index);
    expect(calls).toBeGreaterThan(0);
  });

  test('asks the majority after a pause that outlasted the lease (row 78)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    await old.raft.write('x', soon());
    cluster.isolate(old.id);

    cluster.stall(1000);
    const outcome = await outcomeOf(old.raft.readBarrier({ mode: 'lease', ...soon() }));

    expect(outcome).toMatchObject({ code: 'RAFT_NOT_LEADER' });
  });

  test('asks the majority once a transfer has begun, also after it has failed (row 78)', async () => {
    await using cluster = await Cluster.of(three, { config: silent });
    const { raft } = cluster.first;
    await raft.write('x', soon());
    cluster.wires.onCall = ({ call }) => {
      if (call === 'timeoutNow') throw new UnreachableError('unplugged');
    };
    await expect(raft.transferLeadership('b', soon())).rejects.toMatchObject({
      code: 'RAFT_TRANSFER_FAILED',
    });
    let calls = 0;
    cluster.wires.onCall = () => void (calls += 1);

    await raft.readBarrier({ mode: 'lease', ...soon() });

    expect(calls).toBeGreaterThan(0);
  });
});

test('a leader that loses its role answers the reads that wait (row 83)', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const old = await cluster.awaitLeader();
  cluster.isolate(old.id);
  const reads = Array.from({ length: 10 }, () => outcomeOf(old.raft.readBarrier(soon())));

  const outcomes = await Promise.all(reads);

  for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 'RAFT_NOT_LEADER' });
});

test('reads of a leader that lost its role go to the next one, once it hears of it (row 83)', async () => {
  await using cluster = await Cluster.of(three);
  const answers = Promise.withResolvers<void>();
  cluster.wires.onCall = ({ call, from }) =>
    call === 'appendEntries' && from === 'a' ? answers.promise : undefined;
  const read = cluster.first.raft.readBarrier(soon());
  await turns(3);

  await cluster.node('b').raft.rpc.timeoutNow(
    { term: 1, leader: 'a' },
    {
      from: { cluster: undefined, node: 'a', incarnation: 'i', starts: 1 },
      to: { node: 'b' },
    },
  );
  await cluster.awaitLeader([cluster.node('b')]);
  answers.resolve();

  expect(await read).toBeGreaterThan(0);
});
