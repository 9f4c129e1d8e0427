import type { Action } from './action.ts';
import { onAppendAnswered, onAppendUnanswered, onSnapshotAnswered } from './append-answers.ts';
import { assert, assertNever } from './assert.ts';
import {
  onRequestVote,
  onTimeoutNow,
  onVoteAnswered,
  onVoteUnanswered,
  releaseCampaign,
  releaseVote,
  startCampaign,
} from './election.ts';
import type { Event, RequestId } from './event.ts';
import { onAppendEntries, releaseAppend } from './follower.ts';
import type { Held } from './held.ts';
import { advanceCommit, onLeaderWake, propose } from './leader.ts';
import { noLogId } from './log-shape.ts';
import { faultOfInitial } from './membership.ts';
import { changeMembership } from './membership-change.ts';
import { onSnapshotBuilt, purgeLog } from './purge.ts';
import { onReadIndex, onReadIndexAnswered } from './read-index.ts';
import { onSent } from './replication.ts';
import {
  onInstallSnapshot,
  onSnapshotFailed,
  onSnapshotReceived,
  releaseSnapshot,
  releaseSnapshotAnswer,
} from './snapshot-install.ts';
import { CoreState } from './state.ts';
import { enterQuarantine } from './step-down.ts';
import { onTimeoutNowUnanswered, onTransferLeadership } from './transfer.ts';
import type {
  EffectiveMembership,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  Role,
  Term,
  Vote,
} from './types.ts';

/** What a node found on its disk. */
export interface RecoveredState {
  readonly vote: Vote;
  /** One id for each term in the log above `purged`: the first entry of that term. */
  readonly termStarts: readonly LogId[];
  readonly purged: LogId;
  readonly last: LogId;
  /** What the newest saved snapshot covers, `noLogId` if there is none: purged <= it <= applied. */
  readonly snapshot: LogId;
  readonly applied: LogId;
  /** Those that a truncation can bring back, oldest first; the last one is in force. If the
   * log is purged, the first is the snapshot's. */
  readonly memberships: readonly EffectiveMembership[];
}

export interface CoreOptions {
  readonly id: NodeId;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: { readonly min: number; readonly max: number };
  readonly maxInflightAppends: number;
  /** Safety never rests on these two: tests draw them at random. */
  readonly preVote: boolean;
  /** The leader steps down without a quorum, and voters are loyal to a leader they hear. */
  readonly checkQuorum: boolean;
  /**
   * How far clocks may drift apart, from 0 to below 1: while the fastest goes a second, every
   * other goes at least 1 - `maxClockDrift` of one. Reads by lease, and nothing else, rest on it.
   */
  readonly maxClockDrift: number;
  /** Returns a number from 0 up to 1. The only randomness in the core. */
  readonly random: () => number;
}

/** What the outside may look at. The driver compares it before and after a step. */
export interface CoreView {
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly committed: LogIndex;
  readonly last: LogId;
  readonly membership: EffectiveMembership;
}

/**
 * The Raft protocol as a function from events to actions. It does no I/O, reads no clock, starts
 * no timer and keeps no payloads: the log's shape is here, its content is in the log store.
 *
 * Sections and figures in the comments are those of "In Search of an Understandable Consensus
 * Algorithm (Extended Version)" by Ongaro and Ousterhout; "thesis" is Ongaro's dissertation.
 */
export class RaftCore {
  readonly #state: CoreState;

  /** After a start no vote is granted for the longest lease: the node may have promised one. */
  constructor(options: CoreOptions, recovered: RecoveredState, now: number) {
    const state = new CoreState(options, recovered, now);
    this.#state = state;
    checkRecovered(recovered);
    const { maxClockDrift } = options;
    assert(
      maxClockDrift >= 0 && maxClockDrift < 1,
      () => `maxClockDrift must be from 0 to below 1, not ${maxClockDrift}`,
    );
    state.role = state.isVoter ? 'follower' : 'learner';
    if (!isPristine(state)) state.leaderHeardAt = now;
    state.resetElectionTimer();
  }

  /** Takes one event at `now` (monotonic milliseconds) and returns what to do about it. */
  step(event: Event, now: number): readonly Action[] {
    const core = this.#state;
    assert(now >= core.now, () => `time must not go back from ${core.now} to ${now}`);
    core.now = now;
    dispatch(core, event);
    for (let held = core.takeReleased(); held.length > 0; held = core.takeReleased()) {
      for (const { held: one } of held) release(core, one);
    }
    purgeLog(core);
    return core.takeActions();
  }

  get view(): CoreView {
    const { role, term, leader, committed, last, membership } = this.#state;
    return { role, term, leader, committed, last, membership };
  }

  /** When the core next wants a `wake` event, on the same clock. */
  get wakeAt(): number {
    const { leadership, electionAt } = this.#state;
    if (leadership === undefined) return electionAt;
    return Math.min(leadership.beatAt, leadership.transfer?.endsAt ?? Infinity);
  }

