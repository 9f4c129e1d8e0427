import type { Committed, StateMachine } from 'quorate';

/** Counts. A command is the number to add; the response is the new total. */
export class Counter implements StateMachine<number, number> {
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
