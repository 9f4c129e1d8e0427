import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, speak, turns } from './kit.ts';

const three = ['a', 'b', 'c'];

describe('a write', () => {
  test('resolves with the response and the place of its command', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, machine } = cluster.first;

    const first = await raft.write('x', soon());
    const second = await raft.write('y', soon());

    expect([first.response, second.response]).toEqual([1, 2]);
    expect(second.logId.index).toBe(first.logId.index + 1);
    expect(machine.logIds).toEqual([first.logId, second.logId]);
  });

  test('takes its command as it is in the call, whatever the caller does to it later', async () => {
    await using cluster = await Cluster.of(three);
    const command = { list: [1, 2] };

    const write = cluster.first.raft.write(command, soon());
    command.list.push(3);
    const { logId } = await write;
    await cluster.awaitApplied(logId.index);

    for (const { machine } of cluster.all) expect(machine.commands).toEqual([{ list: [1, 2] }]);
  });

  test('that does not survive the codec is a TypeError, and nothing is logged', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, metrics } = cluster.first;
    const circular: { self?: unknown } = {};
    circular.self = circular;

    for (const command of [undefined, () => 1, 1n, circular, Symbol('s')]) {
      await expect(raft.write(command, soon())).rejects.toBeInstanceOf(TypeError);
    }

    expect(raft.metrics.last).toEqual(metrics.last);
    await raft.write('good', soon());
    expect(cluster.first.machine.commands).toEqual(['good']);
  });

  test('goes through the codec of the options', async () => {
    const codec = {
      encode: (command: unknown) => Uint8Array.of(Number(command)),
      decode: ([value]: Uint8Array) => ({ value }),
    };
    await using cluster = await Cluster.of(three, { options: { codec } });

    const { logId } = await cluster.write(7);
    await cluster.awaitApplied(logId.index);

    for (const { machine } of cluster.all) expect(machine.commands).toEqual([{ value: 7 }]);
  });

  test('of a megabyte, larger than one append, arrives', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, maxAppendBytes: 1000 } });
    const big = 'x'.repeat(1_000_000);

    const { logId } = await cluster.write(big);
    await cluster.awaitApplied(logId.index);

    for (const { machine } of cluster.all) expect(machine.commands).toEqual([big]);
  });

  test('that is aborted stops waiting; what it has set in motion goes on', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, store } = cluster.first;
    const controller = new AbortController();
    store.hold();
    const waiting = raft.write('x', { signal: controller.signal });
    await store.awaitWrite();

    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    store.release();

    expect(await cluster.first.awaitCommands(1)).toEqual(['x']);
  });

  test('with a signal that is aborted already is never logged', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft } = cluster.first;
    const { last } = raft.metrics;
    const signal = AbortSignal.abort(new Error('enough'));

    await expect(raft.write('x', { signal })).rejects.toThrow('enough');
    await expect(raft.readBarrier({ signal })).rejects.toThrow('enough');
    await expect(raft.addLearner('b', {}, { signal })).rejects.toThrow('enough');
    await expect(raft.waitFor(() => true, { signal })).rejects.toThrow('enough');

    expect(raft.metrics.last).toEqual(last);
  });

  test('from within apply is a write like any other', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, machine } = cluster.first;
    let inner: Promise<unknown> | undefined;
    machine.onApply = () => {
      inner ??= raft.write('inner', soon());
    };

    await raft.write('outer', soon());
    await inner;

    expect(machine.commands).toEqual(['outer', 'inner']);
  });
});

