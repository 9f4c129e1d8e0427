import type { Refusal } from '../core/action.ts';

/** Why somebody was refused: a reason of the core, or a queue that is full. */
export type RefusalKind = Refusal['type'] | 'overloaded';

/** What has happened on a node since it was started. */
export interface Counts {
  /** Elections that this node stood in; pre-votes are none. */
  readonly elections: number;
  /** How often a leader became known here that was not before, or the same in a new term. */
  readonly leaderChanges: number;
  /** AppendEntries calls sent with entries, the entries in them, and calls sent without. */
  readonly appendsSent: number;
  readonly entriesSent: number;
  readonly heartbeatsSent: number;
  /** The same, as they came in. */
  readonly appendsReceived: number;
  readonly entriesReceived: number;
  readonly heartbeatsReceived: number;
  /** Calls of the protocol to other nodes that stayed without an answer, or could not be made. */
  readonly callsUnanswered: number;
  readonly snapshotsBuilt: number;
  readonly snapshotsSent: number;
  readonly snapshotsReceived: number;
  /** Snapshots that could not be built or sent, and transfers to this node that broke off. */
  readonly snapshotsFailed: number;
  /** Writes, reads, changes and other questions that were refused here, by the reason. */
  readonly refused: Readonly<Record<RefusalKind, number>>;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Counts while nobody looks. */
export class Counters implements Writable<Counts> {
  elections = 0;
  leaderChanges = 0;
  appendsSent = 0;
  entriesSent = 0;
  heartbeatsSent = 0;
  appendsReceived = 0;
  entriesReceived = 0;
  heartbeatsReceived = 0;
  callsUnanswered = 0;
  snapshotsBuilt = 0;
  snapshotsSent = 0;
  snapshotsReceived = 0;
  snapshotsFailed = 0;
  readonly refused: Record<RefusalKind, number> = {
    notLeader: 0,
    changeInProgress: 0,
    invalidMembership: 0,
    alreadyInitialized: 0,
    transferring: 0,
    invalidTransfer: 0,
    transferFailed: 0,
    overloaded: 0,
  };

  get picture(): Counts {
    const { refused, ...counts }: Counts = this;
    return { ...counts, refused: { ...refused } };
  }
}
