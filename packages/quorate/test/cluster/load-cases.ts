import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, soon } from './kit.ts';
import type { OpenNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];
const refusal = { code: 'RAFT_OVERLOADED', maybeApplied: false };

/** What a node does with more than it has room for, over every network. */
export function loadCases(network: string, open: OpenNetwork): void {
  describe(`over ${network}, past its bounds`, () => {
    test('a leader refuses at once what others pass on, and answers as before after it', async () => {
      await using cluster = await Cluster.of(three, {
        open,
        config: { ...calm, maxPendingWrites: 100 },
      });
      const { raft } = cluster.first;
      const follower = cluster.node('b');
      await follower.waitFor(({ leader }) => leader === 'a');
      // Nothing is committed, so nothing makes room until the disks are released.
      follower.store.hold();
      cluster.node('c').store.hold();
      const accepted = Array.from({ length: 100 }, (_, at) => raft.write(at, soon()));

      const refused = await Promise.all(
        [raft, follower.raft].flatMap((one) =>
          Array.from({ length: 100 }, () => outcomeOf(one.write('too much', soon()))),
        ),
      );
      for (const { store } of cluster.all) store.release();
      await Promise.all(accepted);
      const after = await Promise.all(
        Array.from({ length: 100 }, (_, at) => follower.raft.write(at, soon())),
      );

      for (const outcome of refused) expect(outcome).toMatchObject(refusal);
      const responses = after.map(({ response }) => response).sort((a, b) => a - b);
      expect(responses).toEqual(Array.from({ length: 100 }, (_, at) => 101 + at));
      expect(cluster.first.machine.commands).not.toContain('too much');
    });

    test('a follower refuses writes at once, passes on the others, and has room again', async () => {
      await using cluster = await Cluster.of(three, { open });
      await cluster.restart('b', { maxPendingWrites: 50 });
      const { raft } = cluster.node('b');
      await cluster.node('b').waitFor(({ leader }) => leader === 'a');
      cluster.first.store.hold();
      cluster.node('c').store.hold();
      const passedOn = Array.from({ length: 50 }, (_, at) => raft.write(at, soon()));

      const refused = await Promise.all(
        Array.from({ length: 100 }, () => outcomeOf(raft.write('too much', soon()))),
      );
      for (const { store } of cluster.all) store.release();
      const answered = await Promise.all(passedOn);
      const after = await raft.write('after', soon());

      for (const outcome of refused) expect(outcome).toMatchObject(refusal);
      expect(new Set(answered.map(({ response }) => response)).size).toBe(50);
      expect(after.response).toBe(51);
    });

    test('a follower refuses reads at once, answers the others, and has room again', async () => {
      await using cluster = await Cluster.of(three, { open });
      await cluster.restart('b', { maxWaitingCalls: 10 });
      const { raft } = cluster.node('b');

      const outcomes = await Promise.all(
        Array.from({ length: 30 }, () => outcomeOf(raft.readBarrier(soon()))),
      );
      const again = await raft.readBarrier(soon());

      expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(10);
      const refused = outcomes.filter((outcome) => outcome instanceof Error);
      expect(refused).toHaveLength(20);
      for (const outcome of refused) expect(outcome).toMatchObject(refusal);
      expect(again).toBeGreaterThan(0);
    });
  });
}
