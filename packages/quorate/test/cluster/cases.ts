import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon } from './kit.ts';
import type { OpenNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];

/** What a cluster does over every network. */
export function clusterCases(network: string, open: OpenNetwork): void {
  describe(`a cluster over ${network}`, () => {
    test('elects the node that formed it, and every node names it', async () => {
      await using cluster = await Cluster.of(three, { open });

      const leaders = await Promise.all(
        cluster.all.map((node) => node.waitFor(({ leader }) => leader !== undefined)),
      );

      expect(leaders.map(({ leader }) => leader)).toEqual(['a', 'a', 'a']);
      expect(cluster.first.metrics.membership.voters).toEqual([three]);
    });

    test('applies every write on every node, in one order (row 82)', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { raft } = cluster.first;

      const results = await Promise.all(
        Array.from({ length: 100 }, (_, at) => raft.write({ number: at }, soon())),
      );
      await cluster.awaitApplied(results.at(-1)?.logId.index ?? 0);

      expect(results.map(({ response }) => response)).toEqual(
        Array.from({ length: 100 }, (_, at) => at + 1),
      );
      for (const { machine } of cluster.all) {
        expect(machine.commands).toEqual(Array.from({ length: 100 }, (_, at) => ({ number: at })));
      }
    });

    test('serves 1,000 concurrent writers', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { raft, store } = cluster.first;
      const appendsBefore = store.appends.length;

      const results = await Promise.all(
        Array.from({ length: 1000 }, (_, at) => raft.write(at, soon())),
      );
      await cluster.awaitApplied(Math.max(...results.map(({ logId }) => logId.index)));

      expect(new Set(results.map(({ logId }) => logId.index)).size).toBe(1000);
      expect(store.appends.length - appendsBefore).toBeLessThan(100);
      for (const { machine } of cluster.all) expect(machine.commands).toHaveLength(1000);
    });

    test('applies what the codec kept, on every node, the leader included', async () => {
      await using cluster = await Cluster.of(three, { open });

      const { logId } = await cluster.first.raft.write(
        { at: new Date(0), none: undefined },
        soon(),
      );
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) {
        expect(machine.commands).toEqual([{ at: '1970-01-01T00:00:00.000Z' }]);
      }
    });

    test('hands commands of bytes to every node as bytes', async () => {
      await using cluster = await Cluster.of(three, { open });
      const command = Uint8Array.from({ length: 256 }, (_, at) => at);

      const { logId } = await cluster.first.raft.write(command, soon());
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) {
        expect(machine.commands[0]).toBeInstanceOf(Uint8Array);
        expect(Uint8Array.from(machine.commands[0] as Uint8Array)).toEqual(command);
      }
    });

    test('keeps bytes apart from the same bytes that are JSON', async () => {
      await using cluster = await Cluster.of(three, { open });

      await cluster.first.raft.write(new TextEncoder().encode('{"a":1}'), soon());
      const { logId } = await cluster.first.raft.write({ a: 1 }, soon());
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) {
        expect(machine.commands.map((command) => command instanceof Uint8Array)).toEqual([
          true,
          false,
        ]);
      }
    });

    test('takes no command for one of its own records, whatever it looks like (row 77)', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { membership } = cluster.first.metrics;
      const lookalikes: unknown[] = [
        { type: 'membership', data: { voters: [['x']], nodes: { x: {} } } },
        { logId: { term: 9, index: 9 }, payload: { type: 'blank' } },
        { type: 'command', bytes: 'AA==', raw: true, session: { id: 1, sequence: 1 } },
        { type: 'session', data: [] },
        { term: 99, leader: 'x', entries: [], committed: 99, context: 'read' },
        JSON.parse('{"__proto__":{"type":"blank"},"constructor":1}'),
        ...[0, 1, 2, 3, 4, 255].map((byte) => Uint8Array.of(byte, 0, 0, 0, 0, 0, 0, 0)),
      ];

      const written = lookalikes.map((command) => cluster.first.raft.write(command, soon()));
      const { logId } = await cluster.first.raft.write('end', soon());
      await Promise.all(written);
      await cluster.awaitApplied(logId.index);

      for (const { machine, metrics } of cluster.all) {
        // What came over a wire may be a Buffer, whose class is no part of its bytes.
        const plain = machine.commands.map((command) =>
          command instanceof Uint8Array ? Uint8Array.from(command) : command,
        );
        expect(plain).toEqual([...lookalikes, 'end']);
        expect(metrics.membership).toEqual(membership);
      }
      expect(await cluster.first.raft.readBarrier(soon())).toBe(logId.index);
      expect(cluster.first.metrics.term).toBe(logId.term);
    });

    test('refuses a write on a follower without forwarding, and says who leads and where', async () => {
      await using cluster = await Cluster.of(three, {
        open,
        config: { ...calm, forwardWrites: false },
      });
      const follower = cluster.node('b');
      await follower.waitFor(({ leader }) => leader === 'a');

      const refused = follower.raft.write(1, soon());

      await expect(refused).rejects.toMatchObject({
        code: 'RAFT_NOT_LEADER',
        maybeApplied: false,
        leader: { id: 'a', info: cluster.first.info },
      });
    });

    test('goes on under another leader when the leader dies, and loses no answered write (row 82)', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      await cluster.write('before');
      const dead = await cluster.awaitLeader();

      await cluster.stop(dead.id);
      const { logId } = await cluster.write('after');
      await cluster.awaitApplied(logId.index);
      await cluster.start(dead.id);
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) expect(machine.commands).toEqual(['before', 'after']);
    });

    test('keeps everything when all nodes restart at once', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      await cluster.write('before');

      await Promise.all(three.map((id) => cluster.stop(id)));
      await Promise.all(three.map((id) => cluster.start(id)));
      const { logId } = await cluster.write('after');
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) expect(machine.commands).toEqual(['before', 'after']);
    });

    test('replaces an isolated leader, which steps down and loses what it could not commit', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      const old = await cluster.awaitLeader();

      cluster.isolate(old.id);
      const lost = outcomeOf(old.raft.write('lost', soon()));
      const next = await cluster.awaitLeader(cluster.others(old));
      await next.raft.write('kept', soon());
      expect(await lost).toMatchObject({ code: 'RAFT_LEADERSHIP_LOST', maybeApplied: true });
      cluster.wires.heal();
      const { logId } = await cluster.write('healed');
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) expect(machine.commands).toEqual(['kept', 'healed']);
    });

    test('reads on the leader what was written before', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { raft } = cluster.first;

      const { logId } = await raft.write('x', soon());
      const index = await raft.readBarrier(soon());

      expect(index).toBeGreaterThanOrEqual(logId.index);
    });

    test('grows from one node to three, and shrinks to another one', async () => {
      await using cluster = await Cluster.of(['a'], { open, config: quick });
      await cluster.write('one');
      await cluster.start('b');
      await cluster.start('c');

      const { raft } = cluster.node('a');
      await raft.addLearner('b', cluster.node('b').info, soon());
      await raft.addLearner('c', cluster.node('c').info, soon());
      await raft.changeVoters(three, soon());
      await cluster.write('three');
      await raft.changeVoters(['b'], soon());
      await cluster.node('b').waitFor(({ role }) => role === 'leader');
      const { logId } = await cluster.write('last');
      await cluster.awaitApplied(logId.index, [cluster.node('b')]);

      expect(cluster.node('b').machine.commands).toEqual(['one', 'three', 'last']);
      expect(cluster.node('b').metrics.membership).toMatchObject({ voters: [['b']] });
    });

    test('refuses calls that are meant for others (row 86)', async () => {
      await using cluster = await Cluster.of(three, { open });
      await using other = await Cluster.of(['x'], { open });
      const { raft } = cluster.first;

      const stranger = other.first.raft.rpc.identify({
        from: { cluster: raft.metrics.membership.cluster, node: 'a', incarnation: 'i', starts: 1 },
        to: { node: 'x' },
      });

      await expect(stranger).rejects.toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    });
  });
}
