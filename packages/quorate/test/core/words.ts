import type { Action, Answer, Refusal, Replication } from '../../src/core/action.ts';
import type { CallId, Event, MembershipChange, RequestId } from '../../src/core/event.ts';
import type { InstallSnapshotRequest, VoteRequest } from '../../src/core/message.ts';
import type {
  Entry,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  Payload,
  SnapshotMeta,
  Term,
  Vote,
} from '../../src/core/types.ts';

// --- Entries -----------------------------------------------------------------------------------

export function id(term: Term, index: LogIndex): LogId {
  return { term, index };
}

export function command(name: string): Payload {
  return { type: 'command', data: { bytes: new TextEncoder().encode(name), value: name } };
}

export function entry(term: Term, index: LogIndex, payload?: Payload): Entry {
  return { logId: id(term, index), payload: payload ?? command(`${term}.${index}`) };
}

export function blank(term: Term, index: LogIndex): Entry {
  return entry(term, index, { type: 'blank' });
}

/** A command for each of `terms`, after `index`. Equal positions hold equal commands. */
export function entriesAfter(index: LogIndex, ...terms: readonly Term[]): Entry[] {
  return terms.map((term, at) => entry(term, index + 1 + at));
}

export function changeEntry(term: Term, index: LogIndex, membership: Membership): Entry {
  return entry(term, index, { type: 'membership', membership });
}

// --- Events ------------------------------------------------------------------------------------

export const wake: Event = { type: 'wake' };

export function propose(request: RequestId, ...names: readonly string[]): Event {
  return { type: 'propose', request, payloads: names.map(command) };
}

export function initialize(request: RequestId, membership: Membership): Event {
  return { type: 'initialize', request, membership };
}

export function change(request: RequestId, wanted: MembershipChange): Event {
  return { type: 'changeMembership', request, change: wanted };
}

export function readIndex(request: RequestId): Event {
  return { type: 'readIndex', request, mode: 'quorum' };
}

/** A read that the leader may answer by its lease. */
export function readByLease(request: RequestId): Event {
  return { type: 'readIndex', request, mode: 'lease' };
}

/** The leader of `term` answered a read that was asked here. */
export function leaderNamed(term: Term, index: LogIndex): Event {
  return { type: 'readIndexAnswered', term, index };
}

export function transfer(request: RequestId, to?: NodeId): Event {
  return { type: 'transferLeadership', request, to };
}

export function timeoutNow(request: RequestId, rpc: { term: Term; leader: NodeId }): Event {
  return { type: 'timeoutNow', request, rpc };
}

export function quarantine(reason: string): Event {
  return { type: 'quarantine', reason };
}

export function requestVote(
  request: RequestId,
  candidate: NodeId,
  ask: { term: Term; last: LogId; preVote?: boolean; transfer?: boolean },
): Event {
  return { type: 'requestVote', request, rpc: voteRequest(candidate, ask) };
}

export function append(
  request: RequestId,
  leader: NodeId,
  rpc: { term: Term; previous: LogId; entries?: readonly Entry[]; committed?: LogIndex },
): Event {
  const { term, previous, entries = [], committed = 0 } = rpc;
  return { type: 'appendEntries', request, rpc: { term, leader, previous, entries, committed } };
}

export function installSnapshot(
  request: RequestId,
  leader: NodeId,
  ask: { term: Term; meta: SnapshotMeta },
): Event {
  return { type: 'installSnapshot', request, rpc: snapshotRequest(leader, ask) };
}

export function received(request: RequestId, meta: SnapshotMeta): Event {
  return { type: 'snapshotReceived', request, meta };
}

export function failed(request: RequestId, stored: number): Event {
  return { type: 'snapshotFailed', request, stored };
}

export function built(meta: SnapshotMeta, purgeTo: LogIndex): Event {
  return { type: 'snapshotBuilt', meta, purgeTo };
}

export function snapshotAnswered(
  call: CallId,
  response: { term: Term; match: LogIndex; stored?: number },
): Event {
  return { type: 'snapshotAnswered', call, response: { stored: 0, ...response } };
}

