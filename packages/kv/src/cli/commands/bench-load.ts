import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { KvClient, type KvClientOptions } from '../../client.ts';
import { Times } from './bench-times.ts';

export interface BenchOptions {
  readonly clients: number;
  readonly connections: number;
  readonly seconds: number;
  readonly valueBytes: number;
  /** The share of reads. */
  readonly reads: number;
  readonly keys: number;
  /** Default: one that nobody has. */
  readonly prefix?: string;
  readonly options: KvClientOptions;
}

export interface BenchResult {
  readonly seconds: number;
  readonly writes: Times;
  readonly reads: Times;
  readonly failures: number;
  readonly lastFailure: string;
}

/** Nothing outside of it is ever written. */
export const benchRoot = 'quorate-bench/';

/** There may be millions of keys. */
const deleteTimeoutMs = 60_000;
/** After a failure, so that a cluster that is down is not asked as fast as a loop can. */
const afterFailureMs = 100;

/** Clients in a closed loop: each waits for its answer before it makes the next call. */
export class BenchLoad {
  readonly prefix: string;
  readonly #bench: BenchOptions;
  readonly #clients: readonly KvClient[];
  readonly #value: Buffer;
  readonly #writes = new Times();
  readonly #reads = new Times();
  #failures = 0;
  #lastFailure = '';

  private constructor(bench: BenchOptions, clients: readonly KvClient[]) {
    this.#bench = bench;
    this.#clients = clients;
    this.#value = randomBytes(bench.valueBytes);
    this.prefix = bench.prefix ?? `${benchRoot}${randomUUID()}/`;
  }

  static async open(bench: BenchOptions): Promise<BenchLoad> {
    if (bench.prefix?.startsWith(benchRoot) === false) {
      throw new RangeError(`The prefix must begin with ${benchRoot}; it is ${bench.prefix}.`);
    }
    const clients = Array.from(
      { length: Math.min(bench.connections, bench.clients) },
      () => new KvClient(bench.options),
    );
    const load = new BenchLoad(bench, clients);
    try {
      // Connections and who leads are no part of what is measured.
      await Promise.all(clients.map((client) => client.status()));
      return load;
    } catch (error) {
      await load.close();
      throw error;
    }
  }

  get client(): KvClient {
    return this.#clients[0] as KvClient;
  }

  /** Ends before its time when the signal aborts. */
  async run({
    signal,
    onSecond,
  }: {
    readonly signal: AbortSignal;
    readonly onSecond: () => void;
  }): Promise<BenchResult> {
    const { clients, seconds: wanted } = this.#bench;
    const startedAt = performance.now();
    const endsAt = startedAt + wanted * 1000;
    const ticking = setInterval(onSecond, 1000);
    try {
      const loops = Array.from({ length: clients }, (_, at) =>
        this.#loop(this.#clients[at % this.#clients.length] as KvClient, { endsAt, signal }),
      );
      await Promise.all(loops);
    } finally {
      clearInterval(ticking);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const counted = { failures: this.#failures, lastFailure: this.#lastFailure };
    return { seconds, writes: this.#writes, reads: this.#reads, ...counted };
  }

  async deleteKeys(): Promise<void> {
    await this.client.delete({ prefix: this.prefix }, { timeoutMs: deleteTimeoutMs });
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #loop(
    client: KvClient,
    { endsAt, signal }: { readonly endsAt: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { reads, keys } = this.#bench;
    while (!signal.aborted && performance.now() < endsAt) {
      const key = `${this.prefix}${Math.floor(Math.random() * keys)}`;
      const isRead = Math.random() < reads;
      const before = performance.now();
      try {
        if (isRead) await client.get(key);
        else await client.put(key, this.#value);
        (isRead ? this.#reads : this.#writes).record(performance.now() - before);
      } catch (error) {
        this.#failures += 1;
        this.#lastFailure = error instanceof Error ? error.message : String(error);
        await sleep(afterFailureMs);
      }
    }
  }
}
