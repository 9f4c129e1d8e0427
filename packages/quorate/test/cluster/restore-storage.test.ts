import { describe, expect, test } from 'vitest';

import type { Storage } from '../../src/contract/storage.ts';
import { AlreadyInitializedError, FatalError } from '../../src/errors.ts';
import { MemoryNetwork } from '../../src/network/memory.ts';
import { Raft } from '../../src/node/raft.ts';
import { type RestoreStorageOptions, restoreStorage } from '../../src/node/restore-storage.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import { walStorage } from '../../src/storage/wal.ts';
import { enumerateCrashes } from '../../src/testing/sim-fs/enumerate-crashes.ts';
import { outcomeOf, quick, soon } from './kit.ts';

const nodes = { a: { address: 'a' }, b: { address: 'b' }, c: { address: 'c' } };

/** Counts, and has 40 in its backup. */
function counter() {
  const state = { total: 0 };
  return {
    state,
    apply: (batch: readonly { readonly command: number }[]) =>
      batch.map(({ command }) => (state.total += command)),
    snapshot: async () => [Buffer.from(`${state.total}`)],
    restore: async (chunks: AsyncIterable<Uint8Array>) => {
      let text = '';
      for await (const chunk of chunks) text += Buffer.from(chunk).toString();
      state.total = Number(text);
    },
  };
}

function options(id: string, more: Partial<RestoreStorageOptions> = {}): RestoreStorageOptions {
  return {
    id,
    cluster: 'restored',
    nodes,
    last: { term: 7, index: 1_000_000 },
    chunks: [Buffer.from('4'), Buffer.from('0')],
    ...more,
  };
}

async function start(
  id: string,
  storage: Storage,
  network: MemoryNetwork,
): Promise<{ raft: Raft<number, number>; state: { total: number } }> {
  const stateMachine = counter();
  const raft = await Raft.start<number, number>({
    ...{ id, stateMachine, storage, network, config: quick },
  });
  network.attach(id, raft.rpc);
  return { raft, state: stateMachine.state };
}

describe('a cluster whose disks were restored from a backup', () => {
  test('elects a leader, has the state, and goes on behind the entry that it was told', async () => {
    const network = new MemoryNetwork();
    const members = await Promise.all(
      ['a', 'b', 'c'].map(async (id) => {
        const storage = memoryStorage();
        await restoreStorage(storage, options(id));
        return start(id, storage, network);
      }),
    );
    const [first] = members;

    await first?.raft.waitFor(({ leader }) => leader !== undefined, soon());
    const { response, logId } = (await first?.raft.write(2, soon())) ?? {};

    expect(response).toBe(42);
    expect(logId?.index).toBeGreaterThan(1_000_000);
    expect(logId?.term).toBeGreaterThan(7);
    for (const { raft, state } of members) {
      await raft.readBarrier(soon());
      expect(state.total).toBe(42);
      expect(raft.metrics.membership).toMatchObject({
        cluster: 'restored',
        voters: [['a', 'b', 'c']],
      });
      expect(raft.metrics.quarantine).toBeUndefined();
    }
    await Promise.all(members.map(({ raft }) => raft.close({ handOver: false })));
  });

  test('knows soon which disk each member has', async () => {
    const network = new MemoryNetwork();
    const members = await Promise.all(
      ['a', 'b', 'c'].map(async (id) => {
        const storage = memoryStorage();
        await restoreStorage(storage, options(id));
        return start(id, storage, network);
      }),
    );
    const incarnations = ({ membership }: Raft<number, number>['metrics']): Set<unknown> =>
      new Set(Object.values(membership.nodes).map(({ incarnation }) => incarnation));

    const [first] = members;
    const metrics = await first?.raft.waitFor(
      (picture) => incarnations(picture).size === 3 && !incarnations(picture).has(undefined),
      soon(),
    );

    expect(metrics?.membership.nodes).toMatchObject(nodes);
    await Promise.all(members.map(({ raft }) => raft.close({ handOver: false })));
  });

  test('takes in a new member with an empty disk', async () => {
    const network = new MemoryNetwork();
    const storage = memoryStorage();
    await restoreStorage(storage, options('a', { nodes: { a: { address: 'a' } } }));
    const { raft } = await start('a', storage, network);
    await raft.write(1, soon());
    const joiner = counter();

    const joined = await Raft.join<number, number>({
      ...{ id: 'd', stateMachine: joiner, storage: memoryStorage(), network, config: quick },
      info: { address: 'd' },
      seeds: [{ address: 'a' }],
      serve: (rpc) => network.attach('d', rpc),
      ...soon(),
    });
    await joined.readBarrier(soon());

    expect(joiner.state.total).toBe(41);
    await Promise.all([raft, joined].map((one) => one.close({ handOver: false })));
  });

  test('refuses a member of another restoration', async () => {
    const network = new MemoryNetwork();
    const own = memoryStorage();
    const strange = memoryStorage();
    const two = { a: { address: 'a' }, b: { address: 'b' } };
    await restoreStorage(own, options('a', { nodes: two }));
    await restoreStorage(strange, options('b', { nodes: two, cluster: 'another' }));
    const a = await start('a', own, network);
    const b = await start('b', strange, network);

    const write = outcomeOf(a.raft.write(1, { signal: AbortSignal.timeout(500) }));

    expect(await write).toBeInstanceOf(Error);
    expect([a.raft.metrics.leader, b.raft.metrics.leader]).toEqual([undefined, undefined]);
    await Promise.all([a.raft, b.raft].map((one) => one.close({ handOver: false })));
  });
});

