import type { Action, Answer, Refusal } from './action.ts';
import { assert } from './assert.ts';
import type { CallId, RequestId } from './event.ts';
import type { Held } from './held.ts';
import { LogShape } from './log-shape.ts';
import { MembershipHistory } from './membership.ts';
import type { Campaign, Leadership } from './office.ts';
import { silenced } from './quarantine.ts';
import type { CoreOptions, RecoveredState } from './raft-core.ts';
import type {
  EffectiveMembership,
  Entry,
  LogId,
  LogIndex,
  NodeId,
  Role,
  SnapshotMeta,
  Term,
  Vote,
} from './types.ts';

/** What is held, and the write that it waits for. */
interface HeldUntil {
  readonly write: number;
  readonly held: Held;
}

const nothing: readonly HeldUntil[] = [];
const noActions: readonly Action[] = [];

/** The write that this step asks for; the parts are written in this order. */
interface StagedWrite {
  readonly type: 'persist';
  readonly write: number;
  vote?: Vote;
  truncate?: LogIndex;
  append?: readonly Entry[];
}

/**
 * The state of one node, and the ways to change it that every role shares. The roles are functions
 * over it: `election.ts`, `follower.ts`, `leader.ts`.
 */
export class CoreState {
  readonly id: NodeId;
  readonly options: CoreOptions;
  /** The time of the event under way, in monotonic milliseconds. */
  now: number;

  role: Role = 'follower';
  leader: NodeId | undefined = undefined;
  term: Term;
  votedFor: NodeId | undefined;
  readonly log: LogShape;
  readonly memberships: MembershipHistory;

  /** The highest index known to be committed. Never decreases; may run ahead of `durable`. */
  committed: LogIndex;
  /** How far the state machine was told to apply: at most min(committed, durable). */
  applying: LogIndex;
  applied: LogIndex;
  /** How far the log as it stands is on this node's disk. Falls when a truncation is decided. */
  durable: LogIndex;
  /** The highest index compared with this term's leader; 0 at each new term. */
  verified: LogIndex = 0;
  /** What the newest snapshot here covers; the start of the log up to there is not needed. */
  snapshot: LogId;
  /** How far the log is to be purged as soon as nobody needs what is there. */
  purgeTo: LogIndex = 0;

  /** When this node campaigns unless it hears from a leader. */
  electionAt: number = Infinity;
  /** When the leader was last heard; a vote within the shortest election timeout is refused. */
  leaderHeardAt: number = -Infinity;
  /** Why this node counts for nothing, if so; never cleared. */
  quarantine: string | undefined = undefined;
  campaign: Campaign | undefined = undefined;
  leadership: Leadership | undefined = undefined;

  #actions: Action[] = [];
  #staged: StagedWrite | undefined = undefined;
  #lastWrite = 0;
  #persistedWrite = 0;
  /** When the disk last reported, or was first asked after a time with nothing to do. */
  #diskHeardAt = -Infinity;
  /** The write that holds the vote as it stands. */
  #voteWrite = 0;
  #lastCall: CallId = 0;
  #held: HeldUntil[] = [];
  /** Where the log ends after each write that is under way; a truncation lowers them all. */
  #unwritten: { readonly write: number; last: LogIndex }[] = [];

  constructor(options: CoreOptions, recovered: RecoveredState, now: number) {
    this.id = options.id;
    this.options = options;
    this.now = now;
    this.term = recovered.vote.term;
    this.votedFor = recovered.vote.votedFor;
    this.log = new LogShape(recovered.termStarts, recovered.purged, recovered.last);
    this.memberships = new MembershipHistory(recovered.memberships, recovered.snapshot.index);
    this.snapshot = recovered.snapshot;
    this.durable = recovered.last.index;
    this.applied = recovered.applied.index;
    this.applying = this.applied;
    this.committed = this.applied;
    this.memberships.commit(this.committed);
  }

  get membership(): EffectiveMembership {
    return this.memberships.current;
  }

