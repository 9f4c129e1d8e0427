import type { KeyRange, KeyValue, Revision, TxnResult } from '../../types.ts';
import { RecipeError } from './errors.ts';
import { allUnder, createdAt, isEmpty, isSameKey, placeOf, textOf, utf8, when } from './keys.ts';
import type { CallOptions, RecipeKv } from './kv.ts';
import { LeasedKey, notHeld } from './leased-key.ts';
import { linkSignals } from './signals.ts';
import { eventsOf, isCompacted } from './watching.ts';

export interface EnterOptions extends CallOptions {
  /** A participant that is silent for so many whole seconds counts as gone. Default: 10. */
  readonly ttl?: number;
}

const defaultTtl = 10;

/*
 * Everyone who is in has a key of its own below `in/`. Whoever finds as many as are needed puts
 * `open`, and nobody comes in while that is there. So from then on keys only go; the round is over
 * when none is left, and whoever finds that out deletes `open`.
 */

/** Where `count` participants begin together and end together, round after round. */
export class DoubleBarrier {
  readonly count: number;
  readonly #kv: RecipeKv;
  readonly #all: KeyRange;
  readonly #under: string;
  readonly #inside: KeyRange;
  readonly #open: Uint8Array;

  /** `count`: whole, from 1 on, and the same for everyone who enters. */
  constructor(kv: RecipeKv, name: string, count: number) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`A barrier is for a whole number of participants from 1; got ${count}.`);
    }
    const place = `${placeOf('double-barrier', name)}/`;
    this.count = count;
    this.#kv = kv;
    this.#all = allUnder(place);
    this.#under = `${place}in/`;
    this.#inside = allUnder(this.#under);
    this.#open = utf8(`${place}open`);
  }

  /**
   * Waits until everyone of the round before has left and all of this one have come. Who dies while
   * it waits does not count; nor does who stops waiting.
   *
   * @throws the reason of the signal; `RecipeError` `KV_BARRIER_FULL` if as many others are in
   *   already, and `KV_NOT_HELD` if the lease ended while it waited.
   */
  async enter({ ttl = defaultTtl, signal }: EnterOptions = {}): Promise<BarrierPlace> {
    const own = await this.#come(ttl, signal);
    const linked = linkSignals(signal, own.signal);
    try {
      const openedAt = await this.#untilOpen(own, linked.signal);
      return new BarrierPlace(own, (options) => this.#untilOver(openedAt, options));
    } catch (error) {
      own.releaseInBackground();
      throw error;
    } finally {
      linked.unlink();
    }
  }

  /** Puts the own key, once there is no round under way. */
  async #come(ttl: number, signal: AbortSignal | undefined): Promise<LeasedKey> {
    for (;;) {
      const { own, response } = await LeasedKey.create(this.#kv, {
        under: this.#under,
        ttl,
        signal,
        compare: [createdAt(this.#open, 0)],
        otherwise: [{ type: 'range', key: this.#open, keysOnly: true }],
      });
      if (own !== undefined) return own;
      const openedAt = createRevisionIn(response.results[0]);
      if (openedAt === undefined)
        throw new TypeError('The lease of a participant is not a new one.');
      await this.#untilOver(openedAt, { signal });
    }
  }

  /** Resolves to the revision that opened the round of the own key. */
  async #untilOpen(own: LeasedKey, signal: AbortSignal): Promise<Revision> {
    for (;;) {
      const { openedAt, inside, revision } = await this.#look({ signal });
      own.guard(revision + 1);
      const rank = inside.findIndex((participant) => isSameKey(participant.key, own.key));
      if (rank < 0) throw notHeld(own.key, 'its lease has ended');
      // Those who made it open may have left by now.
      if (openedAt !== undefined) return openedAt;
      if (rank >= this.count) throw this.#full(own);
      // That all were in at that moment is enough, whoever has died since.
      if (inside.length >= this.count) return this.#openNow(own, signal);
      // Once it is open, look again: the own lease may have ended before.
      await this.#seeOpen(revision + 1, signal);
    }
  }

  async #openNow(own: LeasedKey, signal: AbortSignal): Promise<Revision> {
    const key = this.#open;
    const { succeeded, revision, results } = await own.commit(
      when(
        [createdAt(key, 0)],
        [{ type: 'put', key, value: new Uint8Array() }],
        [{ type: 'range', key, keysOnly: true }],
      ),
      { signal },
    );
    return succeeded ? revision : (createRevisionIn(results[0]) ?? revision);
  }

  /** Resolves once it was opened, or may have been: its history may be compacted. */
  async #seeOpen(from: Revision, signal: AbortSignal): Promise<void> {
    try {
      const request = { key: this.#open, from, without: 'delete' } as const;
      for await (const { type } of eventsOf(this.#kv, request, signal)) if (type === 'put') return;
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
  }

  /** Resolves once nobody is left of the round that was opened then. */
  async #untilOver(openedAt: Revision, { signal }: CallOptions): Promise<void> {
    for (;;) {
      const now = await this.#look({ signal });
      // While it is open nobody comes in: whoever is in is of this round.
      if (now.openedAt !== openedAt) return;
      const left = new Set(now.inside.map(({ key }) => textOf(key)));
      if (left.size === 0 || (await this.#untilGone(left, now.revision + 1, signal))) break;
    }
    const key = this.#open;
    const compare = [createdAt(key, openedAt), isEmpty(this.#inside)];
    await this.#kv.commit(when(compare, [{ type: 'delete', key }]), { signal });
  }

  /** `false`: the history is gone, so look again. */
  async #untilGone(
    left: Set<string>,
    from: Revision,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    try {
      const request = { ...this.#inside, from, without: 'put' } as const;
      for await (const { type, kv } of eventsOf(this.#kv, request, signal)) {
        if (type === 'delete') left.delete(textOf(kv.key));
        if (left.size === 0) return true;
      }
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
    return false;
  }

  async #look(options: CallOptions): Promise<{
    readonly openedAt: Revision | undefined;
    readonly inside: readonly KeyValue[];
    readonly revision: Revision;
  }> {
    const sort = { target: 'create', order: 'ascend' } as const;
    const { kvs, revision } = await this.#kv.read({ ...this.#all, sort, keysOnly: true }, options);
    const open = kvs.find(({ key }) => isSameKey(key, this.#open));
    return { openedAt: open?.createRevision, inside: kvs.filter((kv) => kv !== open), revision };
  }

  #full(own: LeasedKey): RecipeError {
    const message =
      `The barrier is for ${this.count}, and as many others are in it already. ` +
      'If one of them is a process that died, it is out when the time of its lease is over.';
    return new RecipeError('KV_BARRIER_FULL', message, { key: textOf(own.key) });
  }
}

/** A place in a round that has begun. */
export class BarrierPlace implements AsyncDisposable {
  readonly #own: LeasedKey;
  readonly #untilOver: (options: CallOptions) => Promise<void>;

  constructor(own: LeasedKey, untilOver: (options: CallOptions) => Promise<void>) {
    this.#own = own;
    this.#untilOver = untilOver;
  }

  get key(): string {
    return textOf(this.#own.key);
  }

  /** Aborts when the others may take this one for gone. Never by `leave`. */
  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Leaves, and waits until all others of the round have, or are taken for gone. */
  async leave(options: CallOptions = {}): Promise<void> {
    await this.#own.release(options);
    await this.#untilOver(options);
  }

  /** Leaves without waiting for the others. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#own.release();
  }
}

function createRevisionIn(result: TxnResult | undefined): Revision | undefined {
  return result?.type === 'range' ? result.kvs[0]?.createRevision : undefined;
}
