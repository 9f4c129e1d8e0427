import type {
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchBatch,
  WatchRequest,
} from '../../types.ts';
import { Collection } from '../collection.ts';
import { Barrier } from './barrier.ts';
import { Counter } from './counter.ts';
import { DoubleBarrier } from './double-barrier.ts';
import { Election } from './election.ts';
import type { CallOptions, RecipeKv, RecipeLease } from './kv.ts';
import { type Lock, type LockOptions, lock, tryLock } from './lock.ts';
import type { StandardSchema } from './standard-schema.ts';

/**
 * What a client can do besides its calls: recipes, made of reads, transactions, leases and watches.
 * Each waits as long as its signal allows. They keep their keys under `quorate/`, except for
 * collections, which have a name of their own there.
 */
export abstract class WithRecipes implements RecipeKv {
  abstract read(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>;
  abstract commit(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>;
  abstract follow(request: WatchRequest, options?: CallOptions): AsyncIterable<WatchBatch>;
  abstract grantLease(ttlSeconds: number, options?: CallOptions): Promise<RecipeLease>;

  /**
   * Waits for the lock `name`, and takes it: one holder at a time, in the order in which they came.
   * It is kept alive until `unlock`, at the end of its `await using` block, or until the process
   * has been silent for its `ttl`. The same process cannot take it twice.
   *
   * @throws the reason of the signal; `RecipeError` `KV_NOT_HELD` if its lease ended while it
   *   waited; `KvError`.
   */
  lock(name: string, options?: LockOptions): Promise<Lock> {
    return lock(this, name, options);
  }

  /** Takes the lock if nobody has it or waits for it, and resolves to `undefined` otherwise. */
  tryLock(name: string, options?: LockOptions): Promise<Lock | undefined> {
    return tryLock(this, name, options);
  }

  /** An election: any number of candidates, and one leader at a time. */
  election(name: string): Election {
    return new Election(this, name);
  }

  /** A whole number that many add to. Keep it for as long as you add: it gathers what waits. */
  counter(name: string): Counter {
    return new Counter(this, name);
  }

  /** Something that many wait for, and one lets go of. */
  barrier(name: string): Barrier {
    return new Barrier(this, name);
  }

  /** Where `count` participants begin together and end together, round after round. */
  doubleBarrier(name: string, count: number): DoubleBarrier {
    return new DoubleBarrier(this, name, count);
  }

  /**
   * Documents under `name/`, checked by a schema of any library that follows the Standard Schema.
   *
   * @throws {TypeError} if the name is empty, or `quorate`, which is taken.
   */
  collection<Schema extends StandardSchema>(name: string, schema: Schema): Collection<Schema> {
    return new Collection(this, name, schema);
  }
}
