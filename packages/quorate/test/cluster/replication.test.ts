import { describe, expect, test } from 'vitest';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import type { Entry } from '../../src/core/types.ts';
import { Cluster, calm, quick, soon, speak, turns } from './kit.ts';
import type { Message } from './wires.ts';

const three = ['a', 'b', 'c'];

function isHeartbeat(message: Message): boolean {
  return message.call === 'appendEntries' && message.request.entries.length === 0;
}

function entriesIn(message: Message): readonly Entry[] {
  return message.call === 'appendEntries' ? message.request.entries : [];
}

/** Resolves when `count` messages that fit have been sent from now on. */
function awaitMessages(
  cluster: Cluster,
  count: number,
  fits: (message: Message) => boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = cluster.wires.onCall;
  let seen = 0;
  cluster.wires.onCall = (message) => {
    if (fits(message) && (seen += 1) === count) resolve();
    return before(message);
  };
  return promise;
}

describe('a follower whose log differs', () => {
  test('by more than a thousand entries is repaired in a few calls', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const old = await cluster.awaitLeader();
    cluster.isolate(old.id);
    const lost = Promise.allSettled(
      Array.from({ length: 1500 }, (_, at) => old.raft.write(at, soon())),
    );
    await old.waitFor(({ role }) => role !== 'leader');
    expect((await lost).every(({ status }) => status === 'rejected')).toBe(true);
    expect(old.metrics.last.index).toBeGreaterThan(1500);
    const next = await cluster.awaitLeader(cluster.others(old));
    for (let at = 0; at < 20; at += 1) await next.raft.write(at, soon());
    let appends = 0;
    cluster.wires.onCall = (message) => {
      if (message.to === old.id && !isHeartbeat(message)) appends += 1;
    };

    cluster.wires.heal();
    await old.awaitCommands(20);

    expect(appends).toBeLessThan(15);
    expect(old.machine.commands).toEqual(next.machine.commands);
  });

  test('is told so also by an empty append', async () => {
    await using cluster = await Cluster.of(three);
    const { raft } = cluster.node('b');
    const { term } = raft.metrics;
    const previous = { term, index: 1000 };

    const request = { term, leader: 'a', previous, entries: [], committed: 0 };
    const answer = await raft.rpc.appendEntries(request, speak('a', 'b'));

    expect(answer).toEqual({ term, accepted: false, hint: raft.metrics.last });
  });
});

describe('what agrees already', () => {
  test('stays, whatever prefix, repetition or overlap arrives, however late', async () => {
    await using cluster = await Cluster.of(three);
    const follower = cluster.node('b');
    const appends: AppendEntriesRequest[] = [];
    cluster.wires.onCall = (message) => {
      if (message.to === 'b' && message.call === 'appendEntries') appends.push(message.request);
    };
    for (let at = 0; at < 10; at += 1) await cluster.write(at);
    await follower.awaitCommands(10);
    const writeCount = follower.store.writes.length;
    const [first] = appends.filter(({ entries }) => entries.length > 0);
    const all = appends.flatMap(({ entries }) => entries);

    for (const length of [1, 3, 10]) {
      const request = { ...(first as AppendEntriesRequest), entries: all.slice(0, length) };
      const answer = await follower.raft.rpc.appendEntries(request, speak('a', 'b'));
      expect(answer.accepted).toBe(true);
    }

    expect(follower.store.writes.length).toBe(writeCount);
    expect(follower.metrics.last).toEqual(cluster.first.metrics.last);
  });

  test('is continued where an append was stored in part', async () => {
    await using cluster = await Cluster.of(three);
    const follower = cluster.node('b');
    const { term, last: previous } = follower.metrics;
    const entries = Array.from({ length: 5 }, (_, at) => ({
      logId: { term, index: previous.index + 1 + at },
      payload: { type: 'blank' } as const,
    }));
    const request = { term, leader: 'a', previous, committed: 0 };
    await follower.raft.rpc.appendEntries(
      { ...request, entries: entries.slice(0, 2) },
      speak('a', 'b'),
    );

    const answer = await follower.raft.rpc.appendEntries({ ...request, entries }, speak('a', 'b'));

    expect(answer).toEqual({ term, accepted: true, match: previous.index + 5 });
    expect(follower.store.appends.slice(-2).map(({ length }) => length)).toEqual([2, 3]);
    await cluster.stop('b');
  });
});

