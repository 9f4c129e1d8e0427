import type { KvError } from '../errors.ts';
import type {
  KvStatus,
  LeaseId,
  LeaseTimeToLive,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberStatus,
  MembershipChange,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
  Revision,
  WatchBatch,
  WatchRequest,
} from '../types.ts';

/** What is asked rarely: parameters and answer of each method. */
export interface ColdMethods {
  openSession: { readonly params: Empty; readonly answer: number };
  closeSession: { readonly params: { readonly id: number }; readonly answer: undefined };
  status: { readonly params: Empty; readonly answer: KvStatus };
  leases: { readonly params: Empty; readonly answer: readonly LeaseId[] };
  leaseTimeToLive: {
    readonly params: { readonly id: LeaseId; readonly keys: boolean };
    readonly answer: LeaseTimeToLive;
  };
  memberAdd: { readonly params: MemberAddRequest; readonly answer: MembershipChange };
  memberPromote: { readonly params: MemberPromoteRequest; readonly answer: MembershipChange };
  memberRemove: { readonly params: MemberRemoveRequest; readonly answer: MembershipChange };
  transferLeadership: { readonly params: { readonly to?: string }; readonly answer: undefined };
}

export type Empty = Readonly<Record<string, never>>;
export type ColdMethod = keyof ColdMethods;

/** Operations that go as one message. */
export interface CommandBatch {
  readonly count: number;
  readonly byteLength: number;
  /** @throws {KvError} `KV_INVALID`; the batch is as it was then. */
  add(operation: Operation): void;
  /** Nothing is added any more; before another batch is begun. */
  seal(): void;
  /** Two batches with half of the operations each. Called with two operations at least. */
  split(): readonly [CommandBatch, CommandBatch];
  /** A batch of those that stand at these places. Called with two operations at least. */
  pick(places: readonly number[]): CommandBatch;
}

export interface WriteMessage {
  readonly session: number;
  readonly sequence: number;
  readonly batch: CommandBatch;
}

export interface TransportOptions {
  readonly timeoutMs: number;
}

/** What a client hears of its watches at one member. Nothing comes after `onClosed`. */
export interface WatchReceiver {
  /** Whole revisions, in order. */
  onBatch(watch: number, batch: WatchBatch): void;
  /** Everything up to this revision was told. */
  onProgress(watch: number, revision: Revision): void;
  onEnded(watch: number, error: KvError): void;
  /** All of them ended, because the way to the member did. */
  onClosed(error: KvError): void;
}

/** All watches of a client at one member. */
export interface WatchStream {
  /** `watch`: a number that was not used on this stream before. */
  add(watch: number, request: WatchRequest): void;
  remove(watch: number): void;
  close(): void;
}

/**
 * The way to one member. Everything rejects with a `KvError` whose `maybeApplied` is true if the
 * member may have got what was sent. Nothing is ever sent twice by a transport.
 */
export interface Transport {
  write(message: WriteMessage, options: TransportOptions): Promise<readonly Result[]>;
  /** An answer or a refusal for each, in their order. Linearizable unless `serializable`. */
  ranges(
    requests: readonly RangeRequest[],
    options: TransportOptions & { readonly serializable: boolean },
  ): Promise<readonly (RangeResponse | KvError)[]>;
  /** The whole time of each lease, in seconds; 0 if there is no such lease. */
  keepAlive(ids: readonly LeaseId[], options: TransportOptions): Promise<readonly number[]>;
  cold<Method extends ColdMethod>(
    method: Method,
    params: ColdMethods[Method]['params'],
    options: TransportOptions,
  ): Promise<ColdMethods[Method]['answer']>;
  openWatches(receiver: WatchReceiver): WatchStream;
  /** The whole store as a backup file. It ends only if that does, whole. */
  snapshot(options: {
    readonly serializable: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<Uint8Array>;
  /** Ends everything that is under way. Resolves when no socket and no timer is left. */
  close(): Promise<void>;
}

/** A kind of transport: how messages look, and how members are reached. */
export interface Wire {
  /** @throws {RangeError} if this is no address. */
  connect(address: string): Transport;
  /** The same for all ways to write one address. */
  nameOf(address: string): string;
  /** Where this kind of transport reaches a member, if it says so. */
  addressOf(member: MemberStatus): string | undefined;
  newBatch(): CommandBatch;
  /** A batch that has as much does not wait for more. */
  readonly fullBatch: { readonly count: number; readonly bytes: number };
  /** The same for reads. */
  readonly fullRead: { readonly count: number };
  /** Messages that are under way at a time, of writes as of reads. */
  readonly maxUnanswered: number;
  /**
   * How long one try waits for its answer at most; then another member is asked. Infinity if the
   * transport itself finds out that the other side is gone.
   */
  readonly attemptMs: number;
}