export function persisted(write: number): Event {
  return { type: 'persisted', write };
}

export function applied(index: LogIndex): Event {
  return { type: 'applied', index };
}

export function sent(call: CallId, last: LogIndex): Event {
  return { type: 'sent', call, last };
}

export function granted(call: CallId, term: Term): Event {
  return { type: 'voteAnswered', call, response: { term, granted: true } };
}

export function denied(call: CallId, term: Term): Event {
  return { type: 'voteAnswered', call, response: { term, granted: false } };
}

export function accepted(call: CallId, answer: { term: Term; match: LogIndex }): Event {
  return { type: 'appendAnswered', call, response: { ...answer, accepted: true } };
}

export function rejected(call: CallId, answer: { term: Term; hint: LogId }): Event {
  return { type: 'appendAnswered', call, response: { ...answer, accepted: false } };
}

export function unanswered(call: CallId, how: { hadNoEffect?: true } = {}): Event {
  return { type: 'unanswered', call, ...how };
}

// --- Actions -----------------------------------------------------------------------------------

export function writes(
  write: number,
  parts: { vote?: Vote; truncate?: LogIndex; append?: readonly Entry[] },
): Action {
  return { type: 'persist', write, ...parts };
}

export function replies(request: RequestId, answer: Answer): Action {
  return { type: 'reply', request, answer };
}

export function refuses(request: RequestId, why: Refusal): Action {
  return replies(request, { type: 'refused', why });
}

export function votes(request: RequestId, response: { term: Term; granted: boolean }): Action {
  return replies(request, { type: 'vote', response });
}

/** The follower's answer to an append that fits. */
export function accepts(request: RequestId, answer: { term: Term; match: LogIndex }): Action {
  return replies(request, { type: 'append', response: { ...answer, accepted: true } });
}

/** The follower's answer to an append that does not fit, or comes from an old leader. */
export function rejects(request: RequestId, answer: { term: Term; hint: LogId }): Action {
  return replies(request, { type: 'append', response: { ...answer, accepted: false } });
}

export function asksVote(
  call: CallId,
  to: NodeId,
  ask: { candidate: NodeId; term: Term; last: LogId; preVote?: boolean; transfer?: boolean },
): Action {
  return { type: 'requestVote', call, to, rpc: voteRequest(ask.candidate, ask) };
}

export function sends(call: CallId, to: NodeId, range: Replication): Action {
  return { type: 'replicate', call, to, range };
}

export function asksToTakeOver(call: CallId, to: NodeId, term: Term): Action {
  return { type: 'timeoutNow', call, to, term };
}

export function applies(index: LogIndex): Action {
  return { type: 'apply', index };
}

export function sendsSnapshot(call: CallId, to: NodeId, term: Term): Action {
  return { type: 'sendSnapshot', call, to, term };
}

export function receives(
  request: RequestId,
  leader: NodeId,
  ask: { term: Term; meta: SnapshotMeta },
): Action {
  return { type: 'receiveSnapshot', request, rpc: snapshotRequest(leader, ask) };
}

export function restores(meta: SnapshotMeta): Action {
  return { type: 'restore', meta };
}

export function purges(term: Term, index: LogIndex): Action {
  return { type: 'purge', logId: id(term, index) };
}

/** The follower's answer to a snapshot. */
export function tells(
  request: RequestId,
  response: { term: Term; match: LogIndex; stored?: number },
): Action {
  return replies(request, { type: 'snapshot', response: { stored: 0, ...response } });
}

function snapshotRequest(
  leader: NodeId,
  { term, meta }: { term: Term; meta: SnapshotMeta },
): InstallSnapshotRequest {
  return { term, leader, meta, offset: 0, size: 100, checksum: 7 };
}

function voteRequest(
  candidate: NodeId,
  ask: { term: Term; last: LogId; preVote?: boolean; transfer?: boolean },
): VoteRequest {
  const { term, last, preVote = false, transfer: isTransfer = false } = ask;
  return { term, candidate, lastLogId: last, preVote, transfer: isTransfer };
}