describe('a slow disk', () => {
  test('of a follower delays neither the others nor the heartbeats to it', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [slow] = cluster.others(leader);
    const { term } = leader.metrics;
    slow?.store.hold();

    await leader.raft.write('x', soon());
    await slow?.store.awaitWrite();
    await awaitMessages(cluster, 30, (message) => isHeartbeat(message) && message.to === slow?.id);
    await leader.raft.write('y', soon());

    expect(leader.metrics).toMatchObject({ role: 'leader', term });
    expect(slow?.metrics).toMatchObject({ term, leader: leader.id, role: 'follower' });
    expect(slow?.machine.commands).toEqual([]);
    slow?.store.release();
    expect(await slow?.awaitCommands(2)).toEqual(['x', 'y']);
  });

  test('of the leader delays no commit that the others have on theirs', async () => {
    await using cluster = await Cluster.of(three);
    const { raft, store } = cluster.first;
    const { last: before } = raft.metrics;
    store.hold();
    const write = raft.write('x', soon());

    const { committed, applied } = await raft.waitFor(
      (metrics) => metrics.committed.index > before.index,
      soon(),
    );
    await Promise.all([cluster.node('b').awaitCommands(1), cluster.node('c').awaitCommands(1)]);

    expect(applied.index).toBeLessThan(committed.index);
    store.release();
    expect((await write).response).toBe(1);
  });

  test('of two of three followers holds the commit back', async () => {
    await using cluster = await Cluster.of(three);
    const slow = [cluster.node('b'), cluster.node('c')];
    for (const { store } of slow) store.hold();
    let isCommitted = false;
    const write = cluster.first.raft.write('x', soon()).then(() => (isCommitted = true));
    await Promise.all(slow.map(({ store }) => store.awaitWrite()));

    await awaitMessages(cluster, 10, isHeartbeat);
    expect(isCommitted).toBe(false);
    slow[0]?.store.release();

    await write;
  });
});

describe('pipelining', () => {
  test('keeps several appends under way to one follower, up to the bound', async () => {
    const config = { ...calm, maxAppendBytes: 500, maxInflightAppends: 4 };
    await using cluster = await Cluster.of(three, { config });
    await cluster.write('first');
    await cluster.node('b').awaitCommands(1);
    cluster.node('b').store.hold();

    await cluster.write('x'.repeat(5000));
    for (let at = 0; at < 10; at += 1) await cluster.write('y'.repeat(400));
    await cluster.node('b').store.awaitWrite();

    const progress = cluster.first.metrics.progress?.get('b');
    expect(progress).toMatchObject({ state: 'replicate', inflight: 4 });
    cluster.node('b').store.release();
    expect(await cluster.node('b').awaitCommands(12)).toEqual(cluster.first.machine.commands);
  });

  test('sends no append larger than the bound unless one entry is', async () => {
    const config = { ...calm, maxAppendBytes: 1000 };
    await using cluster = await Cluster.of(three, { config });
    const counts: number[] = [];
    cluster.wires.onCall = (message) => {
      const entries = entriesIn(message);
      if (entries.length > 0 && message.to === 'b') counts.push(entries.length);
    };

    await Promise.all(
      Array.from({ length: 50 }, () => cluster.first.raft.write(new Uint8Array(136), soon())),
    );
    await cluster.node('b').awaitCommands(50);

    expect(Math.max(...counts)).toBe(5);
  });
});

