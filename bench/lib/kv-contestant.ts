import { KvClient } from '../../packages/kv/src/client.ts';
import type { Contestant, Kill } from './contestant.ts';
import { KvCluster } from './kv-cluster.ts';
import { quorateVersion } from './machine.ts';

const patientMs = 60_000;

/** Three members of the key-value server with one of its clients, both as they come. */
export class KvContestant implements Contestant {
  readonly name = 'Quorate';
  readonly version = `${quorateVersion()}, @quorate/kv`;
  #cluster: KvCluster | undefined;
  #client: KvClient | undefined;
  #killed: string | undefined;

  async start(folder: string): Promise<void> {
    this.#cluster = await KvCluster.start({ folder });
    this.#client = new KvClient({ servers: this.#cluster.servers, timeoutMs: patientMs });
    await this.#client.status();
  }

  async put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void> {
    if (timeoutMs === undefined) await this.#kv.put(key, value);
    else await this.#kv.put(key, value, { timeoutMs });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#kv.get(key))?.value;
  }

  /** The leader's process. */
  async leaderPid(): Promise<number> {
    return (await this.#members.leader()).program.pid;
  }

  async killLeader(): Promise<Kill> {
    const { name } = await this.#members.leader();
    this.#killed = name;
    const killedAt = performance.now();
    await this.#members.kill(name);
    return { killedAt, goneAt: performance.now() };
  }

  async revive(): Promise<void> {
    if (this.#killed === undefined) return;
    const member = await this.#members.startMember(this.#killed);
    this.#killed = undefined;
    await this.#members.untilReady(member);
  }

  async close(): Promise<void> {
    await this.#client?.close();
    await this.#cluster?.[Symbol.asyncDispose]();
    this.#client = undefined;
    this.#cluster = undefined;
  }

  get #kv(): KvClient {
    if (this.#client === undefined) throw new Error('The contestant was not started.');
    return this.#client;
  }

  get #members(): KvCluster {
    if (this.#cluster === undefined) throw new Error('The contestant was not started.');
    return this.#cluster;
  }
}
