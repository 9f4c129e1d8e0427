import { Raft, type RaftConfig, type StateMachine, type Storage } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { memoryStorage } from 'quorate/storage/memory';
import { EmptyStateMachine } from './empty-state.ts';

export type BenchNode = Raft<Uint8Array, undefined>;

export interface BenchCluster extends AsyncDisposable {
  readonly leader: BenchNode;
  readonly nodes: readonly BenchNode[];
}

/** What each node is made of; by default, nothing that costs anything. */
export interface ClusterParts {
  readonly stateMachine?: (id: string) => StateMachine<Uint8Array, undefined>;
  readonly storage?: (id: string) => Promise<Storage>;
  readonly config?: Partial<RaftConfig>;
}

/** Starts `count` nodes in this process and waits for a leader that can write. */
export async function startCluster(count: number, parts: ClusterParts = {}): Promise<BenchCluster> {
  const {
    stateMachine = () => new EmptyStateMachine(),
    storage: storageOf = async () => memoryStorage(),
    config = {},
  } = parts;
  const network = new MemoryNetwork();
  const ids = Array.from({ length: count }, (_, at) => `node-${at + 1}`);
  const storages = await Promise.all(ids.map(storageOf));
  const nodes = await Promise.all(
    ids.map(async (id, at) => {
      const storage = storages[at] as Storage; // There is one for each.
      const raft = await Raft.start({
        id,
        stateMachine: stateMachine(id),
        storage,
        network,
        config,
      });
      network.attach(id, raft.rpc);
      return raft;
    }),
  );
  const [leader] = nodes;
  if (leader === undefined) throw new RangeError('A cluster needs at least one node.');
  await leader.initialize(Object.fromEntries(ids.map((id) => [id, {}])));
  await leader.waitFor(({ role, committed, term }) => role === 'leader' && committed.term === term);
  return {
    leader,
    nodes,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.close()));
      for (const storage of storages) await storage[Symbol.asyncDispose]();
    },
  };
}
