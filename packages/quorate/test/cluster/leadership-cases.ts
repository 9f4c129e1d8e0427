import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../src/errors.ts';
import { Cluster, outcomeOf, soon, type TestNode, turns } from './kit.ts';
import type { OpenNetwork } from './networks.ts';

const three = ['a', 'b', 'c'];
/** More than the calls that any network makes to one node at a time. */
const many = 40;

/** How a leader hands over, is closed and goes on meanwhile, over every network. */
export function leadershipCases(network: string, open: OpenNetwork): void {
  describe(`over ${network}, while the leadership is handed over`, () => {
    test('writes on every node wait, and each is logged once by the next leader', async () => {
      await using cluster = await Cluster.of(three, { open });
      await lagging(cluster, 'b');
      const transfer = cluster.first.raft.transferLeadership('b', soon());

      const writes = cluster.all.flatMap((node) => writeMany(node));
      await turns(20);
      cluster.node('b').store.release();
      await transfer;
      const results = await Promise.all(writes);

      expect(new Set(results.map(({ logId }) => logId.term))).toEqual(new Set([2]));
      await cluster.awaitApplied(Math.max(...results.map(({ logId }) => logId.index)));
      for (const { machine } of cluster.all) {
        expectOnceEach(machine.commands, ['b lacks this', ...cluster.all.flatMap(commandsOf)]);
      }
    });

    test('a lost answer of the target decides nothing: the transfer ends when it leads', async () => {
      await using cluster = await Cluster.of(three, { open });
      const lost = Promise.withResolvers<void>();
      cluster.wires.onCall = ({ call }) => (call === 'requestVote' ? lost.promise : undefined);
      cluster.wires.onAnswer = ({ call }) => {
        if (call !== 'timeoutNow') return;
        cluster.wires.onAnswer = () => undefined;
        setImmediate(() => void turns(5).then(lost.resolve));
        throw new UnreachableError('The answer broke off.', { maybeApplied: true });
      };

      await cluster.first.raft.transferLeadership('b', soon());

      const { metrics } = await cluster.awaitLeader([cluster.node('b')]);
      expect(metrics.term).toBe(2);
      expect(cluster.first.metrics.role).toBe('follower');
    });

    test('a target that lost the request is asked again, and takes over', async () => {
      await using cluster = await Cluster.of(three, { open });
      let requests = 0;
      cluster.wires.onCall = ({ call }) => {
        if (call !== 'timeoutNow') return;
        requests += 1;
        if (requests === 1) throw new UnreachableError('It broke off.', { maybeApplied: true });
      };

      await cluster.first.raft.transferLeadership('b', soon());

      expect((await cluster.awaitLeader([cluster.node('b')])).metrics.term).toBe(2);
      expect(requests).toBe(2);
    });
  });

  describe(`over ${network}, a leader that is closed`, () => {
    test('answers what is logged, and what others passed on goes to the next one', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { raft } = cluster.first;
      cluster.node('b').store.hold();
      cluster.node('c').store.hold();
      const logged = raft.write('logged', soon());
      await cluster.node('b').store.awaitWrite();
      const closing = raft.close();

      const passedOn = writeMany(cluster.node('b'));
      await turns(20);
      expect(await outcomeOf(raft.write('late', soon()))).toMatchObject({
        code: 'RAFT_STOPPED',
        maybeApplied: false,
      });
      for (const { store } of cluster.all) store.release();
      await closing;
      const results = await Promise.all(passedOn);

      expect((await logged).response).toBe(1);
      for (const { logId } of results) expect(logId.term).toBe(2);
      const next = await cluster.awaitLeader(cluster.others(cluster.first));
      await next.raft.readBarrier(soon());
      expectOnceEach(next.machine.commands, ['logged', ...commandsOf(cluster.node('b'))]);
    });

    test('and whose server goes with it leaves the others a leader of the next term', async () => {
      await using cluster = await Cluster.of(three, { open });
      const { logId } = await cluster.write('before');

      await cluster.first.raft.close();
      await cluster.stop('a');
      const { metrics } = await cluster.awaitLeader();
      const after = await cluster.node('c').raft.write('after', soon());

      expect(metrics.term).toBe(logId.term + 1);
      expect(after.logId.term).toBe(metrics.term);
      expect(after.response).toBe(2);
    });
  });
}

/** Makes `id` a target that has to catch up first. */
async function lagging(cluster: Cluster, id: string): Promise<void> {
  cluster.node(id).store.hold();
  await cluster.write(`${id} lacks this`);
}

function commandsOf({ id }: TestNode): string[] {
  return Array.from({ length: many }, (_, at) => `${id} ${at}`);
}

function writeMany(node: TestNode): ReturnType<typeof node.raft.write>[] {
  return commandsOf(node).map((command) => node.raft.write(command, soon()));
}

/** In whatever order. */
function expectOnceEach(commands: readonly unknown[], wanted: readonly string[]): void {
  expect(new Set(commands)).toEqual(new Set(wanted));
  expect(commands).toHaveLength(wanted.length);
}
