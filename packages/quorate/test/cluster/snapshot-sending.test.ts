import { describe, expect, test } from 'vitest';
import { Cluster, calm, soon, turns } from './kit.ts';
import { bare, ChunkGate, leaveBehind, purgeAll, writeMany } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];
const five = ['a', 'b', 'c', 'd', 'e'];

describe('while a snapshot is sent', () => {
  test('to a slow follower writes go on, and it needs no second one', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    cluster.first.machine.chunkBytes = 64;
    await leaveBehind(cluster, ['c']);
    const gate = new ChunkGate(cluster, { after: 5 });
    const { machine } = await cluster.start('c');
    await gate.reached;

    for (let round = 0; round < 5; round += 1) await writeMany(cluster.first, 10);
    await cluster.first.raft.takeSnapshot(soon());
    await turns(5);
    // What follows the snapshot under way is kept for the one that gets it.
    expect(cluster.first.metrics.purged.index).toBeLessThan(cluster.first.metrics.snapshot.index);
    gate.open();
    await cluster.awaitApplied(cluster.first.metrics.last.index);

    expect(machine.restored).toHaveLength(1);
    expect(machine.commands).toEqual(cluster.first.machine.commands);
    const { snapshot } = cluster.first.metrics;
    await cluster.first.waitFor(({ purged }) => purged.index === snapshot.index);
  });

  test('the sender closes at once, and the receiver too', async () => {
    for (const closed of ['a', 'c']) {
      await using cluster = await Cluster.of(three, { config: bare });
      cluster.first.machine.chunkBytes = 64;
      await leaveBehind(cluster, ['c']);
      const gate = new ChunkGate(cluster, { after: 5 });
      await cluster.start('c');
      await gate.reached;

      await cluster.node(closed).raft.close();

      expect(cluster.node(closed).metrics.isRunning).toBe(false);
      gate.open();
    }
  });

  test('a follower that has what is purged by other means needs none', async () => {
    const config = { ...bare, snapshotStallMs: 300 };
    await using cluster = await Cluster.of(three, { config });
    await leaveBehind(cluster, ['c']);
    // The first answer of each call is lost, as is all of its content.
    let calls = 0;
    cluster.wires.onCall = ({ call }) => {
      if (call !== 'installSnapshot') return undefined;
      calls += 1;
      return calls === 1 ? Promise.reject(new Error('reset')) : undefined;
    };

    const { machine } = await cluster.start('c');
    await cluster.awaitApplied(cluster.first.metrics.last.index);

    expect(calls).toBeGreaterThan(1);
    expect(machine.restored).toHaveLength(1);
  });
});

describe('several followers that lag', () => {
  test('get their snapshots one after another if one at once is the bound', async () => {
    const config = { ...bare, maxSnapshotTransfers: 1 };
    await using cluster = await Cluster.of(five, { config });
    cluster.first.machine.chunkBytes = 64;
    await leaveBehind(cluster, ['d', 'e']);
    const gate = new ChunkGate(cluster, { after: 0 });
    await cluster.start('d');
    await cluster.start('e');
    await gate.reached;
    await turns(20);
    gate.open();
    await cluster.awaitApplied(cluster.first.metrics.last.index);

    const changes = gate.targets.filter((id, at) => id !== gate.targets[at - 1]);
    expect(changes).toHaveLength(2);
    for (const id of ['d', 'e']) expect(cluster.node(id).machine.restored).toHaveLength(1);
  });

  test('are all served in the end within a bandwidth', async () => {
    const config = { ...bare, snapshotBytesPerSecond: 50_000 };
    await using cluster = await Cluster.of(five, { config });
    cluster.first.machine.chunkBytes = 256;
    await leaveBehind(cluster, ['d', 'e']);
    await cluster.start('d');
    await cluster.start('e');

    await cluster.awaitApplied(cluster.first.metrics.last.index);

    for (const id of ['d', 'e']) expect(cluster.node(id).machine.restored).toHaveLength(1);
  });

  test('do not wait for one that takes nothing', async () => {
    const config = { ...bare, maxSnapshotTransfers: 1, snapshotStallMs: 200 };
    await using cluster = await Cluster.of(five, { config });
    await leaveBehind(cluster, ['d', 'e']);
    let tries = 0;
    cluster.wires.onCall = ({ call, to }) => {
      if (call !== 'installSnapshot' || to !== 'd') return undefined;
      tries += 1;
      return new Promise(() => undefined);
    };
    await cluster.start('d');
    await cluster.node('d').waitFor(({ leader }) => leader === 'a');
    await cluster.start('e');

    await cluster.awaitApplied(cluster.first.metrics.last.index, [cluster.node('e')]);

    expect(tries).toBeGreaterThan(0);
    expect(cluster.node('d').metrics.applied.index).toBe(0);
    cluster.wires.onCall = () => undefined;
    await cluster.awaitApplied(cluster.first.metrics.last.index);
  });

  test('and one that is away for good hold up neither writes nor snapshots', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    await cluster.stop('c');

    for (let round = 0; round < 5; round += 1) {
      await writeMany(cluster.first, 10);
      await purgeAll(cluster.first);
    }

    const { purged, last } = cluster.first.metrics;
    expect(purged).toEqual(last);
    await cluster.start('c');
    await cluster.awaitApplied(last.index);
  });
});

test('a follower that lags less than what is kept gets entries', async () => {
  await using cluster = await Cluster.of(three, { config: calm });
  await writeMany(cluster.first, 5);
  await cluster.stop('c');
  const last = await writeMany(cluster.first, 20);
  await cluster.first.raft.takeSnapshot(soon());

  const { machine } = await cluster.start('c');
  await cluster.awaitApplied(last);

  expect(machine.restored).toEqual([]);
  expect(machine.commands).toHaveLength(25);
});