describe('validation', () => {
  test.each(['at once', 'later'])('that refuses %s lets nothing be logged', async (when) => {
    await using cluster = await Cluster.of(three);
    const { raft, machine } = cluster.first;
    const { last } = raft.metrics;
    machine.onValidate = (command) => {
      const refusal = new Error(`${String(command)} is not allowed`);
      if (when === 'later') return Promise.reject(refusal);
      throw refusal;
    };

    await expect(raft.write('x', soon())).rejects.toThrow('x is not allowed');

    expect(raft.metrics.last).toEqual(last);
    expect(raft.metrics.fatal).toBeUndefined();
  });

  test('sees the command as it will be applied', async () => {
    await using cluster = await Cluster.of(three);
    const seen: unknown[] = [];
    cluster.first.machine.onValidate = (command) => void seen.push(command);

    await cluster.write({ at: new Date(0) });

    expect(seen).toEqual([{ at: '1970-01-01T00:00:00.000Z' }]);
  });

  test('that ends after the node was closed rejects the write', async () => {
    await using cluster = await Cluster.of(['a']);
    const { raft, machine } = cluster.first;
    const pause = Promise.withResolvers<void>();
    machine.onValidate = () => pause.promise;
    const write = raft.write('x');

    await raft.close();
    pause.resolve();

    await expect(write).rejects.toMatchObject({ code: 'RAFT_STOPPED', maybeApplied: false });
  });
});

describe('group commit', () => {
  test('writes that arrive during one append are the next append', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, store } = cluster.first;
    store.hold();
    const first = raft.write('first', soon());
    await store.awaitWrite();
    const appendCount = store.appends.length;

    const others = Array.from({ length: 50 }, (_, at) => raft.write(at, soon()));
    await turns(3);
    others.push(...Array.from({ length: 50 }, (_, at) => raft.write(50 + at, soon())));
    await turns(3);
    store.release();
    await Promise.all([first, ...others]);

    expect(store.appends.slice(appendCount).map(({ length }) => length)).toEqual([100]);
  });

  test('writes of one turn are one append, one message to each follower, one call of apply', async () => {
    await using cluster = await Cluster.of(three);
    await cluster.write('first');
    const sizes: number[] = [];
    cluster.wires.onCall = (message) => {
      if (message.call === 'appendEntries') sizes.push(message.request.entries.length);
    };
    const { raft, store, machine } = cluster.first;
    const appendCount = store.appends.length;

    await Promise.all(Array.from({ length: 30 }, (_, at) => raft.write(at, soon())));

    expect(store.appends.slice(appendCount).map(({ length }) => length)).toEqual([30]);
    expect(sizes.filter((size) => size > 0)).toEqual([30, 30]);
    expect(machine.batchSizes).toEqual([1, 30]);
  });

  test('never lets two writes to the disk overlap under a steady load', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, store } = cluster.first;
    store.onWrite = () => turns(1);
    const writer = async (): Promise<void> => {
      for (let at = 0; at < 30; at += 1) await raft.write(at, soon());
    };

    await Promise.all(Array.from({ length: 8 }, writer));

    expect(store.overlaps).toEqual([]);
    expect(cluster.first.machine.commands).toHaveLength(240);
  });
});

describe('too many writes', () => {
  test('are refused by count with the name of the bound, and accepted once there is room', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...calm, maxPendingWrites: 5 } });
    const { raft, store } = cluster.first;
    store.hold();
    const accepted = Array.from({ length: 5 }, (_, at) => raft.write(at, soon()));

    const refused = raft.write('one more', soon());
    await expect(refused).rejects.toMatchObject({ code: 'RAFT_OVERLOADED', maybeApplied: false });
    await expect(refused).rejects.toThrow('maxPendingWrites is 5');
    store.release();
    await Promise.all(accepted);

    expect((await raft.write('later', soon())).response).toBe(6);
  });

  test('are refused by size', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...calm, maxPendingBytes: 1000 } });
    const { raft } = cluster.first;

    const writes = Array.from({ length: 3 }, () => raft.write(new Uint8Array(400), soon()));
    const outcomes = await Promise.allSettled(writes);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await raft.write(new Uint8Array(1000), soon());
    await expect(raft.write(new Uint8Array(1001), soon())).rejects.toThrow(
      'A command of 1001 bytes is larger than maxCommandBytes, 1000.',
    );
  });

  test('and too many reads are refused alike', async () => {
    await using cluster = await Cluster.of(three, { config: { ...calm, maxWaitingCalls: 20 } });
    const { raft } = cluster.first;

    const reads = Array.from({ length: 21 }, () => raft.readBarrier(soon()));
    const outcomes = await Promise.allSettled(reads);

    expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'RAFT_OVERLOADED' } },
    ]);
    await raft.readBarrier(soon());
  });
});

