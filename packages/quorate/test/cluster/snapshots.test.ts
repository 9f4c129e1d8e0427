import { describe, expect, test } from 'vitest';
import { Cluster, calm, quick, soon, type TestNode } from './kit.ts';

const three = ['a', 'b', 'c'];
/** Nothing is kept behind a snapshot, and none is built but on demand. */
const bare = { ...calm, keepBytes: 0 };

async function writeMany(node: TestNode, count: number): Promise<number> {
  const writes = Array.from({ length: count }, (_, at) => node.raft.write(`w${at}`, soon()));
  const results = await Promise.all(writes);
  return Math.max(...results.map(({ logId }) => logId.index));
}

describe('a snapshot', () => {
  test('on demand covers what is applied, and the log before it goes', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    const last = await writeMany(cluster.first, 20);

    const covered = await cluster.first.raft.takeSnapshot(soon());

    expect(covered.index).toBe(last);
    await cluster.first.waitFor(({ purged }) => purged.index === last);
    expect(cluster.first.metrics.snapshot).toEqual(covered);
    expect(await cluster.first.store.state()).toEqual({ purged: covered, last: covered });
  });

  test('brings a follower up to date that was away while the log was purged', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    await writeMany(cluster.first, 5);
    await cluster.stop('c');
    await writeMany(cluster.first, 20);
    await cluster.first.raft.takeSnapshot(soon());
    const after = await writeMany(cluster.first, 5);

    const node = await cluster.start('c');

    await cluster.awaitApplied(after);
    expect(node.machine.restored).toHaveLength(1);
    expect(node.machine.commands).toEqual(cluster.first.machine.commands);
  });

  test('and the log after it are what a restart begins with', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...quick, keepBytes: 0 } });
    await writeMany(cluster.first, 20);
    await cluster.first.raft.takeSnapshot(soon());
    await writeMany(cluster.first, 7);
    const before = [...cluster.first.machine.commands];

    const { machine } = await cluster.restart('a');
    await cluster.awaitLeader();

    await cluster.first.awaitCommands(27);
    expect(machine.commands).toEqual(before);
    expect(machine.restored).toHaveLength(1);
  });
});
