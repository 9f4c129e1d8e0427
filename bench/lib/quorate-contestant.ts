import type { Contestant, Kill } from './contestant.ts';
import { KvClient } from './kv-client.ts';
import { quorateVersion } from './machine.ts';
import { ProcessCluster } from './process-cluster.ts';

const reviveTimeoutMs = 30_000;

/** Three of the benches' key-value servers. */
export class QuorateContestant implements Contestant {
  readonly name = 'Quorate';
  readonly version = quorateVersion();
  readonly #isObserved: boolean;
  readonly #clients = new Map<string, KvClient>();
  /** The same, in the order in which they are asked. */
  #inTurn: readonly KvClient[] = [];
  #at = 0;
  #cluster: ProcessCluster | undefined;
  #killed: string | undefined;

  constructor({ isObserved = false }: { readonly isObserved?: boolean } = {}) {
    this.#isObserved = isObserved;
  }

  get cluster(): ProcessCluster {
    if (this.#cluster === undefined) throw new Error('The contestant was not started.');
    return this.#cluster;
  }

  async start(folder: string): Promise<void> {
    this.#cluster = await ProcessCluster.start(3, {
      folder,
      wire: 'tcp',
      program: 'kv-server.ts',
      isObserved: this.#isObserved,
    });
    await this.#connect();
    await this.#goToLeader();
  }

  async put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void> {
    const at = this.#at;
    try {
      await this.#client(at).put(key, value, timeoutMs);
    } catch (error) {
      // The next one to be asked; whoever fails at the same time moves on once.
      if (this.#at === at) this.#at += 1;
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#client(this.#at).get(key);
  }

  async killLeader(): Promise<Kill> {
    const { id } = await this.cluster.leader();
    this.#killed = id;
    const killedAt = performance.now();
    const dying = this.cluster.kill(id);
    await dying;
    const goneAt = performance.now();
    await this.#clients.get(id)?.close();
    this.#clients.delete(id);
    this.#inTurn = [...this.#clients.values()];
    return { killedAt, goneAt };
  }

  async revive(): Promise<void> {
    if (this.#killed === undefined) return;
    const node = await this.cluster.startNode(this.#killed);
    this.#killed = undefined;
    await this.#connect();
    const giveUpAt = performance.now() + reviveTimeoutMs;
    for (;;) {
      if ((await node.picture()).leader !== undefined) break;
      if (performance.now() > giveUpAt) throw new Error(`${node.id} knows no leader.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#goToLeader();
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    this.#clients.clear();
    this.#inTurn = [];
    await this.#cluster?.[Symbol.asyncDispose]();
    this.#cluster = undefined;
  }

  async #connect(): Promise<void> {
    for (const node of this.cluster.nodes) {
      if (this.#clients.has(node.id)) continue;
      this.#clients.set(node.id, new KvClient((await node.picture()).address));
    }
    this.#inTurn = [...this.#clients.values()];
  }

  async #goToLeader(): Promise<void> {
    const { id } = await this.cluster.leader();
    this.#at = [...this.#clients.keys()].indexOf(id);
  }

  #client(at: number): KvClient {
    const client = this.#inTurn[at % this.#inTurn.length];
    if (client === undefined) throw new Error('There is no server to be asked.');
    return client;
  }
}
