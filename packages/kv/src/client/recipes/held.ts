import type { Revision, TxnRequest, TxnResponse } from '../../types.ts';
import type { Txn } from '../txn.ts';
import { textOf } from './keys.ts';
import type { CallOptions } from './kv.ts';
import type { LeasedKey } from './leased-key.ts';

/** What one holder at a time has, by a key of its own that lives as long as its lease. */
export abstract class Held implements AsyncDisposable {
  protected readonly own: LeasedKey;

  constructor(own: LeasedKey) {
    this.own = own;
  }

  /** The key that stands for the holder. */
  get key(): string {
    return textOf(this.own.key);
  }

  /**
   * Higher than that of every holder before. Where something outside the store must obey the newest
   * holder only, send it along, and let that refuse a token lower than the highest it has seen.
   */
  get fencingToken(): Revision {
    return this.own.createRevision;
  }

  /**
   * Aborts when it may be lost: the lease could not be kept alive, or somebody deleted the key.
   * Never when it is given back. A process that stood still learns of it late, so it is no fence:
   * that is `commit`, and the token.
   */
  get signal(): AbortSignal {
    return this.own.signal;
  }

  /**
   * A transaction that the store takes only if this is still held at that moment, whatever this
   * process believes.
   *
   * @throws {RecipeError} `KV_NOT_HELD` if it is not; nothing was changed then.
   */
  commit(request: TxnRequest, options: CallOptions = {}): Promise<TxnResponse> {
    return this.own.commit(request, options);
  }

  /** Begins such a transaction: `txn().if(...).then(...).else(...).commit()`. */
  txn(): Txn {
    return this.own.txn();
  }

  /** Gives it back. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.own.release({});
  }
}
