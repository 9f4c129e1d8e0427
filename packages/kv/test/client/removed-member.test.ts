import { expect, test } from 'vitest';
import { FakeClient, FakeWire, noLeader, watched } from './support/fake-wire.ts';

/** `gone` was removed: it knows who was in the cluster before, and hears of no leader. */
function wireWithRemoved(others: readonly string[]): FakeWire {
  const wire = new FakeWire(['gone', ...others]);
  wire.leader = others[0];
  wire.onCold = async (method, member) => {
    if (member !== 'gone') return wire.cold(method, member);
    if (method !== 'status') throw noLeader();
    return { ...wire.status(member), role: 'follower', leader: undefined };
  };
  return wire;
}

test('a client that knows only a member that was removed finds the others by it', async () => {
  const wire = wireWithRemoved(['a', 'b']);
  await using client = new FakeClient(wire, { servers: ['gone'], timeoutMs: 1000 });

  const put = watched(client.put('k', 'v'));
  await client.runtime.pass(500);

  expect(put).toMatchObject({ isOver: true, answer: { revision: 2 } });
  expect(wire.writes.map(({ member }) => member)).toEqual(['a']);
});

test('a client that is to learn of nobody does not, whoever was removed', async () => {
  const wire = wireWithRemoved(['a', 'b']);
  const options = { servers: ['gone'], discover: false, timeoutMs: 300 };
  await using client = new FakeClient(wire, options);

  const put = watched(client.put('k', 'v'));
  await client.runtime.pass(500);

  expect(put.error).toMatchObject({ code: 'KV_NO_LEADER' });
  expect(new Set(wire.colds.map(({ member }) => member))).toEqual(new Set(['gone']));
});

test('of members without a leader no more are learned than a cluster has', async () => {
  const wire = new FakeWire(['gone']);
  let asked = 0;
  wire.onCold = async (method) => {
    if (method !== 'status') throw noLeader();
    asked += 1;
    const members = Array.from({ length: 50 }, (_, at) => ({
      ...{ id: `${asked}-${at}`, role: 'voter', peerAddress: '' },
      clientAddress: `${asked}-${at}`,
    }));
    return { ...wire.status('gone'), leader: undefined, members };
  };
  await using client = new FakeClient(wire, { timeoutMs: 2000 });

  const put = watched(client.put('k', 'v'));
  await client.runtime.pass(3000);

  expect(put.isOver).toBe(true);
  const places = new Set(wire.colds.map(({ member }) => member));
  expect(asked).toBeGreaterThan(65);
  expect(places.size).toBe(65);
});
