import type { LogId, LogIndex, NodeId, NodeInfo } from './core/types.ts';

export type RaftErrorCode =
  | 'RAFT_NOT_LEADER'
  | 'RAFT_LEADERSHIP_LOST'
  | 'RAFT_CHANGE_IN_PROGRESS'
  | 'RAFT_INVALID_MEMBERSHIP'
  | 'RAFT_ALREADY_INITIALIZED'
  | 'RAFT_TRANSFER_FAILED'
  | 'RAFT_OVERLOADED'
  | 'RAFT_BEHIND'
  | 'RAFT_REFUSED'
  | 'RAFT_SESSION_EXPIRED'
  | 'RAFT_ENTRY_NOT_FOUND'
  | 'RAFT_DAMAGED'
  | 'RAFT_LOCKED'
  | 'RAFT_UNREACHABLE'
  | 'RAFT_WRONG_TARGET'
  | 'RAFT_UNSUPPORTED'
  | 'RAFT_STOPPED'
  | 'RAFT_FATAL';

export interface RaftErrorOptions {
  readonly cause?: unknown;
  /** See {@link RaftError.maybeApplied}. Default `false`. */
  readonly maybeApplied?: boolean;
}

/**
 * The base of every error the library throws on purpose, apart from aborted calls (which throw
 * `signal.reason`, as in Node) and wrong arguments (`TypeError`, `RangeError`).
 *
 * Compare `code`, not the class: two copies of a package have two classes.
 */
export abstract class RaftError extends Error {
  abstract readonly code: RaftErrorCode;
  /**
   * `false`: the write certainly did not and will not take effect, so it may be sent again.
   * `true`: it may have. Repeat it only if the state machine can recognise a repetition.
   */
  readonly maybeApplied: boolean;

  constructor(message: string, options: RaftErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.maybeApplied = options.maybeApplied ?? false;
  }
}

/** A node that a caller can turn to instead. */
export interface LeaderHint {
  readonly id: NodeId;
  readonly info: NodeInfo;
}

/** This node cannot answer; `leader` is the node that probably can. */
export class NotLeaderError extends RaftError {
  readonly code = 'RAFT_NOT_LEADER';
  readonly leader: LeaderHint | undefined;

  constructor(
    message: string,
    options: RaftErrorOptions & { leader?: LeaderHint | undefined } = {},
  ) {
    super(message, options);
    this.leader = options.leader;
  }
}

/** The node lost leadership after the command entered its log. Another leader may commit it. */
export class LeadershipLostError extends RaftError {
  readonly code = 'RAFT_LEADERSHIP_LOST';
  readonly logId: LogId;

  constructor(message: string, options: RaftErrorOptions & { logId: LogId }) {
    super(message, options);
    this.logId = options.logId;
  }
}

/** Another membership change is under way. It ends when `logId` is committed. */
export class ChangeInProgressError extends RaftError {
  readonly code = 'RAFT_CHANGE_IN_PROGRESS';
  readonly logId: LogId;

  constructor(message: string, options: RaftErrorOptions & { logId: LogId }) {
    super(message, options);
    this.logId = options.logId;
  }
}

/** The change would leave no voters, or names a voter that is not yet a learner. */
export class InvalidMembershipError extends RaftError {
  readonly code = 'RAFT_INVALID_MEMBERSHIP';
}

/** `initialize` was called on a node that already has a log or a vote. */
export class AlreadyInitializedError extends RaftError {
  readonly code = 'RAFT_ALREADY_INITIALIZED';
}

/**
 * Leadership was not handed over: nobody can take it, or whoever was to take it did not in time.
 * With `maybeApplied` that is not known for good: the target was asked to take over, and may still
 * do so. Also what a membership change gets while it is being handed over; try again after that.
 */
export class TransferError extends RaftError {
  readonly code = 'RAFT_TRANSFER_FAILED';
}

/** Too much is waiting already (the message names the bound); nothing was queued. */
export class OverloadedError extends RaftError {
  readonly code = 'RAFT_OVERLOADED';
}

/**
 * The state of this node is not as new as a read needs it. It did not become so in time, or never
 * will, since the node is in quarantine; the message says which. Another node may do better.
 */
export class BehindError extends RaftError {
  readonly code = 'RAFT_BEHIND';
}

/**
 * The leader did not take a command that another node passed on to it: its `validate` threw, or it
 * could not decode the bytes. The message says which, and nothing was logged.
 */
export class RefusedError extends RaftError {
  readonly code = 'RAFT_REFUSED';
}

/**
 * The session is over: it was closed, or others were used after it and there was no room for all.
 * This write took no effect, unless `maybeApplied` says that an earlier try of it may have.
 */
export class SessionExpiredError extends RaftError {
  readonly code = 'RAFT_SESSION_EXPIRED';
}

/** A log store was asked for an entry it does not have. */
export class EntryNotFoundError extends RaftError {
  readonly code = 'RAFT_ENTRY_NOT_FOUND';
}

/**
 * What is on the disk is not what was written there. Nothing was cut or repaired: the node must not
 * start from it, since it would forget what it has acknowledged.
 */
export class DamagedError extends RaftError {
  readonly code = 'RAFT_DAMAGED';
  readonly file: string;
  /** Where in the file, in bytes. */
  readonly offset: number;
  /** The entry that is expected there. */
  readonly index: LogIndex;

  constructor(
    message: string,
    options: RaftErrorOptions & { file: string; offset: number; index: LogIndex },
  ) {
    super(message, options);
    this.file = options.file;
    this.offset = options.offset;
    this.index = options.index;
  }
}

/** The directory is in use by another process, or by another store of this one. */
export class LockedError extends RaftError {
  readonly code = 'RAFT_LOCKED';
}

/** Thrown by a network: the target did not answer. The library backs off and tries again. */
export class UnreachableError extends RaftError {
  readonly code = 'RAFT_UNREACHABLE';
}

/** A call reached a node, a disk or a cluster other than the one it was meant for. */
export class WrongTargetError extends RaftError {
  readonly code = 'RAFT_WRONG_TARGET';
}

/** This version of the library, or of the peer, cannot do that. The message says what can. */
export class UnsupportedError extends RaftError {
  readonly code = 'RAFT_UNSUPPORTED';
}

/** The node was closed. */
export class StoppedError extends RaftError {
  readonly code = 'RAFT_STOPPED';
}

/** Storage or the state machine failed, and the node stopped to keep its promises. See `cause`. */
export class FatalError extends RaftError {
  readonly code = 'RAFT_FATAL';
}
