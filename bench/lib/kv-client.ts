import { type Channel, TcpClient } from 'quorate/network/tcp';
import { channelName, getsMessage, type Pair, putsMessage, readValues } from './kv-messages.ts';
import { TurnBatches } from './turn-batches.ts';

const patientMs = 60_000;

/** A client of one of the benches' key-value servers. */
export class KvClient {
  readonly #client: TcpClient;
  readonly #channel: Channel;
  readonly #puts: TurnBatches<Pair, undefined>;
  readonly #gets: TurnBatches<string, Uint8Array | undefined>;

  constructor(address: string) {
    this.#client = new TcpClient(address);
    this.#channel = this.#client.channel(channelName);
    this.#puts = new TurnBatches(async (pairs, timeoutMs) => {
      await this.#channel.call(putsMessage(pairs), { timeoutMs });
      return new Array<undefined>(pairs.length).fill(undefined);
    });
    this.#gets = new TurnBatches(async (keys, timeoutMs) =>
      readValues(await this.#channel.call(getsMessage(keys), { timeoutMs })),
    );
  }

  put(key: string, value: Uint8Array, timeoutMs: number = patientMs): Promise<undefined> {
    return this.#puts.ask({ key, value }, key.length + value.length, timeoutMs);
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#gets.ask(key, key.length, patientMs);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
