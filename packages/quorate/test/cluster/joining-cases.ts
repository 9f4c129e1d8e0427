import { describe, expect, test } from 'vitest';
import { Cluster, quick, soon } from './kit.ts';
import { writeTo } from './members.ts';
import type { OpenNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];

/** How nodes come and go by themselves, over every network. */
export function joiningCases(network: string, open: OpenNetwork): void {
  describe(`joining and leaving over ${network}`, () => {
    test('a new node that knows one address becomes a voter with everything', async () => {
      await using cluster = await Cluster.of(['a'], { open });
      await cluster.write('before');

      const joined = await cluster.join('b', ['a']);

      expect(joined.machine.commands).toEqual(['before']);
      expect(joined.metrics.membership.voters).toEqual([['a', 'b']]);
      expect(joined.metrics.membership.nodes['b']).toMatchObject(joined.info);
      await writeTo(cluster, ['a', 'b']);
    });

    test('a seed that does not lead says who does', async () => {
      await using cluster = await Cluster.of(three, { open });
      await cluster.node('b').waitFor(({ leader }) => leader === 'a');

      const joined = await cluster.join('d', ['b']);

      expect(joined.metrics.membership.voters).toEqual([['a', 'b', 'c', 'd']]);
    });

    test('a node that leaves is no member any more, and has ended', async () => {
      await using cluster = await Cluster.of(three, { open, config: quick });
      const leader = await cluster.awaitLeader();
      const [leaving] = cluster.others(leader);

      await leaving?.raft.leave(soon());

      const rest = three.filter((id) => id !== leaving?.id);
      expect(leaving?.metrics.isRunning).toBe(false);
      expect(leader.metrics.membership.voters).toEqual([rest]);
      expect(Object.keys(leader.metrics.membership.nodes)).toEqual(rest);
      await leader.raft.write('on', soon());
    });
  });
}
