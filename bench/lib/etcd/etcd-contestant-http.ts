import type { Contestant, Kill } from '../contestant.ts';
import { base64, JsonHttp } from '../json-http.ts';
import { EtcdContestant } from './etcd-contestant.ts';

/** Three members of etcd, asked through their own gateway for JSON; clients go to the leader. */
export class EtcdContestantHttp implements Contestant {
  readonly name = 'etcd';
  readonly #etcd: EtcdContestant;
  #http: JsonHttp | undefined;

  constructor(program: string) {
    this.#etcd = new EtcdContestant(program);
  }

  get version(): string {
    return `${this.#etcd.version} over HTTP`;
  }

  async start(folder: string): Promise<void> {
    await this.#etcd.start(folder);
    this.#http = new JsonHttp(await this.#etcd.leaderPort());
  }

  async put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void> {
    await this.#leader.post('/v3/kv/put', { key: base64(key), value: base64(value) }, timeoutMs);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    interface Found {
      readonly kvs?: readonly { readonly value?: string }[];
    }
    const { kvs = [] } = await this.#leader.post<Found>('/v3/kv/range', { key: base64(key) });
    const [pair] = kvs;
    return pair === undefined ? undefined : Buffer.from(pair.value ?? '', 'base64');
  }

  killLeader(): Promise<Kill> {
    return this.#etcd.killLeader();
  }

  revive(): Promise<void> {
    return this.#etcd.revive();
  }

  async close(): Promise<void> {
    this.#http?.close();
    await this.#etcd.close();
  }

  get #leader(): JsonHttp {
    if (this.#http === undefined) throw new Error('The contestant was not started.');
    return this.#http;
  }
}
