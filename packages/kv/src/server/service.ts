import type {
  KvStatus,
  LeaseId,
  LeaseTimeToLive,
  RangeRequest,
  RangeResponse,
  Revision,
  WatchBatch,
  WatchRequest,
} from '../types.ts';

export interface SessionNumber {
  /** As `openSession` gave it. */
  readonly id: number;
  /** Of the message: 1, 2, 3... A number that comes again is answered as it was. */
  readonly sequence: number;
}

export interface CallContext {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export type { KvStatus, MemberStatus } from '../types.ts';

/**
 * What a member does for its clients, whichever way they ask: the HTTP API and the native protocol
 * are both made of this and of nothing else. Everything rejects with a `KvError`.
 */
export interface KvService {
  /** Opens a session for a client that numbers its writes. */
  openSession(context: CallContext): Promise<number>;
  closeSession(id: number, context: CallContext): Promise<void>;

  /**
   * Checks a command (encoded operations), replicates it, and resolves to the encoded results, one
   * for each operation. Any member takes it. With a session number it takes effect once.
   */
  write(
    command: Uint8Array,
    context: CallContext & { readonly session?: SessionNumber },
  ): Promise<Uint8Array>;

  /** Resolves once this member's state is new enough for a linearizable read. */
  barrier(context: CallContext): Promise<void>;

  /** Reads the state of this member as it is now; linearizable after `barrier`. */
  range(request: RangeRequest): RangeResponse;

  /**
   * Yields everything from `request.from` on. A watcher that reads slowly makes the next batch
   * larger, and costs nothing else.
   *
   * @throws {KvError} `KV_COMPACTED` when what comes next has been compacted, and `KV_LIMIT`.
   */
  watch(request: WatchRequest, context: CallContext): AsyncIterable<WatchBatch>;

  /** Gives the lease its whole time again, and resolves to that, in seconds. */
  leaseKeepAlive(id: LeaseId, context: CallContext): Promise<{ readonly ttl: number }>;
  leaseTimeToLive(
    id: LeaseId,
    context: CallContext & { readonly keys?: boolean },
  ): Promise<LeaseTimeToLive>;
  leases(context: CallContext): Promise<readonly LeaseId[]>;

  status(): KvStatus;
  /** The hash of the whole state, at its revision. */
  hash(): { readonly revision: Revision; readonly hash: string };
  /** Hands leadership over, to `to` or to whoever is furthest. */
  transferLeadership(to: string | undefined, context: CallContext): Promise<void>;
}