  /** The whole state, to look at: for metrics, invariants and tests. */
  get state(): Readonly<CoreState> {
    return this.#state;
  }
}

function dispatch(core: CoreState, event: Event): void {
  switch (event.type) {
    case 'wake':
      return onWake(core);
    case 'initialize':
      return initialize(core, event.request, event.membership);
    case 'propose':
      return propose(core, event.request, event.payloads);
    case 'readIndex':
      return onReadIndex(core, event.request, event.mode);
    case 'readIndexAnswered':
      return onReadIndexAnswered(core, event.term, event.index);
    case 'transferLeadership':
      return onTransferLeadership(core, event.request, event.to);
    case 'quarantine':
      return enterQuarantine(core, event.reason);
    case 'changeMembership':
      return changeMembership(core, event.request, event.change);
    case 'requestVote':
      return onRequestVote(core, event.request, event.rpc);
    case 'appendEntries':
      return onAppendEntries(core, event.request, event.rpc);
    case 'installSnapshot':
      return onInstallSnapshot(core, event.request, event.rpc);
    case 'timeoutNow':
      return onTimeoutNow(core, event.request, event.rpc);
    case 'sent':
      return onSent(core, event.call, event.last);
    case 'voteAnswered':
      return onVoteAnswered(core, event.call, event.response);
    case 'appendAnswered':
      return onAppendAnswered(core, event.call, event.response);
    case 'snapshotAnswered':
      return onSnapshotAnswered(core, event.call, event.response);
    case 'unanswered':
      onVoteUnanswered(core, event.call);
      onTimeoutNowUnanswered(core, event);
      return onAppendUnanswered(core, event.call);
    case 'persisted':
      return onPersisted(core, event.write);
    case 'applied':
      return onApplied(core, event.index);
    case 'snapshotBuilt':
      return onSnapshotBuilt(core, event.meta, event.purgeTo);
    case 'snapshotReceived':
      return onSnapshotReceived(core, event.request, event.meta);
    case 'snapshotFailed':
      return onSnapshotFailed(core, event.request, event.stored);
    default:
      return assertNever(event);
  }
}

function onWake(core: CoreState): void {
  if (core.leadership !== undefined) onLeaderWake(core);
  else if (core.now >= core.electionAt) startCampaign(core);
}

function onPersisted(core: CoreState, write: number): void {
  core.persisted(write);
  if (core.leadership !== undefined) advanceCommit(core);
  core.applyDurable();
}

function onApplied(core: CoreState, index: LogIndex): void {
  assert(
    index > core.applied && index <= core.applying,
    () => `applied ${index} must lie after ${core.applied} and up to ${core.applying}`,
  );
  core.applied = index;
  core.applyDurable();
}

function release(core: CoreState, held: Held): void {
  switch (held.type) {
    case 'vote':
      return releaseVote(core, held.request, { term: held.term, candidate: held.candidate });
    case 'append':
      return releaseAppend(core, held.request, held.term);
    case 'snapshot':
      return releaseSnapshot(core, held.request, held.rpc);
    case 'snapshotAnswer':
      return releaseSnapshotAnswer(core, held.request, held.stored);
    case 'answer':
      return core.reply(held.request, held.answer);
    case 'campaign':
      return releaseCampaign(core, held.term);
    default:
      return assertNever(held);
  }
}

/**
 * Forms a cluster: the first entry, of term 0, says who takes part. The node campaigns at once,
 * since there is no leader to wait for.
 */
function initialize(core: CoreState, request: RequestId, membership: Membership): void {
  if (!isPristine(core)) {
    core.refuse(request, { type: 'alreadyInitialized' });
    return;
  }
  const reason = core.quarantine ?? faultOfInitial(membership, core.id);
  if (reason !== undefined) {
    core.refuse(request, { type: 'invalidMembership', reason });
    return;
  }
  const logId = core.log.appendRun(noLogId.term, 1);
  core.append([{ logId, payload: { type: 'membership', membership } }]);
  core.role = 'follower';
  core.electionAt = core.now;
  core.hold({ type: 'answer', request, answer: { type: 'done' } }, { untilWrite: core.lastWrite });
}

/** What was lost of the log must be in the snapshot, and what is in that must be applied. */
function checkRecovered({ purged, snapshot, applied, last }: RecoveredState): void {
  const chain = [purged.index, snapshot.index, applied.index, last.index];
  assert(
    chain.every((index, at) => at === 0 || (chain[at - 1] as number) <= index),
    () => `a start needs purged <= snapshot <= applied <= last, not ${chain.join(', ')}`,
  );
}

/** Neither a log nor a vote: this node has never promised anything to anybody. */
function isPristine(core: CoreState): boolean {
  return core.last.index === 0 && core.term === 0;
}