describe('a call that hangs', () => {
  test('to one follower does not hold the other back, and is given up', async () => {
    const config = { ...calm, callTimeoutMs: 50, electionTimeoutMs: { min: 40, max: 10_000 } };
    await using cluster = await Cluster.of(three, { config });
    cluster.wires.onCall = ({ to }) => (to === 'b' ? new Promise(() => {}) : undefined);

    for (let at = 0; at < 5; at += 1) await cluster.write(at);
    await cluster.first.waitFor(({ progress }) => progress?.get('b')?.inflight === 0);
    cluster.wires.onCall = () => undefined;

    expect(cluster.first.metrics.role).toBe('leader');
    expect(cluster.node('c').machine.commands.length).toBeGreaterThan(0);
  });

  test('is forgotten when the follower is back', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [follower] = cluster.others(leader);
    cluster.wires.cut(leader.id, follower?.id ?? '');
    await leader.raft.write('x', soon());
    await turns(5);

    cluster.wires.heal();

    expect(await follower?.awaitCommands(1)).toEqual(['x']);
  });
});

describe('a follower that was away', () => {
  test('gets what it missed from the leader’s disk when memory has it no more', async () => {
    const config = { ...calm, tailCacheBytes: 1, maxAppendBytes: 300 };
    await using cluster = await Cluster.of(three, { config });
    await cluster.stop('c');
    for (let at = 0; at < 30; at += 1) await cluster.write({ at, text: 'x'.repeat(80) });
    const readCount = cluster.first.store.reads.length;

    await cluster.start('c');
    await cluster.node('c').awaitCommands(30);

    expect(cluster.first.store.reads.length).toBeGreaterThan(readCount + 1);
    expect(cluster.node('c').machine.commands).toEqual(cluster.first.machine.commands);
  });

  test('for long is found again soon after it is back', async () => {
    await using cluster = await Cluster.of(three, { config: quick });
    const leader = await cluster.awaitLeader();
    const [follower] = cluster.others(leader);
    await cluster.stop(follower?.id ?? '');
    for (let at = 0; at < 5; at += 1) await cluster.write(at);
    await awaitMessages(cluster, 5, ({ to }) => to === follower?.id);

    await cluster.start(follower?.id ?? '');
    await follower?.awaitCommands(5);

    expect(leader.metrics.progress?.get(follower?.id ?? '')?.state).toBe('replicate');
  });

  test('and lost what it had not answered for catches up', async () => {
    await using cluster = await Cluster.of(three);
    const follower = cluster.node('b');
    await cluster.write('kept');
    await follower.awaitCommands(1);
    const { index } = follower.metrics.last;
    await cluster.stop('b');
    await cluster.write('missed');
    // As if the last write had not reached the disk: it was never acknowledged.
    await follower.store.append([
      { logId: { term: 1, index: index + 1 }, payload: { type: 'blank' } },
    ]);
    await follower.store.truncate(index);

    await cluster.start('b');

    expect(await follower.awaitCommands(2)).toEqual(['kept', 'missed']);
  });
});

test('entries beyond what memory may hold are applied from the disk', async () => {
  const config = { ...calm, tailCacheBytes: 1, maxAppendBytes: 200 };
  await using cluster = await Cluster.of(three, { config });
  const pause = Promise.withResolvers<void>();
  cluster.node('b').machine.onApply = () => pause.promise;

  for (let at = 0; at < 20; at += 1) await cluster.write({ at });
  pause.resolve();
  await cluster.node('b').awaitCommands(20);

  expect(cluster.node('b').machine.commands).toEqual(cluster.first.machine.commands);
});

test('an idle follower learns what is committed within a heartbeat', async () => {
  await using cluster = await Cluster.of(three);

  const { logId } = await cluster.first.raft.write('only', soon());

  await cluster.awaitApplied(logId.index);

  expect(cluster.node('b').metrics.committed).toEqual(logId);
});
