import { describe, expect, test } from 'vitest';
import { Cluster, outcomeOf, quick, soon, turns } from './kit.ts';
import { openHttp, type TestNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];

describe('a write that is passed on over HTTP', () => {
  test('has the time of its node, however short that of the network is', async () => {
    // No call would be answered within that.
    const open = (): TestNetwork => openHttp({ callTimeoutMs: 1 });
    await using cluster = await Cluster.of(three, { open });
    const follower = cluster.node('b');
    await follower.waitFor(({ leader }) => leader === 'a');
    follower.store.hold();
    cluster.node('c').store.hold();

    const write = outcomeOf(follower.raft.write('x', soon()));
    await cluster.node('c').store.awaitWrite();
    await turns(100);
    for (const { store } of cluster.all) store.release();

    expect(await write).toMatchObject({ response: 1 });
  });

  test('ends with its own time, however long that of the network is, as maybe applied', async () => {
    const open = (): TestNetwork => openHttp({ callTimeoutMs: 3_600_000 });
    await using cluster = await Cluster.of(three, { open, config: quick });
    const leader = await cluster.awaitLeader();
    const [follower = leader] = cluster.others(leader);
    await follower.waitFor((metrics) => metrics.leader === leader.id);
    const applying = Promise.withResolvers<void>();
    for (const { machine } of cluster.all) machine.onApply = () => applying.promise;

    const outcome = await outcomeOf(follower.raft.write('x', soon()));
    for (const { machine } of cluster.all) machine.onApply = () => undefined;
    applying.resolve();

    expect(outcome).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    expect(await leader.awaitCommands(1)).toEqual(['x']);
  });
});
