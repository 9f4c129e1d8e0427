import { type Committed, Raft, type StateMachine } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { memoryStorage } from 'quorate/storage/memory';

/** Answers every command with nothing: what is left is the cost of the library. */
class EmptyStateMachine implements StateMachine<Uint8Array, undefined> {
  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    return new Array<undefined>(batch.length).fill(undefined);
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [];
  }

  async restore(): Promise<void> {}
}

export interface BenchCluster extends AsyncDisposable {
  readonly leader: Raft<Uint8Array, undefined>;
}

/** Starts `count` nodes in this process and waits for a leader that can write. */
export async function startCluster(count: number): Promise<BenchCluster> {
  const network = new MemoryNetwork();
  const ids = Array.from({ length: count }, (_, at) => `node-${at + 1}`);
  const nodes = await Promise.all(
    ids.map(async (id) => {
      const stateMachine = new EmptyStateMachine();
      const raft = await Raft.start({ id, stateMachine, storage: memoryStorage(), network });
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
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}
