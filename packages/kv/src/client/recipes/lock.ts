import { Held } from './held.ts';
import { allUnder, isEmpty, placeOf } from './keys.ts';
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
export class Lock extends Held {
  /**
   * Lets the next one have it. If this fails, the lock is free at the latest when its time is over.
   * A second call does nothing.
   */
  unlock(options: CallOptions = {}): Promise<void> {
    return this.own.release(options);
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
