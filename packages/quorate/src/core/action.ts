import type { CallId, RequestId } from './event.ts';
import type {
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  VoteRequest,
  VoteResponse,
} from './message.ts';
import type { Entry, LogId, LogIndex, NodeId, SnapshotMeta, Term, Vote } from './types.ts';

/**
 * Everything a node can do. The driver may start each action as soon as it gets it. An answer that
 * must wait for the disk is held back inside the core and appears after the `persisted` event.
 */
export type Action =
  /** Write in this order: vote, truncate, append. Then report `persisted` with the same number. */
  | { type: 'persist'; write: number; vote?: Vote; truncate?: LogIndex; append?: readonly Entry[] }
  | { type: 'reply'; request: RequestId; answer: Answer }
  | { type: 'requestVote'; call: CallId; to: NodeId; rpc: VoteRequest }
  /**
   * Send entries after `previous`, at most up to `last`: the longest run within `maxAppendBytes`,
   * at least one; then report `sent` at once, or nothing if the answer to all of it is there at
   * once. A heartbeat has `previous` = `last` = the match index, so it may overtake entries and is
   * still understood.
   */
  | { type: 'replicate'; call: CallId; to: NodeId; range: Replication }
  /** Send the newest snapshot, then report `snapshotAnswered` or `unanswered`. */
  | { type: 'sendSnapshot'; call: CallId; to: NodeId; term: Term }
  /** Ask `to` to campaign at once. Report `unanswered` if that fails, and an answer not at all. */
  | { type: 'timeoutNow'; call: CallId; to: NodeId; term: Term }
  /** Apply everything up to `index`, then report `applied`. Never ahead of the local disk. */
  | { type: 'apply'; index: LogIndex }
  /** Save what the request brings, aside; then report `snapshotReceived` or `snapshotFailed`. */
  | { type: 'receiveSnapshot'; request: RequestId; rpc: InstallSnapshotRequest }
  /** Replace the state machine's state by the saved snapshot's, then report `applied`. */
  | { type: 'restore'; meta: SnapshotMeta }
  /** Remove the start of the log, in order with what is persisted; nothing is reported. */
  | { type: 'purge'; logId: LogId };

/** An AppendEntries request without its entries; `node/replicator.ts` fills them in. */
export interface Replication {
  readonly term: Term;
  readonly previous: LogId;
  readonly last: LogIndex;
  readonly committed: LogIndex;
}

export type Answer =
  | { type: 'accepted'; first: LogId; count: number }
  /** Everything acknowledged before the question is at or below `index`; `term` is the leader's. */
  | { type: 'readable'; term: Term; index: LogIndex }
  | { type: 'vote'; response: VoteResponse }
  | { type: 'append'; response: AppendEntriesResponse }
  | { type: 'snapshot'; response: InstallSnapshotResponse }
  | { type: 'done' }
  | { type: 'refused'; why: Refusal };

/** Why a question was refused. `node/raft.ts` turns each into its error class. */
export type Refusal =
  | { type: 'notLeader'; leader: NodeId | undefined }
  | { type: 'changeInProgress'; logId: LogId }
  | { type: 'invalidMembership'; reason: string }
  | { type: 'alreadyInitialized' }
  /** A leader that hands over to `to` takes nothing new; until it has, or has failed to. */
  | { type: 'transferring'; to: NodeId }
  | { type: 'invalidTransfer'; reason: string }
  /** `isUnknown`: whoever was to take over was asked to, and may still do so. */
  | { type: 'transferFailed'; reason: string; isUnknown: boolean };
