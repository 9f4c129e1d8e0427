import type { Committed, StateMachine } from 'quorate';
import { type FrozenContent, FrozenValues, type Versioned } from './frozen-values.ts';
import { readSnapshot, writeSnapshot } from './store-snapshot.ts';

export type Command =
  | { readonly type: 'set'; readonly key: string; readonly value: string }
  | {
      readonly type: 'compare-and-set';
      readonly key: string;
      readonly expectedVersion: number;
      readonly value: string;
    };

/** What a command left under its key; `undefined` where a compare-and-set did not match. */
export type CommandResponse = Versioned | undefined;

/** The replicated state: strings under strings, in memory. */
export class KeyValueStore implements StateMachine<Command, CommandResponse> {
  #values = new Map<string, Versioned>();
  #lastVersion = 0;
  #frozen: readonly FrozenValues[] = [];

  get size(): number {
    return this.#values.size;
  }

  /** Snapshots that are being read: each makes writes dearer. */
  get frozenCount(): number {
    return this.#frozen.length;
  }

  /** Old values that these keep in memory. */
  get keptCount(): number {
    return this.#frozen.reduce((sum, { keptCount }) => sum + keptCount, 0);
  }

  get(key: string): Versioned | undefined {
    return this.#values.get(key);
  }

  apply(batch: readonly Committed<Command>[]): CommandResponse[] {
    return batch.map(({ command, logId }) => this.#applyOne(command, logId.index));
  }

  /** Takes no longer for a million keys than for one; `FrozenValues` says what it costs later. */
  async snapshot(): Promise<AsyncIterable<Uint8Array>> {
    return this.#freeze();
  }

  /** All of it at one moment, for who looks at this node alone. */
  freeze(): FrozenContent {
    const count = this.size;
    return { count: () => count, chunks: this.#freeze() };
  }

  /** Needs room for the old values and the new ones: the old ones go once all have come. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const values = await readSnapshot(chunks);
    let lastVersion = 0;
    for (const { version } of values.values()) lastVersion = Math.max(lastVersion, version);
    this.#values = values;
    this.#lastVersion = lastVersion;
    // They froze the values that were there before, and nobody writes to those any more.
    this.#frozen = [];
  }

  #freeze(): AsyncIterable<Uint8Array> {
    const frozen = new FrozenValues(this.#values, this.#lastVersion);
    this.#frozen = [...this.#frozen, frozen];
    return writeSnapshot(frozen, () => {
      this.#frozen = this.#frozen.filter((other) => other !== frozen);
    });
  }

  #applyOne(command: Command, version: number): CommandResponse {
    const { key, value } = command;
    const old = this.#values.get(key);
    // A missing key matches no version, so a compare-and-set never creates one.
    if (command.type === 'compare-and-set' && old?.version !== command.expectedVersion) {
      return undefined;
    }

    const written = { value, version };
    if (old !== undefined) for (const frozen of this.#frozen) frozen.keep(key, old);
    this.#values.set(key, written);
    this.#lastVersion = version;
    return written;
  }
}
