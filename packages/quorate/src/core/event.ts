import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  ReadIndexRequest,
  TimeoutNowRequest,
  VoteRequest,
  VoteResponse,
} from './message.ts';
import type {
  LogIndex,
  Membership,
  NodeId,
  NodeInfo,
  Payload,
  SnapshotMeta,
  Term,
} from './types.ts';

/** Ties our answer to a question put to us. Each event with one gets exactly one `reply`. */
export type RequestId = number;

/**
 * Ties an answer to a call of ours. Grows with every call, so it also says what was sent after
 * what. An answer to a call that is no longer awaited is late and is ignored.
 */
export type CallId = number;

export type MembershipChange =
  | { type: 'addLearner'; id: NodeId; info: NodeInfo }
  | { type: 'updateNode'; id: NodeId; info: NodeInfo }
  | { type: 'removeLearner'; id: NodeId }
  | { type: 'changeVoters'; voters: readonly NodeId[]; keepRemoved: boolean };

/** Everything that can happen to a node. */
export type Event =
  // Time passes.
  | { type: 'wake' }
  // The application asks.
  | { type: 'initialize'; request: RequestId; membership: Membership }
  /** All that arrived since the last turn: accepted as one run of entries, or refused as one. */
  | { type: 'propose'; request: RequestId; payloads: readonly Payload[] }
  /** `lease` is answered at once while the lease holds, and is a quorum read else. */
  | { type: 'readIndex'; request: RequestId; mode: ReadIndexRequest['mode'] }
  /** Without `to`, to the voter that is furthest. */
  | { type: 'transferLeadership'; request: RequestId; to?: NodeId | undefined }
  | { type: 'changeMembership'; request: RequestId; change: MembershipChange }
  /** The disk has lost what this node promised: from now on it counts for nothing. */
  | { type: 'quarantine'; reason: string }
  // Another node asks.
  | { type: 'requestVote'; request: RequestId; rpc: VoteRequest }
  | { type: 'appendEntries'; request: RequestId; rpc: AppendEntriesRequest }
  | { type: 'installSnapshot'; request: RequestId; rpc: InstallSnapshotRequest }
  | { type: 'timeoutNow'; request: RequestId; rpc: TimeoutNowRequest }
  // A call of ours went out, was answered, or was not.
  /**
   * What of a `replicate` range went out: `last` may be lower than asked, by `maxAppendBytes`. Left
   * out if `appendAnswered` follows at once and all went out.
   */
  | { type: 'sent'; call: CallId; last: LogIndex }
  | { type: 'voteAnswered'; call: CallId; response: VoteResponse }
  | { type: 'appendAnswered'; call: CallId; response: AppendEntriesResponse }
  | { type: 'snapshotAnswered'; call: CallId; response: InstallSnapshotResponse }
  /** The leader of `term` named `index` as committed, for a read on this node. */
  | { type: 'readIndexAnswered'; term: Term; index: LogIndex }
  /** `hadNoEffect`: it certainly did not arrive, or was refused, and will do nothing later. */
  | { type: 'unanswered'; call: CallId; hadNoEffect?: true }
  // The disk and the state machine report.
  /** Every write up to this number is durable. */
  | { type: 'persisted'; write: number }
  | { type: 'applied'; index: LogIndex }
  /** A snapshot of what was applied here is saved; the log up to `purgeTo` is not needed for it. */
  | { type: 'snapshotBuilt'; meta: SnapshotMeta; purgeTo: LogIndex }
  /** What `receiveSnapshot` asked for is saved, whole and verified. */
  | { type: 'snapshotReceived'; request: RequestId; meta: SnapshotMeta }
  /** It did not come whole, or not at the right place; `stored` bytes of it are kept aside. */
  | { type: 'snapshotFailed'; request: RequestId; stored: number };
