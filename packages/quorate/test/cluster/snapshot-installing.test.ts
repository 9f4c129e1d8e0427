import { describe, expect, test } from 'vitest';
import type { Entry, LogId } from '../../src/core/types.ts';
import { commandEntry } from '../node/entries.ts';
import { memberOf, Stream } from '../node/snapshots.ts';
import { Cluster, calm, soon, type TestNode } from './kit.ts';
import { FakeLeader, hungStream, recordedContent } from './snapshot-kit.ts';

const voters = memberOf(['a', 'b', 'z']);

function at(index: number, term: number): LogId {
  return { term, index };
}

function firstEntry(): Entry {
  const { logId, ...membership } = voters;
  return { logId, payload: { type: 'membership', membership } };
}

function run(term: number, from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, place) => commandEntry(term, from + place));
}

/** A node `z` whose log is the membership and commands of term 1 up to 5, none committed. */
async function following(cluster: Cluster): Promise<{ node: TestNode; old: FakeLeader }> {
  const node = cluster.node('z');
  const old = new FakeLeader(node, { term: 1 });
  const entries = [firstEntry(), ...run(1, 2, 5)];
  expect(await old.append(at(0, 0), entries, 0)).toMatchObject({ accepted: true, match: 5 });
  return { node, old };
}

describe('a snapshot from the leader', () => {
  test('takes the place of a log that it contradicts (row 56)', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node } = await following(cluster);
    const leader = new FakeLeader(node, { term: 3, id: 'b' });

    const answer = await leader.install(at(3, 2), voters, ['one', 'two']);
    await node.waitFor(({ applied }) => applied.index === 3);

    expect(answer).toMatchObject({ term: 3, match: 3 });
    expect(node.metrics).toMatchObject({ last: at(3, 2), purged: at(3, 2), snapshot: at(3, 2) });
    expect(node.machine.commands).toEqual(['one', 'two']);
    await leader.append(at(3, 2), run(3, 4, 6), 6);
    await node.waitFor(({ applied }) => applied.index === 6);
    expect(await node.store.state()).toEqual({ purged: at(3, 2), last: at(6, 3) });
  });

  test('leaves the entries after it where the log agrees with it', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);

    expect(await old.install(at(3, 1), voters, ['one', 'two'])).toMatchObject({ match: 5 });
    await old.append(at(5, 1), [], 5);
    await node.waitFor(({ applied }) => applied.index === 5);

    expect(node.metrics).toMatchObject({ last: at(5, 1), purged: at(3, 1) });
    expect(node.machine.commands).toEqual(['one', 'two', 4, 5]);
    expect(await node.store.state()).toEqual({ purged: at(3, 1), last: at(5, 1) });
  });

  test('ahead of the log is what the log begins after', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);

    await old.install(at(50, 1), voters, ['fifty']);
    await old.append(at(50, 1), run(1, 51, 52), 52);
    await node.waitFor(({ applied }) => applied.index === 52);

    expect(node.machine.commands).toEqual(['fifty', 51, 52]);
    await cluster.restart('z');
    expect(node.metrics).toMatchObject({ last: at(52, 1), purged: at(50, 1), applied: at(50, 1) });
    expect(node.machine.commands).toEqual(['fifty']);
  });

  test('that is older than what is committed changes nothing, and is not even read (row 53)', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    await old.append(at(5, 1), [], 5);
    await node.waitFor(({ applied }) => applied.index === 5);
    const bytes = await recordedContent(['wrong']);
    const chunks = new Stream(bytes, 16);

    const answer = await old.send(at(4, 1), voters, { bytes, chunks });

    expect(answer).toMatchObject({ match: 5 });
    expect(chunks.taken).toBe(0);
    expect(node.metrics).toMatchObject({ applied: at(5, 1), snapshot: at(0, 0), purged: at(0, 0) });
    expect(node.machine.restored).toEqual([]);
    expect(await node.storage.snapshots.current()).toBeUndefined();
  });

  test('over writes that are still on their way to the disk is right, now and after a restart', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node } = await following(cluster);
    const leader = new FakeLeader(node, { term: 2, id: 'b' });
    await leader.append(at(5, 1), [], 0);
    node.store.hold();
    const slow = leader.append(at(5, 1), run(2, 6, 9), 0);

    // Entries 8 and 9 stay, and are not promised before they are there.
    expect(await leader.install(at(7, 2), voters, ['seven'])).toMatchObject({ match: 7 });
    node.store.release();
    expect(await slow).toMatchObject({ accepted: true, match: 9 });
    await node.waitFor(({ applied }) => applied.index === 7);

    expect(node.metrics.last).toEqual(at(9, 2));
    await leader.append(at(9, 2), run(2, 10, 12), 12);
    await node.waitFor(({ applied }) => applied.index === 12);
    expect(await node.store.state()).toEqual({ purged: at(7, 2), last: at(12, 2) });
    await cluster.restart('z');
    expect(node.metrics).toMatchObject({ applied: at(7, 2), last: at(12, 2) });
  });

  test('brings cluster and membership to a node that knew of none, also over a restart', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const node = cluster.node('z');
    expect(node.metrics.role).toBe('learner');

    // In its own identity the sender says nothing of a cluster, so it cannot vouch for one.
    const leader = new FakeLeader(node, { term: 4 });
    await expect(leader.install(at(9, 3), voters, [])).rejects.toMatchObject({
      code: 'RAFT_WRONG_TARGET',
    });
    await leader.append(at(0, 0), [firstEntry()], 0);
    await leader.install(at(9, 3), memberOf(['b', 'z'], 7), []);
    await node.waitFor(({ applied }) => applied.index === 9);

    for (const again of [false, true]) {
      if (again) await cluster.restart('z');
      expect(node.metrics.membership).toMatchObject({ voters: [['b', 'z']], logId: { index: 7 } });
      expect(node.metrics.role).toBe('follower');
      expect((await node.raft.rpc.identify()).identity.cluster).toBe('c');
      expect(node.metrics.term).toBe(4);
    }
  });
});

