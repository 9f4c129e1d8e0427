import assert from 'node:assert/strict';
import type { RaftRpc } from '../../contract/network.ts';
import { MemoryNetwork } from '../../network/memory.ts';
import { Raft } from '../../node/raft.ts';
import { memoryStorage } from '../../storage/memory.ts';
import { caseWithHooks } from '../suite.ts';
import { caller, codeOf, connected, heartbeat, rejectionOf } from './connected.ts';
import type { NetworkSuiteOptions, StrangeTarget } from './options.ts';
import { Latch } from './recording-rpc.ts';

/** Whoever answers is not the node that was meant, or no node at all. */
export function strangeTargetCases(suite: NetworkSuiteOptions): void {
  const { test, open, openSilent, openGarbage, countOpen } = suite;

  test('a real node refuses what is meant for another node or comes from another cluster', () =>
    connected(open, async ({ under, info }) => {
      const raft = await startNode('b');
      try {
        await under.stop('b');
        const peer = under.network.connect('b', await under.serve('b', raft.rpc, info));
        const { identity } = await peer.identify();
        const from = { ...identity, node: 'a', incarnation: 'disk-a' };
        const stranger = { ...from, cluster: 'cluster-2' };

        const otherNode = peer.appendEntries(heartbeat, { from, to: { node: 'c' } });
        assert.equal(codeOf(await rejectionOf(otherNode)), 'RAFT_WRONG_TARGET');
        const otherCluster = peer.appendEntries(heartbeat, { from: stranger, to: { node: 'b' } });
        assert.equal(codeOf(await rejectionOf(otherCluster)), 'RAFT_WRONG_TARGET');
      } finally {
        await raft.close();
      }
    }));

  caseWithHooks(
    test,
    { openSilent },
    'a target that never answers is unreachable once the deadline of the network is over',
    (hooks) =>
      againstStranger(hooks.openSilent, async ({ network, info }) => {
        const peer = network.connect('b', info);
        for (const call of effectful(peer)) {
          assert.deepEqual(fateOf(await rejectionOf(call)), ['RAFT_UNREACHABLE', true]);
        }
        await peer[Symbol.asyncDispose]();
      }),
  );

  caseWithHooks(test, { openGarbage }, 'a target that answers garbage is unreachable', (hooks) =>
    againstStranger(hooks.openGarbage, async ({ network, info }) => {
      const peer = network.connect('b', info);

      const append = await rejectionOf(peer.appendEntries(heartbeat, caller));
      assert.equal(codeOf(append), 'RAFT_UNREACHABLE');
      for (const call of effectful(peer)) {
        assert.deepEqual(fateOf(await rejectionOf(call)), ['RAFT_UNREACHABLE', true]);
      }
      await peer[Symbol.asyncDispose]();
    }),
  );

  caseWithHooks(
    test,
    { countOpen },
    'answered, refused, aborted and failed calls leave nothing open',
    (hooks) =>
      connected(open, async ({ under, node, peer }) => {
        const never = new Latch();
        await Promise.all(Array.from({ length: 20 }, () => peer.identify(caller)));
        node.onArrival = ({ call }) => (call === 'readIndex' ? never.promise : undefined);
        const controller = new AbortController();
        const options = { ...caller, signal: controller.signal };
        const hanging = rejectionOf(peer.readIndex({ mode: 'quorum' }, options));
        await peer.identify(caller);
        controller.abort(new Error('enough'));
        await hanging;
        never.open();
        await peer[Symbol.asyncDispose]();

        assert.equal(await hooks.countOpen(under), 0);
      }),
  );
}

/** Calls of which the caller must know whether they may have had their effect. */
function* effectful(peer: RaftRpc): Generator<Promise<unknown>, void, undefined> {
  yield peer.forward({ command: new Uint8Array([1]) }, caller);
  yield peer.timeoutNow({ term: 3, leader: 'a' }, caller);
}

async function againstStranger(
  open: () => Promise<StrangeTarget>,
  body: (target: StrangeTarget) => Promise<void>,
): Promise<void> {
  const target = await open();
  try {
    await body(target);
  } finally {
    await target.close();
  }
}

/** The code of an error, and whether it says that a write may have happened all the same. */
function fateOf(error: unknown): unknown {
  return [codeOf(error), (error as { maybeApplied?: unknown }).maybeApplied];
}

async function startNode(id: string): Promise<Raft<unknown, undefined>> {
  const raft = await Raft.start<unknown, undefined>({
    id,
    stateMachine: {
      apply: (batch) => batch.map(() => undefined),
      snapshot: async () => [],
      restore: async () => undefined,
    },
    storage: memoryStorage(),
    network: new MemoryNetwork(),
  });
  await raft.initialize({ [id]: {} });
  return raft;
}
