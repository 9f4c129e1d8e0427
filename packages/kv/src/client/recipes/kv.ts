import type {
  LeaseId,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchBatch,
  WatchRequest,
} from '../../types.ts';

export interface CallOptions {
  /** Once it aborts, the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A lease that keeps itself alive. */
export interface RecipeLease {
  readonly id: LeaseId;
  /** Aborts when it may have expired, and before it can have expired anywhere else. */
  readonly signal: AbortSignal;
  /**
   * Ends the lease, and deletes its keys. Whatever comes of that, it is not kept alive from the
   * call on.
   */
  revoke(options?: CallOptions): Promise<unknown>;
}

/** What the recipes need of a client, and nothing else of it. */
export interface RecipeKv {
  /** A linearizable read. */
  read(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>;

  /** A transaction that takes effect once, however often it has to be sent. */
  commit(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>;

  /**
   * Every change from `request.from` on, once and in order, also when members fail.
   *
   * @throws {KvError} `KV_COMPACTED` when what comes next is gone.
   */
  follow(request: WatchRequest, options?: CallOptions): AsyncIterable<WatchBatch>;

  /** A lease of so many whole seconds. */
  grantLease(ttl: number, options?: CallOptions): Promise<RecipeLease>;
}
