import type { Revision, TxnRequest, TxnResponse } from '../../types.ts';
import type { Txn } from '../txn.ts';
import { allUnder, isEmpty, placeOf, textOf } from './keys.ts';
import type { CallOptions, RecipeKv } from './kv.ts';
import { LeasedKey } from './leased-key.ts';
import { waitForTurn } from './queue.ts';

export interface LockOptions extends CallOptions {
  /** A holder that is silent for so many whole seconds loses the lock. Default: 10. */
  readonly ttl?: number;
}

const defaultTtl = 10;

/**
 * A lock that is held. It cannot be taken twice: who holds it and asks for it again waits for
 * itself.
 */
export class Lock implements AsyncDisposable {
  readonly #own: LeasedKey;

  constructor(own: LeasedKey) {
    this.#own = own;
  }

  /** The key that stands for the holder. */
  get key(): string {
    return textOf(this.#own.key);
  }

  /**
   * Higher than that of every holder before. Where the lock guards something outside the store,
   * send it along, and let that refuse a token lower than the highest it has seen.
   */
  get fencingToken(): Revision {
    return this.#own.createRevision;
  }

  /**
   * Aborts when the lock may be lost: the lease could not be kept alive, or somebody deleted the
   * key. Never by `unlock`. A process that stood still learns of it late, so it is no fence: that
   * is `commit`, and the token.
   */
  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /**
   * A transaction that the store takes only if the lock is still held at that moment, whatever this
   * process believes.
   *
   * @throws {RecipeError} `KV_NOT_HELD` if it is not; nothing was changed then.
   */
  commit(request: TxnRequest, options: CallOptions = {}): Promise<TxnResponse> {
    return this.#own.commit(request, options);
  }

  /** Begins such a transaction: `txn().if(...).then(...).else(...).commit()`. */
  txn(): Txn {
    return this.#own.txn();
  }

  /**
   * Lets the next one have it. If this fails, the lock is free at the latest when its time is over.
   * A second call does nothing.
   */
  unlock(options: CallOptions = {}): Promise<void> {
    return this.#own.release(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unlock();
  }
}

/**
 * Waits for the lock `name`, and takes it. Who came first has it first; who stops waiting or dies
 * is passed over. Each has a lease of its own that is kept alive until `unlock`.
 *
 * @throws the reason of the signal; `RecipeError` `KV_NOT_HELD` if the lease ended while it waited;
 *   `KvError` of the client.
 */
export async function lock(kv: RecipeKv, name: string, options: LockOptions = {}): Promise<Lock> {
  const { ttl = defaultTtl, signal } = options;
  const under = `${placeOf('lock', name)}/`;
  const { own } = await LeasedKey.create(kv, { under, ttl, signal });
  if (own === undefined) throw new TypeError(`The lease of the lock "${name}" is not a new one.`);
  await waitForTurn(kv, { range: allUnder(under), own, signal });
  return new Lock(own);
}

/** Takes the lock if nobody has it or waits for it, and resolves to `undefined` otherwise. */
export async function tryLock(
  kv: RecipeKv,
  name: string,
  options: LockOptions = {},
): Promise<Lock | undefined> {
  const { ttl = defaultTtl, signal } = options;
  const under = `${placeOf('lock', name)}/`;
  const range = allUnder(under);
  // Most of those who come in vain need no lease.
  const { count } = await kv.read({ ...range, countOnly: true }, { signal });
  if (count > 0) return undefined;
  const { own } = await LeasedKey.create(kv, { under, ttl, signal, compare: [isEmpty(range)] });
  if (own === undefined) return undefined;
  own.guard(own.createRevision + 1);
  return new Lock(own);
}
