import type {
  KvStatus,
  LeaseId,
  LeaseTimeToLive,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
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

  /**
   * Reads the state of this member as it is now; linearizable after `barrier`. What is not in
   * memory is answered later, and is of the moment of the call all the same.
   *
   * @param mostBytes of all pairs in the answer, with 40 for each beside its key and its value.
   * @throws {KvError} `KV_TOO_LARGE` if they have more, before the answer is made.
   */
  range(request: RangeRequest, mostBytes?: number): RangeResponse | Promise<RangeResponse>;

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

  /**
   * The whole store at one revision, as a backup file; it is made while it is read, and changes
   * nothing. Everything that was acknowledged before the call is in it; with `serializable`, what
   * this member has.
   *
   * @throws {KvError} `KV_LIMIT` if as many are being read as may be.
   */
  snapshot(context: CallContext & { readonly serializable?: boolean }): AsyncIterable<Uint8Array>;

  status(): KvStatus;
  /** The hash of the whole state, at its revision. */
  hash(): { readonly revision: Revision; readonly hash: string };

  /**
   * Adds a learner. Its process may run already, or be started later by `join`.
   *
   * @throws {KvError} `KV_MEMBERSHIP` if the name was used before, or the address is another's.
   */
  memberAdd(request: MemberAddRequest, context: CallContext): Promise<MembershipChange>;
  /**
   * Makes a learner a voter, once it has caught up; that is waited for as long as the cluster's
   * `catchUpTimeoutMs` says.
   *
   * @throws {KvError} `KV_MEMBERSHIP`, which says how far behind it is, `KV_MEMBER_NOT_FOUND`.
   */
  memberPromote(request: MemberPromoteRequest, context: CallContext): Promise<MembershipChange>;
  /**
   * Removes a member, whose name never comes back. A leader hands over first.
   *
   * @throws {KvError} `KV_MEMBERSHIP` if the others could not go on, `KV_MEMBER_NOT_FOUND`.
   */
  memberRemove(request: MemberRemoveRequest, context: CallContext): Promise<MembershipChange>;
  /** Hands leadership over, to `to` or to whoever is furthest. */
  transferLeadership(to: string | undefined, context: CallContext): Promise<void>;
}
