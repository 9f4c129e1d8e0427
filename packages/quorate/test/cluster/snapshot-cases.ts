import { describe, expect, test } from 'vitest';
import { Cluster, quick, soon, turns } from './kit.ts';
import type { OpenNetwork } from './networks.ts';
import { bare, ChunkGate, leaveBehind, purgeAll, writeMany } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

/** What snapshots do over every network. */
export function snapshotCases(network: string, open: OpenNetwork): void {
  describe(`snapshots over ${network}`, () => {
    test('bring a follower up to date whose next entry is purged, and entries go on', async () => {
      await using cluster = await Cluster.of(three, { open, config: bare });
      await leaveBehind(cluster, ['c']);

      const { machine } = await cluster.start('c');
      await cluster.awaitApplied(cluster.first.metrics.last.index);
      await cluster.awaitApplied(await writeMany(cluster.first, 10));

      expect(machine.restored).toHaveLength(1);
      expect(machine.commands).toEqual(cluster.first.machine.commands);
    });

    test('bring a new node into the cluster', async () => {
      await using cluster = await Cluster.of(['a'], { open, config: bare });
      await writeMany(cluster.first, 20);
      await purgeAll(cluster.first);
      const node = await cluster.start('b');

      await cluster.first.raft.addLearner('b', node.info, soon());
      await cluster.first.raft.changeVoters(['a', 'b'], soon());
      await cluster.awaitApplied(await writeMany(cluster.first, 5));

      expect(node.machine.restored).toHaveLength(1);
      expect(node.machine.commands).toEqual(cluster.first.machine.commands);
    });

    test('that break off go on where they ended, also after restarts of the receiver (row 52)', async () => {
      await using cluster = await Cluster.of(three, { open, config: bare });
      for (const { machine } of cluster.all) machine.chunkBytes = 64;
      await leaveBehind(cluster, ['c'], 100);
      const snapshot = await cluster.first.storage.snapshots.current();
      const part = await storedOf(cluster, 'c');
      expect(part).toBe(0);

      let sentBytes = 0;
      let stored = 0;
      for (let round = 1; round <= 3; round += 1) {
        const gate = new ChunkGate(cluster, { after: 12 });
        gate.offset = stored;
        await cluster.start('c');
        await gate.reached;
        await turns(5);
        await cluster.stop('c');
        gate.open();
        sentBytes += gate.sentBytes;
        const before = stored;
        stored = await storedOf(cluster, 'c');
        expect(stored).toBeGreaterThan(before);
      }
      const gate = new ChunkGate(cluster, { after: Infinity });
      gate.offset = stored;
      const { machine } = await cluster.start('c');
      await cluster.awaitApplied(cluster.first.metrics.last.index);

      const size = snapshot?.size ?? 0;
      expect(size).toBeGreaterThan(36 * 64);
      expect(gate.sentBytes).toBe(size - stored);
      // What was sent and had not arrived is sent again.
      expect(sentBytes + gate.sentBytes).toBeLessThan(size + 3 * 12 * 64);
      expect(machine.restored).toHaveLength(1);
      expect(machine.commands).toEqual(cluster.first.machine.commands);
    });

    test('that are damaged on the way are refused, and sent anew', async () => {
      await using cluster = await Cluster.of(three, { open, config: bare });
      await leaveBehind(cluster, ['c']);
      let chunks = 0;
      cluster.wires.onChunk = ({ chunk }) => {
        chunks += 1;
        return chunks === 2 ? chunk.map((byte) => byte ^ 1) : undefined;
      };

      const { machine } = await cluster.start('c');
      await cluster.awaitApplied(cluster.first.metrics.last.index);

      expect(chunks).toBeGreaterThan(2);
      expect(machine.restored).toHaveLength(1);
      expect(machine.commands).toEqual(cluster.first.machine.commands);
    });

    test('are sent again by the next leader when the sender dies half-way', async () => {
      const config = { ...quick, keepBytes: 0 };
      await using cluster = await Cluster.of(three, { open, config });
      for (const { machine } of cluster.all) machine.chunkBytes = 64;
      const old = await cluster.awaitLeader();
      const [other, lagging] = cluster.others(old);
      if (other === undefined || lagging === undefined) throw new Error('There are three nodes.');
      await cluster.stop(lagging.id);
      const last = await writeMany(old, 50);
      await cluster.awaitApplied(last);
      await purgeAll(old);
      await purgeAll(other);
      const gate = new ChunkGate(cluster, { after: 5 });
      await cluster.start(lagging.id);
      await gate.reached;

      await cluster.stop(old.id);
      gate.open();
      const { logId } = await cluster.write('after');
      await cluster.awaitApplied(logId.index);

      expect(lagging.machine.restored.length).toBeGreaterThan(0);
      expect(lagging.machine.commands.at(-1)).toBe('after');
      await lagging.raft.takeSnapshot(soon());
      await cluster.start(old.id);
      await cluster.awaitApplied(logId.index);
    });

    test('of one byte a chunk arrive as well', async () => {
      await using cluster = await Cluster.of(three, { open, config: bare });
      cluster.first.machine.chunkBytes = 1;
      await leaveBehind(cluster, ['c'], 5);
      const gate = new ChunkGate(cluster, { after: Infinity });

      const { machine } = await cluster.start('c');
      await cluster.awaitApplied(cluster.first.metrics.last.index);

      expect(gate.sent).toBeGreaterThan(100);
      expect(machine.commands).toEqual(cluster.first.machine.commands);
    });
  });
}

/** How much of the first node's snapshot another one has kept aside. */
async function storedOf(cluster: Cluster, id: string): Promise<number> {
  const snapshot = await cluster.first.storage.snapshots.current();
  if (snapshot === undefined) throw new Error('There is no snapshot.');
  return (await cluster.node(id).storage.snapshots.receive(snapshot.meta)).offset;
}
