import { describe, expect, test } from 'vitest';
import { Cluster, quick, type TestNode } from './kit.ts';
import type { OpenNetwork } from './networks.ts';
import { loseFirstAnswers, patiently } from './session-kit.ts';

/** What sessions promise whatever lies between the nodes. */
export function sessionCases(name: string, open: OpenNetwork): void {
  describe(`a session over ${name}`, () => {
    test('repeats a write whose answer was lost, and it has taken effect once (rows 80, S23)', async () => {
      await using cluster = await Cluster.of(['a', 'b', 'c'], { open, config: quick });
      const leader = await cluster.awaitLeader();
      const [node] = cluster.others(leader) as [TestNode];
      const session = await node.raft.openSession(patiently());
      const seen = loseFirstAnswers(cluster);

      const responses: number[] = [];
      for (const command of ['one', new Uint8Array([2]), 'three']) {
        responses.push((await session.write(command, patiently())).response);
      }

      expect(responses).toEqual([1, 2, 3]);
      expect(seen.lost).toBeGreaterThanOrEqual(3);
      const { machine } = await cluster.awaitLeader();
      expect(machine.commands.map((command) => typeof command)).toEqual([
        'string',
        'object',
        'string',
      ]);
      await session.close();
    });

    test('is refused by the leader once it is over, and says so', async () => {
      const config = { ...quick, maxSessions: 1 };
      await using cluster = await Cluster.of(['a', 'b', 'c'], { open, config });
      const leader = await cluster.awaitLeader();
      const [node] = cluster.others(leader) as [TestNode];
      const session = await node.raft.openSession(patiently());
      await leader.raft.openSession(patiently());

      const write = session.write('x', patiently());

      await expect(write).rejects.toMatchObject({ code: 'RAFT_SESSION_EXPIRED' });
      expect((await cluster.awaitLeader()).machine.commands).toEqual([]);
    });
  });
}
