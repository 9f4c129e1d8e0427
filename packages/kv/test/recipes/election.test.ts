import { expect, test } from 'vitest';

import { Election, type Leader } from '../../src/client/recipes/election.ts';
import { FakeCluster, settled, stateOf, txnOf } from './fake-kv.ts';

/** What an observer is told, in words. */
async function observe(election: Election, told: string[], signal: AbortSignal): Promise<void> {
  for await (const leader of election.observe({ signal })) told.push(inWords(leader));
}

function inWords(leader: Leader | undefined): string {
  return leader === undefined ? 'nobody' : `${leader.text} by ${leader.fencingToken}`;
}

test('candidates lead one after the other, in their order, with rising tokens', async () => {
  const cluster = new FakeCluster();
  const first = await new Election(cluster.client('a'), 'reports').campaign('a');
  const others = ['b', 'c'].map((name) =>
    new Election(cluster.client(name), 'reports').campaign(name),
  );
  await settled();

  expect(await Promise.all(others.map(stateOf))).toEqual(['waits', 'waits']);
  await first.resign();
  const second = await others[0];
  expect(await stateOf(others[1] as Promise<unknown>)).toBe('waits');
  await second?.resign();
  const third = await others[1];

  const tokens = [first, second, third].map((leadership) => leadership?.fencingToken ?? 0);
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
});

test('everyone can ask who leads, and what it has proclaimed', async () => {
  const cluster = new FakeCluster();
  const asking = new Election(cluster.client('x'), 'reports');
  const nobody = await asking.leader();
  const leadership = await new Election(cluster.client('a'), 'reports').campaign('at first');

  await leadership.proclaim('and then');

  expect(nobody).toBeUndefined();
  expect(await asking.leader()).toEqual({
    value: new TextEncoder().encode('and then'),
    text: 'and then',
    key: leadership.key,
    fencingToken: leadership.fencingToken,
    revision: leadership.fencingToken + 1,
  });
});

test('an observer sees every leader, every proclamation and every gap once, in order', async () => {
  const cluster = new FakeCluster();
  const told: string[] = [];
  const stopping = new AbortController();
  const election = (name: string): Election => new Election(cluster.client(name), 'reports');
  const observing = observe(election('x'), told, stopping.signal);
  await settled();

  const first = await election('a').campaign('a');
  const second = election('b').campaign('b');
  await settled();
  await first.proclaim('still a');
  await first.resign();
  await (await second).resign();
  await settled();
  stopping.abort(new Error('seen enough'));

  await expect(observing).rejects.toThrow('seen enough');
  const tokens = [first.fencingToken, (await second).fencingToken];
  expect(told).toEqual([
    'nobody',
    `a by ${tokens[0]}`,
    `still a by ${tokens[0]}`,
    `b by ${tokens[1]}`,
    'nobody',
  ]);
});

test('an observer that is slow misses no leader, however briefly it led', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('x');
  const told: string[] = [];
  const stopping = new AbortController();
  const observing = observe(new Election(slow, 'reports'), told, stopping.signal);
  await settled();

  slow.freeze();
  for (const name of ['a', 'b', 'c']) {
    await (await new Election(cluster.client(name), 'reports').campaign(name)).resign();
  }
  const [d, e] = ['d', 'e'].map((name) =>
    new Election(cluster.client(name), 'reports').campaign(name),
  );
  await (await d)?.resign();
  await (await e)?.resign();
  slow.thaw();
  await settled();
  stopping.abort(new Error('seen enough'));

  await expect(observing).rejects.toThrow('seen enough');
  expect(told.map((line) => line.split(' ')[0])).toEqual([
    ...['nobody', 'a', 'nobody', 'b', 'nobody', 'c', 'nobody', 'd', 'e', 'nobody'],
  ]);
});

test('an observer whose history is compacted goes on with the newest, and repeats nothing', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('x');
  const told: string[] = [];
  const stopping = new AbortController();
  const first = await new Election(cluster.client('a'), 'reports').campaign('a');
  const observing = observe(new Election(slow, 'reports'), told, stopping.signal);
  await settled();

  slow.freeze();
  const key = Buffer.from('elsewhere');
  const put = { type: 'put', key, value: key } as const;
  for (const _ of 'abc') {
    await cluster.client('y').commit(txnOf(put));
  }
  cluster.compact();
  slow.thaw();
  await settled();
  await first.proclaim('a again');
  await settled();
  stopping.abort(new Error('seen enough'));

  await expect(observing).rejects.toThrow('seen enough');
  expect(told.map((line) => line.split(' by ')[0])).toEqual(['a', 'a again']);
});

test('a leader that stood still beyond its time can neither proclaim nor commit', async () => {
  const cluster = new FakeCluster();
  const slow = cluster.client('a');
  const before = await new Election(slow, 'reports').campaign('a', { ttl: 3 });
  const second = new Election(cluster.client('b'), 'reports').campaign('b');
  await settled();

  slow.freeze();
  await cluster.advance(4);
  await second;
  slow.thaw();

  await expect(before.proclaim('still a')).rejects.toMatchObject({ code: 'KV_NOT_HELD' });
  const leader = await new Election(slow, 'reports').leader();
  expect(leader?.text).toBe('b');
  expect(before.signal.aborted).toBe(true);
});

test('a candidate that stops waiting never leads', async () => {
  const cluster = new FakeCluster();
  const first = await new Election(cluster.client('a'), 'reports').campaign('a');
  const stopping = new AbortController();
  const second = new Election(cluster.client('b'), 'reports').campaign('b', {
    signal: stopping.signal,
  });
  await settled();

  stopping.abort(new Error('no patience'));
  await expect(second).rejects.toThrow('no patience');
  await first.resign();
  await settled();

  expect(await new Election(cluster.client('x'), 'reports').leader()).toBeUndefined();
});
