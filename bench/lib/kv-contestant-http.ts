import type { Contestant, Kill } from './contestant.ts';
import { base64, JsonHttp } from './json-http.ts';
import { KvCluster } from './kv-cluster.ts';
import { quorateVersion } from './machine.ts';

/** Three members of the key-value server, asked over HTTP; clients go to the leader. */
export class KvContestantHttp implements Contestant {
  readonly name = 'Quorate';
  readonly version = `${quorateVersion()}, @quorate/kv over HTTP`;
  #cluster: KvCluster | undefined;
  #http: JsonHttp | undefined;

  async start(folder: string): Promise<void> {
    this.#cluster = await KvCluster.start({ folder, hasHttp: true });
    const { httpPort = 0 } = await (await this.#cluster.leader()).picture();
    this.#http = new JsonHttp(httpPort);
  }

  async put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void> {
    await this.#leader.post('/v1/put', { key, value: { base64: base64(value) } }, timeoutMs);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    interface Found {
      readonly kvs: readonly { readonly value: { readonly base64: string } }[];
    }
    const { kvs } = await this.#leader.post<Found>('/v1/range?bytes=base64', { key });
    const [pair] = kvs;
    return pair === undefined ? undefined : Buffer.from(pair.value.base64, 'base64');
  }

  killLeader(): Promise<Kill> {
    throw new Error('Over HTTP only speed is compared.');
  }

  revive(): Promise<void> {
    throw new Error('Over HTTP only speed is compared.');
  }

  async close(): Promise<void> {
    this.#http?.close();
    await this.#cluster?.[Symbol.asyncDispose]();
    this.#cluster = undefined;
  }

  get #leader(): JsonHttp {
    if (this.#http === undefined) throw new Error('The contestant was not started.');
    return this.#http;
  }
}
