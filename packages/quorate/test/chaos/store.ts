import { createHash } from 'node:crypto';
import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import type { Command, Response } from './protocol.ts';

/** Chunks of a snapshot are this long, so that even a small one comes in pieces. */
const chunkBytes = 2048;
/** How often the hash is told, in indexes of the log. */
const tellEvery = 64;

interface Frozen {
  readonly applied: number;
  readonly chain: string;
  readonly values: readonly (readonly [key: string, value: string])[];
}

/**
 * Strings under strings: registers, lists (texts behind each other) and counts. It keeps a hash
 * over all commands that took effect, each with its index, so that two nodes that differ anywhere
 * in their past can be told apart for ever.
 */
export class ChaosStore implements StateMachine<Command, Response> {
  readonly #tell: (index: number, chain: string) => void;
  #values = new Map<string, string>();
  #applied = 0;
  #chain = '';

  constructor(tell: (index: number, chain: string) => void = () => undefined) {
    this.#tell = tell;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** The index of the last command, and the hash over all of them. */
  get state(): { readonly applied: number; readonly chain: string } {
    return { applied: this.#applied, chain: this.#chain };
  }

  apply(batch: readonly Committed<Command>[]): Response[] {
    return batch.map(({ command, logId: { index } }) => {
      const response = this.#take(command);
      const before = this.#applied;
      this.#applied = index;
      this.#chain = createHash('sha256')
        .update(`${this.#chain} ${index} ${JSON.stringify(command)}`)
        .digest('hex')
        .slice(0, 16);
      // Every node tells the same ones, whatever of the log is no command.
      const isDue = Math.floor(index / tellEvery) > Math.floor(before / tellEvery);
      if (isDue) this.#tell(index, this.#chain);
      return response;
    });
  }

  async snapshot(): Promise<Uint8Array[]> {
    const frozen: Frozen = { ...this.state, values: [...this.#values] };
    const bytes = Buffer.from(JSON.stringify(frozen));
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < bytes.length; from += chunkBytes) {
      chunks.push(bytes.subarray(from, from + chunkBytes));
    }
    return chunks;
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    const { applied, chain, values } = JSON.parse(Buffer.concat(all).toString()) as Frozen;
    this.#applied = applied;
    this.#chain = chain;
    this.#values = new Map(values);
  }

  #take(command: Command): Response {
    const { key } = command;
    const old = this.#values.get(key);
    switch (command.type) {
      case 'put':
        this.#values.set(key, command.value);
        return undefined;
      case 'cas':
        if (old !== command.from) return false;
        this.#values.set(key, command.value);
        return true;
      case 'append':
        this.#values.set(key, `${old ?? ''}${command.value}`);
        return undefined;
      case 'add': {
        const count = Number(old ?? '0') + 1;
        this.#values.set(key, String(count));
        return count;
      }
    }
  }
}
