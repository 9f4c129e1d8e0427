import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import { addText, toHex } from './hash.ts';

/** What is written: registers with compare-and-set, lists, and counters, by key. */
export type Command =
  /** Reads through the log. */
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  /** Writes `to` if the value is `from`; a key that is not there has none. */
  | { readonly op: 'cas'; readonly key: string; readonly from: string | null; readonly to: string }
  /** Adds to a list; `value` is never twice in one unless a write took effect twice. */
  | { readonly op: 'append'; readonly key: string; readonly value: string }
  | { readonly op: 'add'; readonly key: string; readonly amount: number };

/** `value` is what the key has after it; `null` stands for none, as JSON wants it. */
export interface Response {
  readonly ok: boolean;
  readonly value: Value | null;
}

export type Value = string | number | readonly string[];

/** What a machine tells those who look on; each at the moment it has happened. */
export interface MachineWitness {
  applied(batch: readonly Committed<Command>[], responses: readonly Response[]): void;
  frozen(digest: string): void;
  restored(meta: SnapshotMeta, digest: string): void;
}

export interface MachineOptions {
  readonly witness: MachineWitness;
  /** Size of the chunks of a snapshot, in bytes. */
  readonly chunkBytes: number;
  /** Waits before a batch takes effect, if applying is to be slow. */
  readonly pause?: (() => Promise<void> | undefined) | undefined;
  /** Waits before a snapshot takes the place of the state, likewise. */
  readonly restorePause?: (() => Promise<void> | undefined) | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The replicated state of the simulated cluster: a key-value store in memory. */
export class KeyValueMachine implements StateMachine<Command, Response> {
  readonly #options: MachineOptions;
  #values = new Map<string, Value>();
  /** Of all commands that ever took effect, in their order. */
  #history = 0x811c_9dc5;
  #count = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  /** What a key has now, as this node knows it; `null` if nothing. */
  get(key: string): Value | null {
    return this.#values.get(key) ?? null;
  }

  /** How many commands have taken effect. */
  get count(): number {
    return this.#count;
  }

  /** Equal on two nodes only if the same commands took effect in the same order. */
  get digest(): string {
    return `${this.#count}-${toHex(this.#history)}`;
  }

  apply(batch: readonly Committed<Command>[]): readonly Response[] | Promise<readonly Response[]> {
    const pause = this.#options.pause?.();
    if (pause === undefined) return this.#apply(batch);
    return pause.then(() => this.#apply(batch));
  }

  async snapshot(): Promise<Iterable<Uint8Array>> {
    const state = { count: this.#count, history: this.#history, values: [...this.#values] };
    const bytes = encoder.encode(JSON.stringify(state));
    this.#options.witness.frozen(this.digest);
    return chunksOf(bytes, this.#options.chunkBytes);
  }

  async restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const text = parts.map((part) => decoder.decode(part, { stream: true })).join('');
    const state = JSON.parse(text + decoder.decode()) as {
      count: number;
      history: number;
      values: [string, Value][];
    };
    await this.#options.restorePause?.();
    this.#values = new Map(state.values);
    this.#history = state.history;
    this.#count = state.count;
    this.#options.witness.restored(meta, this.digest);
  }

  #apply(batch: readonly Committed<Command>[]): readonly Response[] {
    const responses = batch.map(({ logId, command }) => {
      this.#count += 1;
      const text = `${logId.index}/${logId.term}/${JSON.stringify(command)}`;
      this.#history = addText(this.#history, text);
      return this.#take(command);
    });
    this.#options.witness.applied(batch, responses);
    return responses;
  }

  #take(command: Command): Response {
    const { key } = command;
    const before = this.get(key);
    switch (command.op) {
      case 'get':
        return { ok: true, value: before };
      case 'put':
        return this.#put(key, command.value);
      case 'cas':
        return before === command.from ? this.#put(key, command.to) : { ok: false, value: before };
      case 'append':
        return this.#put(key, [...listOf(before), command.value]);
      case 'add':
        return this.#put(key, (typeof before === 'number' ? before : 0) + command.amount);
      default:
        throw new TypeError(`The command is none: ${JSON.stringify(command satisfies never)}.`);
    }
  }

  #put(key: string, value: Value): Response {
    this.#values.set(key, value);
    return { ok: true, value };
  }
}

function listOf(value: Value | null): readonly string[] {
  return typeof value === 'object' && value !== null ? value : [];
}

/** Thousands of chunks of a byte would show nothing more, and take most of the time of a run. */
const maxChunks = 100;

function chunksOf(bytes: Uint8Array, wantedSize: number): Uint8Array[] {
  const size = Math.max(wantedSize, Math.ceil(bytes.length / maxChunks));
  const count = Math.max(1, Math.ceil(bytes.length / size));
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}
