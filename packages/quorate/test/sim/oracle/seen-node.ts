import { noLogId } from '../../../src/core/log-shape.ts';
import type { Campaign } from '../../../src/core/office.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { Entry, LogId, LogIndex, NodeId, Term, Vote } from '../../../src/core/types.ts';
import { TermList } from './term-list.ts';

export const noVote: Vote = { term: 0, votedFor: undefined };

/** What the disk of a node has acknowledged. */
export class SeenDisk {
  vote: Vote = noVote;
  /** By term: for whom a vote was ever durable. */
  readonly votes = new Map<Term, NodeId>();
  log = new TermList();
  /** The log as it was before it was truncated in the event of the world that is under way. */
  logBefore: TermList | undefined = undefined;
  snapshot: LogId = noLogId;

  save(vote: Vote): void {
    this.vote = vote;
    if (vote.votedFor !== undefined) this.votes.set(vote.term, vote.votedFor);
  }
}

/** A write that was asked of the disk and is not acknowledged. */
export interface AskedWrite {
  readonly write: number;
  readonly vote?: Vote | undefined;
  readonly truncate?: LogIndex | undefined;
  readonly append: readonly Entry[];
}

/** One node as the oracle knows it, over all its lives. */
export class SeenNode {
  readonly id: NodeId;
  disk = new SeenDisk();
  /** Disks that the node had before: they count for what was decided while they were there. */
  readonly lost: SeenDisk[] = [];
  /** The next start finds an old copy: what it has nobody can say beforehand. */
  isCopy = false;

  // Of one life.
  isUp = false;
  /** The disk has failed a write in this life, after which nothing may be promised. */
  diskFailure: string | undefined = undefined;
  /** And the node has had the time to hear of it. */
  isDiskDead = false;
  log = new TermList();
  /** What the disk has not acknowledged, the oldest first. */
  asked: AskedWrite[] = [];
  lastWrite = 0;
  /** The live core, to see what it did in a step that was cut short. */
  core: Readonly<CoreState> | undefined = undefined;
  term: Term = 0;
  committed: LogIndex = 0;
  applying: LogIndex = 0;
  /** The last command that its state machine took, or the snapshot that stands for it. */
  machineIndex: LogIndex = 0;
  /** The membership entries of the log, oldest first; a snapshot's stands for what it covers. */
  changes: LogId[] = [];
  changeBefore: LogId = noLogId;
  /** The term that it leads, 0 if none. */
  leadsTerm: Term = 0;
  campaign: Campaign | undefined = undefined;
  /** The campaign before the one under way, as it ended. */
  lastCampaign: Campaign | undefined = undefined;
  electionAt = Infinity;
  leaderHeardAt = -Infinity;

  constructor(id: NodeId) {
    this.id = id;
  }

  /** The entry that brought the membership in force. */
  get change(): LogId {
    return this.changes.at(-1) ?? noLogId;
  }

  /** The core wants this written; told once by who looks ahead, and once with the whole step. */
  ask({
    write,
    vote,
    truncate,
    append = [],
  }: Omit<AskedWrite, 'append'> & Partial<AskedWrite>): void {
    if ((this.asked.at(-1)?.write ?? 0) >= write) return;
    this.asked.push({ write, vote, truncate, append });
  }

  /** The process is gone, and what it had in memory with it. */
  end(): void {
    this.isUp = false;
    this.core = undefined;
    this.leadsTerm = 0;
    this.campaign = undefined;
    this.lastCampaign = undefined;
  }

  /** The disk is gone. */
  wipe(): void {
    this.lost.push(this.disk);
    this.disk = new SeenDisk();
    this.isCopy = false;
    this.asked = [];
  }
}