describe('a snapshot that is not taken', () => {
  test('of another cluster is refused, and leaves nothing', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);

    const foreign = old.install(at(9, 1), { ...voters, cluster: 'other' }, ['wrong']);

    await expect(foreign).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(node.metrics).toMatchObject({ last: at(5, 1), applied: at(0, 0) });
    expect(await node.storage.snapshots.current()).toBeUndefined();
  });

  test('of an older term is refused with the newer one, and is not read', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    await new FakeLeader(node, { term: 3, id: 'b' }).append(at(5, 1), [], 0);
    const bytes = await recordedContent([]);
    const chunks = new Stream(bytes);

    expect(await old.send(at(9, 1), voters, { bytes, chunks })).toMatchObject({ term: 3 });

    expect(chunks.taken).toBe(0);
  });

  test('of a later term than its leader’s is refused', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);

    await expect(old.install(at(9, 2), voters, [])).rejects.toThrow(RangeError);

    expect(node.metrics.isRunning).toBe(true);
  });

  test('because the store fails costs the call, and the node goes on', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const { snapshots } = node.storage;
    const receive = snapshots.receive.bind(snapshots);
    snapshots.receive = () => Promise.reject(new Error('no room'));

    expect(await old.install(at(9, 1), voters, ['x'])).toMatchObject({ stored: 0, match: 5 });
    expect(node.metrics.isRunning).toBe(true);
    snapshots.receive = receive;

    expect(await old.install(at(9, 1), voters, ['x'])).toMatchObject({ match: 9 });
  });
});

describe('a snapshot that never ends', () => {
  test('gives way to a newer call', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const bytes = await recordedContent(['x']);
    const hung = old.send(at(9, 1), voters, { bytes, chunks: hungStream() });

    expect(await old.install(at(9, 1), voters, ['x'])).toMatchObject({ match: 9 });

    expect(await hung).toMatchObject({ term: 1 });
    await node.waitFor(({ applied }) => applied.index === 9);
  });

  test('does not keep the node from its own when its leader is no more', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    await old.append(at(5, 1), [], 5);
    await node.waitFor(({ applied }) => applied.index === 5);
    const bytes = await recordedContent(['x']);
    const hung = old.send(at(9, 1), voters, { bytes, chunks: hungStream() });
    const taken = node.raft.takeSnapshot(soon());

    await new FakeLeader(node, { term: 2, id: 'b' }).append(at(5, 1), [], 5);

    expect(await taken).toEqual(at(5, 1));
    expect(await hung).toMatchObject({ term: 2 });
  });

  test('does not hold up the end of the node', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const bytes = await recordedContent(['x']);
    const hung = old.send(at(9, 1), voters, { bytes, chunks: hungStream() });
    await new Promise<void>((resolve) => void setImmediate(resolve));

    await node.raft.close();

    await expect(hung).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  });
});

describe('two snapshots in quick succession (row 59)', () => {
  test('are restored one after the other, though the first is slow', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const opened = Promise.withResolvers<void>();
    node.machine.onRestore = () => opened.promise;

    expect(await old.install(at(9, 1), voters, ['nine'])).toMatchObject({ match: 9 });
    const second = old.install(at(12, 1), voters, ['nine', 'twelve']);
    expect(node.metrics.applied).toEqual(at(0, 0));
    opened.resolve();

    expect(await second).toMatchObject({ match: 12 });
    await node.waitFor(({ applied }) => applied.index === 12);
    expect(node.machine.restored.map(({ lastLogId }) => lastLogId.index)).toEqual([9, 12]);
    expect(node.machine.commands).toEqual(['nine', 'twelve']);
  });

  test('the second waits although the first waits for a batch that is slow', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const applying = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    node.machine.onApply = () => {
      applying.resolve();
      return opened.promise;
    };
    await old.append(at(5, 1), [], 3);
    await applying.promise;

    expect(await old.install(at(9, 1), voters, [2, 3, 'nine'])).toMatchObject({ match: 9 });
    const second = old.install(at(12, 1), voters, [2, 3, 'nine', 'twelve']);
    await new Promise<void>((resolve) => void setImmediate(resolve));
    opened.resolve();

    expect(await second).toMatchObject({ match: 12 });
    await node.waitFor(({ applied }) => applied.index === 12);
    expect(node.machine.restored.map(({ lastLogId }) => lastLogId.index)).toEqual([9, 12]);
    expect(node.machine.commands).toEqual([2, 3, 'nine', 'twelve']);
  });

  test('the second goes on although the first was refused and not drained', async () => {
    await using cluster = await Cluster.passive(['z'], { config: calm });
    const { node, old } = await following(cluster);
    const bytes = await recordedContent(['nine']);
    const long = new Stream(Buffer.concat([bytes, bytes]), 16);

    expect(await old.send(at(9, 1), voters, { bytes, chunks: long })).toMatchObject({ stored: 0 });
    expect(await old.install(at(9, 1), voters, ['nine'])).toMatchObject({ match: 9 });

    await node.waitFor(({ applied }) => applied.index === 9);
    expect(node.machine.commands).toEqual(['nine']);
  });
});