describe('a leader that is cut off', () => {
  test('steps down within two election timeouts, and its writes fail as maybe applied (row 83)', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    cluster.isolate(leader.id);
    const begunAt = performance.now();

    const write = leader.raft.write('lost', soon());
    const read = outcomeOf(leader.raft.readBarrier(soon()));

    await expect(write).rejects.toMatchObject({
      code: 'RAFT_LEADERSHIP_LOST',
      maybeApplied: true,
      logId: { term: leader.metrics.term },
    });
    expect(await read).toMatchObject({ code: 'RAFT_NOT_LEADER', leader: undefined });
    // Twice the longest timeout, and what a busy machine adds to that.
    expect(performance.now() - begunAt).toBeLessThan(2 * 200 + 2000);
    await expect(leader.raft.write('x', soon())).rejects.toMatchObject({ code: 'RAFT_NOT_LEADER' });
  });

  test('resolves a write that was committed although it lost its leadership', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const pause = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    leader.machine.onApply = () => {
      begun.resolve();
      return pause.promise;
    };
    const committed = leader.raft.write('committed', soon());
    await begun.promise;

    cluster.isolate(leader.id);
    await expect(leader.raft.write('lost', soon())).rejects.toMatchObject({
      code: 'RAFT_LEADERSHIP_LOST',
    });
    pause.resolve();

    expect((await committed).response).toBe(1);
  });

  test('rejects the writes that still waited for its disk as not applied', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    leader.store.hold();
    const logged = outcomeOf(leader.raft.write('logged', soon()));
    await leader.store.awaitWrite();
    const waiting = leader.raft.write('waiting', soon());
    cluster.isolate(leader.id);

    await expect(waiting).rejects.toMatchObject({ code: 'RAFT_NOT_LEADER', maybeApplied: false });
    expect(await logged).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
  });
});

test('a follower with a slow disk that passes nothing on refuses a write at once', async () => {
  await using cluster = await Cluster.of(three, { config: { ...calm, forwardWrites: false } });
  const follower = cluster.node('b');
  await follower.waitFor(({ leader }) => leader === 'a');
  follower.store.hold();
  await cluster.write('x');
  await follower.store.awaitWrite();

  await expect(follower.raft.write('y', soon())).rejects.toMatchObject({
    code: 'RAFT_NOT_LEADER',
    leader: { id: 'a' },
  });
});

test('a leader learns of its end from a message that truncates and commits in one', async () => {
  await using cluster = await Cluster.of(three);
  const { raft, store } = cluster.first;
  await cluster.write('x');
  cluster.isolate('a');
  const lost = [1, 2, 3].map((at) => raft.write(at, soon()).catch((error: unknown) => error));
  await raft.waitFor(({ committed, last }) => last.index === committed.index + 3, soon());
  const previous = raft.metrics.committed;
  const entries = [1, 2].map((offset) => ({
    logId: { term: 9, index: previous.index + offset },
    payload: { type: 'blank' } as const,
  }));

  const committed = previous.index + 2;
  const call = { term: 9, leader: 'b', previous, entries, committed };
  const answer = await raft.rpc.appendEntries(call, speak('b', 'a'));
  await raft.waitFor(({ applied }) => applied.index === committed, soon());

  expect(answer).toEqual({ term: 9, accepted: true, match: committed });
  for (const error of await Promise.all(lost)) {
    expect(error).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST' });
  }
  expect(raft.metrics.fatal).toBeUndefined();
  expect(store.overlaps).toEqual([]);
});