  /**
   * `true` if this node may have to lead: it votes in the membership in force, or in the one before
   * while that change is not known to be committed. Its log may be the only one that holds the
   * change, and then nobody else could win (thesis 4.2.2).
   */
  get isVoter(): boolean {
    return this.memberships.isRecentVoter(this.id);
  }

  get isQuarantined(): boolean {
    return this.quarantine !== undefined;
  }

  /** What only a leader has; asking for it elsewhere is a fault of ours. */
  get office(): Leadership {
    assert(this.leadership !== undefined, 'only a leader does this');
    return this.leadership;
  }

  /** `true` once this leader knows what is committed: it has committed an entry of its own term. */
  get hasCommittedInTerm(): boolean {
    return this.log.termAt(this.committed) === this.term;
  }

  // --- Actions ---

  emit(action: Action): void {
    // A list that begins with its first element takes just that room, and most steps need no more.
    if (this.#actions.length === 0) this.#actions = [action];
    else this.#actions.push(action);
  }

  reply(request: RequestId, answer: Answer): void {
    this.emit({ type: 'reply', request, answer: this.isQuarantined ? silenced(answer) : answer });
  }

  refuse(request: RequestId, why: Refusal): void {
    this.reply(request, { type: 'refused', why });
  }

  nextCall(): CallId {
    return ++this.#lastCall;
  }

  get lastCall(): CallId {
    return this.#lastCall;
  }

  /** Ends the step. Its one write comes first: the runtime then has the entries it is to send. */
  takeActions(): readonly Action[] {
    const staged = this.#staged;
    const actions = this.#actions;
    if (staged === undefined && actions.length === 0) return noActions;
    this.#actions = [];
    if (staged === undefined) return actions;
    this.#staged = undefined;
    if (actions.length === 0) return [staged];
    if (actions.length === 1) return [staged, actions[0] as Action];
    actions.unshift(staged);
    return actions;
  }

  // --- What is written, and what waits for it ---

  /** The step's one write. */
  #stage(): StagedWrite {
    if (this.#staged === undefined) {
      if (this.#persistedWrite === this.#lastWrite) this.#diskHeardAt = this.now;
      this.#staged = { type: 'persist', write: ++this.#lastWrite };
    }
    return this.#staged;
  }

  /** The number of the newest write that has been asked for. */
  get lastWrite(): number {
    return this.#lastWrite;
  }

  get persistedWrite(): number {
    return this.#persistedWrite;
  }

  /** How long the disk has owed an answer, in milliseconds. */
  get diskSilentMs(): number {
    return this.#persistedWrite < this.#lastWrite ? this.now - this.#diskHeardAt : 0;
  }

  /** `false` while the vote as it stands is still on its way to the disk. */
  get isVoteDurable(): boolean {
    return this.#voteWrite <= this.#persistedWrite;
  }

  /** Changes term and vote together; nobody may hear of them before they are durable. */
  setVote(term: Term, votedFor: NodeId | undefined): void {
    assert(term >= this.term, () => `term ${term} must not be below ${this.term}`);
    if (term > this.term) this.verified = 0;
    this.term = term;
    this.votedFor = votedFor;
    const staged = this.#stage();
    staged.vote = { term, votedFor };
    this.#voteWrite = staged.write;
  }

  append(entries: readonly Entry[]): void {
    const staged = this.#stage();
    staged.append = staged.append === undefined ? entries : [...staged.append, ...entries];
    for (const { payload, logId } of entries) {
      if (payload.type === 'membership') this.memberships.append({ ...payload.membership, logId });
    }
    const unwritten = { write: staged.write, last: this.log.last.index };
    if (this.#unwritten.length === 0) this.#unwritten = [unwritten];
    else this.#unwritten.push(unwritten);
  }

  truncate(index: LogIndex): void {
    assert(
      index >= this.committed,
      () => `cannot truncate to ${index}: ${this.committed} is committed`,
    );
    const staged = this.#stage();
    assert(
      staged.append === undefined && staged.truncate === undefined,
      'a step truncates once, before it appends',
    );
    staged.truncate = index;
    this.log.truncate(index);
    this.memberships.truncate(index);
    this.durable = Math.min(this.durable, index);
    for (const write of this.#unwritten) write.last = Math.min(write.last, index);
  }

  /**
   * Puts a saved snapshot in the place of the log up to its end. The writes under way go on and the
   * disk purges after them; should it fail before, the next start finds log and snapshot, and does
   * the same. What follows the snapshot's last entry stays if that entry is in the log, since then
   * it may have been acknowledged (section 7).
   */
  install(meta: SnapshotMeta): void {
    const { lastLogId } = meta;
    const { index } = lastLogId;
    const keepsRest = this.log.purge(lastLogId);
    // Only older terms can have left what contradicts it, and the snapshot's own term is durable.
    assert(
      keepsRest || this.#unwritten.every(({ last }) => last <= index),
      () => `what snapshot ${meta.id} contradicts must not be on its way to the disk`,
    );
    this.durable = keepsRest ? Math.max(this.durable, index) : index;
    this.verified = keepsRest ? Math.max(this.verified, index) : index;
    this.memberships.install(meta.membership, this.log);
    this.snapshot = lastLogId;
    this.committed = index;
    this.applying = index;
    this.emit({ type: 'purge', logId: lastLogId });
    this.emit({ type: 'restore', meta });
  }

  /** Keeps `held` until the step's write, or at least the vote, is durable; at best that is now. */
  hold(held: Held, options: { untilWrite: number }): void {
    const write = Math.max(options.untilWrite, this.#voteWrite);
    if (this.#held.length === 0) this.#held = [{ write, held }];
    else this.#held.push({ write, held });
  }

  /** Takes note that every write up to `write` is durable. */
  persisted(write: number): void {
    assert(
      write > this.#persistedWrite && write <= this.#lastWrite,
      () => `write ${write} must lie after ${this.#persistedWrite} and up to ${this.#lastWrite}`,
    );
    this.#persistedWrite = write;
    this.#diskHeardAt = this.now;
    while (this.#unwritten[0] !== undefined && this.#unwritten[0].write <= write) {
      this.durable = Math.max(this.durable, this.#unwritten.shift()?.last ?? 0);
    }
  }

  /** Returns what is held and has nothing to wait for. */
  takeReleased(): readonly HeldUntil[] {
    const all = this.#held;
    const written = this.#persistedWrite;
    let count = 0;
    for (const { write } of all) if (write <= written) count += 1;
    if (count === 0) return nothing;
    this.#held = count === all.length ? [] : all.filter(({ write }) => write > written);
    return count === all.length ? all : all.filter(({ write }) => write <= written);
  }

  // --- Progress of commit and apply ---

  /** A snapshot was installed, and the state machine does not have it yet. */
  get isRestoring(): boolean {
    return this.applied < this.log.purged.index;
  }

  /** Moves the commit index and lets the state machine follow, never ahead of the local disk. */
  commit(index: LogIndex): void {
    assert(
      index >= this.committed,
      () => `commit index ${index} must not fall below ${this.committed}`,
    );
    assert(index <= this.log.last.index, () => `commit index ${index} must lie in the log`);
    this.committed = index;
    this.memberships.commit(index);
    if (this.role === 'follower' && !this.isVoter) {
      this.role = 'learner';
      this.electionAt = Infinity;
    }
    this.applyDurable();
  }

  /**
   * Lets the state machine follow. What was learned in a term that is not durable yet has to wait:
   * after a crash, leaders of the term before might not have it.
   */
  applyDurable(): void {
    const index = Math.min(this.committed, this.durable);
    if (index <= this.applying || !this.isVoteDurable || this.isRestoring) return;
    this.applying = index;
    this.emit({ type: 'apply', index });
  }

  // --- Time ---

  /** Draws a new election timeout (section 5.2: at random, so that split votes are rare). */
  resetElectionTimer(): void {
    const { min, max } = this.options.electionTimeoutMs;
    const isEligible = this.isVoter && !this.isQuarantined;
    this.electionAt = isEligible ? this.now + min + this.options.random() * (max - min) : Infinity;
  }

  /** The last entry, as candidates and voters compare it. */
  get last(): LogId {
    return this.log.last;
  }
}
