import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon } from './kit.ts';
import { addLearners } from './members.ts';
import type { OpenNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];

/** What every node of a cluster does for its application, over every network. */
export function serviceCases(network: string, open: OpenNetwork): void {
  describe(`over ${network}, a write`, () => {
    test('on a follower and on a learner is logged once, and brings the response back', async () => {
      await using cluster = await Cluster.of(three, { open });
      await addLearners(cluster, ['d']);

      const first = await cluster.node('b').raft.write({ from: 'b' }, soon());
      const second = await cluster.node('d').raft.write({ from: 'd' }, soon());
      await cluster.awaitApplied(second.logId.index);

      expect([first.response, second.response]).toEqual([1, 2]);
      for (const { machine } of cluster.all) {
        expect(machine.commands).toEqual([{ from: 'b' }, { from: 'd' }]);
        expect(machine.logIds).toEqual([first.logId, second.logId]);
      }
    });

    test('of bytes on a follower arrives everywhere as bytes', async () => {
      await using cluster = await Cluster.of(three, { open });

      const { logId } = await cluster.node('b').raft.write(Uint8Array.of(123, 0, 255), soon());
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.all) {
        expect(machine.commands[0]).toBeInstanceOf(Uint8Array);
        expect(Uint8Array.from(machine.commands[0] as Uint8Array)).toEqual(
          Uint8Array.of(123, 0, 255),
        );
      }
    });

    test('that validate refuses on the leader is told so, and is not logged', async () => {
      await using cluster = await Cluster.of(three, { open });
      const asked: string[] = [];
      for (const { id, machine } of cluster.all) {
        machine.onValidate = () => {
          asked.push(id);
          throw new RangeError('too much');
        };
      }
      const { last } = cluster.first.metrics;

      const refused = outcomeOf(cluster.node('b').raft.write('x', soon()));

      expect(await refused).toMatchObject({
        code: 'RAFT_REFUSED',
        message: 'too much',
        maybeApplied: false,
      });
      expect(asked).toEqual(['a']);
      expect(cluster.first.metrics.last).toEqual(last);
    });

    test('on a follower whose leader has died goes to the next leader', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      const dead = await cluster.awaitLeader();
      const [follower = dead] = cluster.others(dead);
      await cluster.stop(dead.id);
      // A connection that breaks leaves open whether the write had arrived.
      await follower.waitFor(({ leader }) => leader !== dead.id);

      const { logId } = await follower.raft.write('x', soon());
      await cluster.awaitApplied(logId.index);

      for (const { machine } of cluster.running) expect(machine.commands).toEqual(['x']);
    });

    test('that another node passed on is passed on to no third one', async () => {
      await using cluster = await Cluster.of(three, { open });
      const follower = cluster.node('b');
      await follower.waitFor(({ leader }) => leader === 'a');
      const calls: string[] = [];
      cluster.wires.onCall = ({ call }) => void calls.push(call);

      const refused = outcomeOf(follower.raft.rpc.forward({ command: Uint8Array.of(1) }));

      expect(await refused).toMatchObject({ code: 'RAFT_NOT_LEADER', leader: { id: 'a' } });
      expect(calls).not.toContain('forward');
    });
  });

  describe(`over ${network}, a read`, () => {
    test('on a follower and on a learner sees what was acknowledged before it', async () => {
      await using cluster = await Cluster.of(three, { open });
      await addLearners(cluster, ['d']);

      for (let round = 1; round <= 5; round += 1) {
        const { logId } = await cluster.first.raft.write(round, soon());
        for (const id of ['b', 'd']) {
          const { raft, machine } = cluster.node(id);
          for (const mode of ['quorum', 'lease'] as const) {
            expect(await raft.readBarrier({ mode, ...soon() })).toBeGreaterThanOrEqual(logId.index);
          }
          expect(machine.commands).toHaveLength(round);
        }
      }
    });

    test('on a follower is answered by the next leader if the leader is gone', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      await cluster.write('x');
      const dead = await cluster.awaitLeader();
      const [follower = dead] = cluster.others(dead);
      await cluster.stop(dead.id);

      // A read waits less long than an election may take.
      await follower.waitFor(({ leader }) => leader !== undefined && leader !== dead.id);
      await follower.raft.readBarrier(soon());

      expect(follower.machine.commands).toEqual(['x']);
    });
  });

  describe(`over ${network}, the leadership`, () => {
    test('is handed over to a named voter, without an election timeout', async () => {
      await using cluster = await Cluster.of(three, { open, config: calm });

      await cluster.first.raft.transferLeadership('c', soon());
      await cluster.awaitLeader([cluster.node('c')]);
      const { logId } = await cluster.first.raft.write('x', soon());
      await cluster.awaitApplied(logId.index);

      expect(cluster.node('c').metrics).toMatchObject({ role: 'leader', term: 2 });
    });

    test('is handed over by a leader that is closed', async () => {
      await using cluster = await Cluster.of(three, { open, config: calm });

      await cluster.first.raft.close();
      const next = await cluster.awaitLeader(cluster.others(cluster.first));

      expect(next.metrics.term).toBe(2);
    });
  });
}
