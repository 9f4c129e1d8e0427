import { expect, test } from 'vitest';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';

const three = ['a', 'b', 'c'];

/** Looks at a node until it is closed. */
async function picturesOf({ raft }: TestNode): Promise<RaftMetrics[]> {
  const pictures: RaftMetrics[] = [];
  for await (const picture of raft.watch(soon())) pictures.push(picture);
  return pictures;
}

test('every picture is consistent, and none goes back', async () => {
  const watching: Promise<RaftMetrics[]>[] = [];
  {
    await using cluster = await Cluster.passive(three, { config: quick });
    watching.push(...cluster.all.map(picturesOf));
    await cluster.first.raft.initialize(cluster.infos(three), soon());
    await Promise.all(Array.from({ length: 200 }, (_, at) => cluster.write(at)));
    const old = await cluster.awaitLeader();
    cluster.isolate(old.id);
    await cluster.awaitLeader(cluster.others(old));
    cluster.wires.heal();
    const { logId } = await cluster.write('end');
    await cluster.awaitApplied(logId.index);
  }

  for (const pictures of await Promise.all(watching)) {
    for (const [at, picture] of pictures.entries()) {
      const { purged, snapshot, applied, committed, last } = picture;
      const chain = [purged, snapshot, applied, committed, last].map(({ index }) => index);
      expect(chain).toEqual([...chain].sort((a, b) => a - b));
      expect((picture.role === 'leader') === (picture.progress !== undefined)).toBe(true);
      expect((picture.role === 'leader') === (picture.leader === picture.id)).toBe(true);
      const before = pictures[at - 1] ?? picture;
      expect(picture.term).toBeGreaterThanOrEqual(before.term);
      expect(committed.index).toBeGreaterThanOrEqual(before.committed.index);
      expect(applied.index).toBeGreaterThanOrEqual(before.applied.index);
    }
  }
});

test('changes of the leader are seen in order', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const first = await cluster.awaitLeader();
  const [watcher] = cluster.others(first);
  const leaders: unknown[] = [];
  const watching = (async () => {
    for await (const { leader, term } of watcher?.raft.watch(soon()) ?? []) {
      if (leader !== undefined) leaders.push(`${term} ${leader}`);
    }
  })();
  await watcher?.waitFor(({ leader }) => leader === first.id);

  await cluster.stop(first.id);
  const second = await cluster.awaitLeader();
  await watcher?.waitFor(({ leader }) => leader === second.id);
  await cluster.stop(watcher?.id ?? '');
  await watching;

  const distinct = [...new Set(leaders)];
  expect(distinct.at(0)).toMatch(new RegExp(` ${first.id}$`));
  expect(distinct.at(-1)).toMatch(new RegExp(` ${second.id}$`));
});

test('a slow reader skips to the newest picture and sees the last one', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft } = cluster.first;
  const pictures = raft.watch(soon())[Symbol.asyncIterator]();
  await pictures.next();

  for (let at = 0; at < 50; at += 1) await raft.write(at, soon());
  const { value } = (await pictures.next()) as { value: RaftMetrics };
  await raft.close();
  const rest: RaftMetrics[] = [];
  for (let next = await pictures.next(); next.done !== true; next = await pictures.next()) {
    rest.push(next.value);
  }

  expect(value.applied.index).toBe(raft.metrics.applied.index);
  expect(rest.length).toBeLessThanOrEqual(2);
  expect(rest.at(-1)).toEqual(raft.metrics);
});

test('leaving a reading half-way leaves nothing behind', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft } = cluster.first;

  for await (const { role } of raft.watch(soon())) if (role === 'leader') break;
  await raft.write('x', soon());

  expect(raft.metrics.applied.index).toBeGreaterThan(0);
});

test('waiting and watching end with the reason of an abort', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft } = cluster.first;
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = raft.waitFor(() => false, { signal });
  const watching = (async () => {
    for await (const { id } of raft.watch({ signal })) expect(id).toBe('a');
  })();
  await turns(2);

  controller.abort(new Error('enough'));

  await expect(waiting).rejects.toThrow('enough');
  await expect(watching).rejects.toThrow('enough');
});

test('the leader shows what it knows about each other node', async () => {
  await using cluster = await Cluster.of(three);
  const { logId } = await cluster.write('x');

  const { progress } = await cluster.first.waitFor(({ progress: seen }) =>
    ['b', 'c'].every((id) => (seen?.get(id)?.matchIndex ?? 0) >= logId.index),
  );

  expect([...(progress?.keys() ?? [])]).toEqual(['b', 'c']);
  expect(progress?.get('b')).toMatchObject({
    state: 'replicate',
    matchIndex: logId.index,
    nextIndex: logId.index + 1,
  });
  expect(progress?.get('b')?.lastAckAt).toBeTypeOf('number');
  expect(cluster.node('b').metrics.progress).toBeUndefined();
});

test('a test that throws fails its caller and leaves the node alone', async () => {
  await using cluster = await Cluster.of(['a']);
  const { raft } = cluster.first;
  let isFirst = true;
  const waiting = raft.waitFor(() => {
    if (!isFirst) throw new Error('bad test');
    isFirst = false;
    return false;
  }, soon());
  const outcome = outcomeOf(waiting);

  await raft.write('x', soon());

  expect(await outcome).toMatchObject({ message: 'bad test' });
  expect(raft.metrics.fatal).toBeUndefined();
});

test('a picture does not change after it was given out', async () => {
  await using cluster = await Cluster.of(three);
  const { metrics } = cluster.first;
  const copy = structuredClone(metrics);

  await cluster.write('x');
  await cluster.first.raft.changeVoters(['a'], soon());

  expect(metrics).toEqual(copy);
});
