import type { KeyValue, KvEvent, Revision } from '../../types.ts';
import { bytesFrom, type Text } from '../text.ts';
import { Held } from './held.ts';
import { allUnder, isSameKey, placeOf, textOf, when } from './keys.ts';
import type { CallOptions, RecipeKv } from './kv.ts';
import { LeasedKey } from './leased-key.ts';
import { waitForTurn } from './queue.ts';
import { eventsOf, isCompacted } from './watching.ts';

export interface CampaignOptions extends CallOptions {
  /** A leader that is silent for so many whole seconds leads no more. Default: 10. */
  readonly ttl?: number;
}

/** Who leads, as the store says. */
export interface Leader {
  /** What it has proclaimed last. */
  readonly value: Uint8Array;
  /** That, as UTF-8. */
  readonly text: string;
  readonly key: string;
  /** Higher than that of every leader before. */
  readonly fencingToken: Revision;
  /** Of its last proclamation. */
  readonly revision: Revision;
}

const defaultTtl = 10;

/** A leadership that was won. */
export class Leadership extends Held {
  /**
   * Tells everyone who observes something else than at the campaign.
   *
   * @throws {RecipeError} `KV_NOT_HELD` if this one leads no more.
   */
  async proclaim(value: Text, options: CallOptions = {}): Promise<void> {
    const { key } = this.own;
    const put = { type: 'put', key, value: bytesFrom(value, 'value'), ignoreLease: true } as const;
    await this.commit(when([], [put]), options);
  }

  /**
   * Lets the next candidate lead. If this fails, that happens at the latest when the time of the
   * lease is over. A second call does nothing.
   */
  resign(options: CallOptions = {}): Promise<void> {
    return this.own.release(options);
  }
}

/** An election by this name: any number of candidates, and one leader at a time. */
export class Election {
  readonly #kv: RecipeKv;
  readonly #under: string;

  constructor(kv: RecipeKv, name: string) {
    this.#kv = kv;
    this.#under = `${placeOf('election', name)}/`;
  }

  /**
   * Waits until it leads, in the order in which the candidates came, and tells `value` to those who
   * ask who leads. Each call is a candidate of its own.
   *
   * @throws the reason of the signal; `RecipeError` `KV_NOT_HELD` if the lease ended while it
   *   waited; `KvError` of the client.
   */
  async campaign(
    value: Text,
    { ttl = defaultTtl, signal }: CampaignOptions = {},
  ): Promise<Leadership> {
    const under = this.#under;
    const { own } = await LeasedKey.create(this.#kv, {
      under,
      ttl,
      value: bytesFrom(value, 'value'),
      signal,
    });
    if (own === undefined) throw new TypeError(`The lease of a candidate of ${under} is not new.`);
    await waitForTurn(this.#kv, { range: allUnder(under), own, signal });
    return new Leadership(own);
  }

  /** Who leads now; `undefined` if nobody does. */
  async leader(options: CallOptions = {}): Promise<Leader | undefined> {
    const { first } = await this.#first(undefined, options);
    return first === undefined ? undefined : leaderOf(first);
  }

  /**
   * Yields who leads now (`undefined`: nobody), and then each new leader, each proclamation and
   * each moment without a leader, in order. Only if the history is compacted before it was read,
   * some are left out; it goes on with the newest then. Ends with a throw, by the signal or the
   * client.
   */
  async *observe({ signal }: CallOptions = {}): AsyncGenerator<Leader | undefined, never> {
    let told: string | undefined;
    for (;;) {
      try {
        for await (const first of this.#changes(signal)) {
          // After a compaction it begins again with what may have been told already.
          const mark = first === undefined ? 'nobody' : `${first.modRevision}`;
          if (mark === told) continue;
          told = mark;
          yield first === undefined ? undefined : leaderOf(first);
        }
      } catch (error) {
        if (!isCompacted(error)) throw error;
      }
    }
  }

  async *#changes(signal: AbortSignal | undefined): AsyncGenerator<KeyValue | undefined, never> {
    const now = await this.#first(undefined, { signal });
    let { first } = now;
    yield first;
    const request = { ...allUnder(this.#under), from: now.revision + 1 };
    for await (const event of eventsOf(this.#kv, request, signal)) {
      if (!concerns(event, first)) continue;
      // As it was right after this change, so that no leader is missed, however briefly it led.
      first =
        event.type === 'put'
          ? event.kv
          : (await this.#first(event.kv.modRevision, { signal })).first;
      yield first;
    }
    throw new TypeError('A watch ended without a reason.');
  }

  async #first(
    revision: Revision | undefined,
    options: CallOptions,
  ): Promise<{ readonly first: KeyValue | undefined; readonly revision: Revision }> {
    const response = await this.#kv.read(
      {
        ...allUnder(this.#under),
        ...(revision === undefined ? {} : { revision }),
        sort: { target: 'create', order: 'ascend' },
        limit: 1,
      },
      options,
    );
    return { first: response.kvs[0], revision: response.revision };
  }
}

/** Whether the change makes somebody lead, or something else known of who does. */
function concerns(event: KvEvent, first: KeyValue | undefined): boolean {
  return first === undefined ? event.type === 'put' : isSameKey(event.kv.key, first.key);
}

function leaderOf({ key, value, createRevision, modRevision }: KeyValue): Leader {
  return {
    value,
    text: textOf(value),
    key: textOf(key),
    fencingToken: createRevision,
    revision: modRevision,
  };
}