describe('the restoration of a storage', () => {
  test('refuses one that is not empty, and changes nothing', async () => {
    const storage = memoryStorage();
    await storage.log.saveVote({ term: 1, votedFor: 'a' });

    await expect(restoreStorage(storage, options('a'))).rejects.toThrow(AlreadyInitializedError);
    expect(await storage.snapshots.current()).toBeUndefined();
    expect(await storage.log.readIdentity()).toBeUndefined();
  });

  test('refuses a second one on the same storage', async () => {
    const storage = memoryStorage();
    await restoreStorage(storage, options('a'));

    const again = restoreStorage(storage, options('a'));

    await expect(again).rejects.toThrow('belongs to node a already');
  });

  test.each([
    [{ id: '' }, 'The node id must be a string'],
    [{ cluster: '' }, 'The id of the cluster must be a string'],
    [{ nodes: { b: {} } }, 'The nodes must name a, whose disk it is; they name b.'],
    [{ last: { term: 0, index: 1 } }, 'must be whole numbers above 0; they are 0 and 1.'],
    [{ last: { term: 1, index: 1.5 } }, 'must be whole numbers above 0; they are 1 and 1.5.'],
  ] as const)('refuses the options %j', async (wrong, message) => {
    const restoring = restoreStorage(memoryStorage(), options('a', wrong));

    await expect(restoring).rejects.toThrow(message);
  });

  test('leaves nothing that starts when its chunks break off', async () => {
    const storage = memoryStorage();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('4');
      throw new Error('The file is cut off.');
    }

    const restoring = restoreStorage(storage, options('a', { chunks: broken() }));

    await expect(restoring).rejects.toThrow('The file is cut off.');
    expect(await storage.snapshots.current()).toBeUndefined();
    expect(await storage.log.readIdentity()).toBeUndefined();
    // An empty disk would begin a new cluster, or be taken for a new member of one.
    await expect(start('a', storage, new MemoryNetwork())).rejects.toThrow('restoration broke off');
  });

  test('never passes for an empty disk once any of its chunks was read', async () => {
    const storage = memoryStorage();
    let started: unknown;
    async function* watching(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('4');
      // As a start would find the disk if the process died now.
      started = await storage.log.state();
      yield Buffer.from('0');
    }

    await restoreStorage(storage, options('a', { chunks: watching() }));

    expect(started).toMatchObject({ last: { index: 1_000_000 } });
  });

  test('is whole, refused or empty, wherever the power is cut', async () => {
    const seen = { whole: 0, refused: 0, empty: 0 };

    await enumerateCrashes({
      open: (files) => walStorage('/data', { files, segmentBytes: 4096 }),
      work: (storage) => restoreStorage(storage, options('a', { nodes: { a: {} } })),
      check: async (storage) => {
        const outcome = await outcomeOf(start('a', storage, new MemoryNetwork()));
        if (outcome instanceof FatalError) {
          seen.refused += 1;
          return;
        }
        if (outcome instanceof Error) throw outcome;
        const { raft, state } = outcome as Awaited<ReturnType<typeof start>>;
        const { cluster } = raft.metrics.membership;
        seen[cluster === 'restored' ? 'whole' : 'empty'] += 1;
        expect(state.total).toBe(cluster === 'restored' ? 40 : 0);
        await raft.close({ handOver: false });
      },
      maxStatesPerStep: 20,
    });

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });
});
