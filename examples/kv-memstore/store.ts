import type { Committed, StateMachine } from 'quorate';

export type Command =
  | { readonly type: 'set'; readonly key: string; readonly value: string }
  | {
      readonly type: 'compare-and-set';
      readonly key: string;
      readonly expectedVersion: number;
      readonly value: string;
    };

/** A value and the index of the log entry that wrote it: no two writes share a version. */
export interface Versioned {
  readonly value: string;
  readonly version: number;
}

/** What a command left under its key; `undefined` where a compare-and-set did not match. */
export type CommandResponse = Versioned | undefined;

/** The replicated state: strings under strings, in memory. */
export class KeyValueStore implements StateMachine<Command, CommandResponse> {
  #values = new Map<string, Versioned>();

  get(key: string): Versioned | undefined {
    return this.#values.get(key);
  }

  apply(batch: readonly Committed<Command>[]): CommandResponse[] {
    return batch.map(({ command, logId }) => this.#applyOne(command, logId.index));
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [Buffer.from(JSON.stringify([...this.#values]))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const received: Uint8Array[] = [];
    for await (const chunk of chunks) received.push(chunk);

    // Bytes that `snapshot` made here or on another node.
    const values = JSON.parse(Buffer.concat(received).toString()) as [string, Versioned][];
    this.#values = new Map(values);
  }

  #applyOne(command: Command, version: number): CommandResponse {
    if (command.type === 'compare-and-set') {
      // A missing key matches no version, so a compare-and-set never creates one.
      if (this.#values.get(command.key)?.version !== command.expectedVersion) return undefined;
    }

    const written = { value: command.value, version };
    this.#values.set(command.key, written);
    return written;
  }
}
