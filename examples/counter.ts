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

const counter = new Counter();
await using raft = await Raft.start({
  id: 'a',
  stateMachine: counter,
  storage: memoryStorage(),
  network: new MemoryNetwork(),
});

await raft.initialize({ a: {} });
await raft.waitFor((metrics) => metrics.role === 'leader');
console.log((await raft.write(5)).response); // 5

await raft.readBarrier();
console.log(counter.total); // 5
