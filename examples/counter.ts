import { type Committed, Raft, type StateMachine } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { memoryStorage } from 'quorate/storage/memory';

/** Counts. A command is the number to add; the response is the new total. */
class Counter implements StateMachine<number, number> {
  total = 0;

  apply(batch: readonly Committed<number>[]): number[] {
    return batch.map(({ command }) => (this.total += command));
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [Buffer.from(String(this.total))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    this.total = Number(text);
  }
}

const network = new MemoryNetwork();
const patience = { signal: AbortSignal.timeout(20_000) };

/** Starts a node that the others can reach. */
async function start(id: string): Promise<{ raft: Raft<number, number>; counter: Counter }> {
  const counter = new Counter();
  const raft = await Raft.start({ id, stateMachine: counter, storage: memoryStorage(), network });
  network.attach(id, raft.rpc);
  return { raft, counter };
}

const nodes = await Promise.all(['a', 'b', 'c'].map(start));
await nodes[0]?.raft.initialize({ a: {}, b: {}, c: {} }, patience);

/** Prints what each of these nodes has, once that is everything acknowledged by now. */
async function read(among: typeof nodes): Promise<void> {
  for (const { raft, counter } of among) {
    await raft.readBarrier(patience);
    console.log(`a read on any node: ${counter.total}`);
  }
}

// Whichever node takes a write passes it on to the leader. A session repeats it if need be.
for (const { raft } of nodes) {
  const session = await raft.openSession(patience);
  console.log(`one more: ${(await session.write(1, patience)).response}`);
  await session.close(patience);
}
await read(nodes);

// The leader is killed when it has done the write, with its answer still on the way.
const leads = nodes.map((node) =>
  node.raft.waitFor(({ role }) => role === 'leader', patience).then(() => node),
);
const leader = await Promise.any(leads);
const [writer = leader, ...rest] = nodes.filter((node) => node !== leader);
const session = await writer.raft.openSession(patience);
network.setDelay(({ call, kind }) => (call === 'forward' && kind === 'answer' ? 200 : 0));
const writing = session.write(100, patience);
await leader.raft.waitFor(() => leader.counter.total === 103, patience);
network.detach(leader.raft.id);
await leader.raft.close({ handOver: false });
console.log(`a hundred more, once: ${(await writing).response}`);
await read([writer, ...rest]);

for (const { raft } of nodes) await raft.close({ handOver: false });
