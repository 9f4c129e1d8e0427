import { setTimeout as sleep } from 'node:timers/promises';

import type { KvClient, Lease } from '../../../client.ts';
import { KvError } from '../../../errors.ts';

/** What the clients of the demo have done so far. */
export interface LoadPicture {
  readonly writes: number;
  readonly failures: number;
  /** The longest that a write took lately, in milliseconds. */
  readonly slowestMs: number;
  readonly events: number;
  readonly isLeaseAlive: boolean;
  /** Why the last call failed, as long as none succeeded since. */
  readonly trouble: string | undefined;
}

export const counterKey = 'demo/counter';
export const leasedKey = 'demo/alive';
const prefix = 'demo/';
const pauseMs = 100;
const leaseSeconds = 10;
const callTimeoutMs = 5000;
/** Writes of which the slowest is told: half a minute or so. */
const lately = 300;

/** Keeps a cluster busy, a little: a counter, a key with a lease, and a watch of both. */
export class DemoLoad {
  readonly #client: KvClient;
  readonly #ending = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #times: number[] = [];
  #lease: Lease | undefined;
  #writes = 0;
  #failures = 0;
  #events = 0;
  #trouble: string | undefined;

  constructor(client: KvClient) {
    this.#client = client;
    this.#running = Promise.all([this.#count(), this.#keepLease(), this.#watch()]);
  }

  get picture(): LoadPicture {
    return {
      writes: this.#writes,
      failures: this.#failures,
      slowestMs: Math.max(0, ...this.#times),
      events: this.#events,
      isLeaseAlive: this.#lease !== undefined && !this.#lease.signal.aborted,
      trouble: this.#trouble,
    };
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #count(): Promise<void> {
    const { signal } = this.#ending;
    const entry = await this.#try(() => this.#client.get(counterKey, { signal }));
    let count = Number(entry?.text() ?? 0) || 0;
    await this.#repeat(async () => {
      const before = performance.now();
      const options = { signal, timeoutMs: callTimeoutMs };
      await this.#client.put(counterKey, `${count + 1}`, options);
      count += 1;
      this.#writes += 1;
      this.#times.push(performance.now() - before);
      if (this.#times.length > lately) this.#times.shift();
    });
  }

  async #keepLease(): Promise<void> {
    const { signal } = this.#ending;
    await this.#repeat(async () => {
      if (this.#lease !== undefined && !this.#lease.signal.aborted) return;
      const options = { signal, timeoutMs: callTimeoutMs };
      const lease = await this.#client.grantLease(leaseSeconds, options);
      const what = 'gone a few seconds after the demo';
      await this.#client.put(leasedKey, what, { ...options, lease: lease.id });
      this.#lease = lease;
    });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ending;
    await this.#repeat(async () => {
      for await (const _ of this.#client.watch({ prefix, signal })) this.#events += 1;
    });
  }

  /** Again and again until it is closed; a failure is noted, and no reason to end. */
  async #repeat(step: () => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#try(step);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #try<Value>(step: () => Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await step();
      this.#trouble = undefined;
      return value;
    } catch (error) {
      if (this.#ending.signal.aborted) return undefined;
      if (!(error instanceof KvError)) throw error;
      this.#failures += 1;
      this.#trouble = error.message;
      return undefined;
    }
  }
}
