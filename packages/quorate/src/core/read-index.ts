import type { RequestId } from './event.ts';
import { holdsLease } from './lease.ts';
import { allVoters } from './membership.ts';
import type { ReadIndexRequest } from './message.ts';
import { jointQuorumValue } from './quorum.ts';
import { heartbeat } from './replication.ts';
import type { CoreState } from './state.ts';
import type { LogIndex, Term } from './types.ts';

/**
 * Names an index that covers every write acknowledged before the question, once a quorum has
 * confirmed that this leader still leads, or at once if its lease says so (thesis 6.4).
 */
export function onReadIndex(
  core: CoreState,
  request: RequestId,
  mode: ReadIndexRequest['mode'],
): void {
  if (core.leadership === undefined) {
    core.refuse(request, { type: 'notLeader', leader: core.leader });
    return;
  }
  if (mode === 'lease' && holdsLease(core)) {
    core.reply(request, { type: 'readable', term: core.term, index: core.committed });
    return;
  }
  core.leadership.waitingReads.push(request);
  startReadRound(core);
}

/**
 * A reader on this follower or learner was told by the leader what is committed. What was compared
 * with that leader may be committed on its word, and need not wait for its next message.
 */
export function onReadIndexAnswered(core: CoreState, term: Term, index: LogIndex): void {
  if (term !== core.term || core.role === 'leader' || core.role === 'candidate') return;
  const committed = Math.min(index, core.verified);
  if (committed > core.committed) core.commit(committed);
}

/**
 * Starts a round for all waiting reads, unless one is under way: only calls sent after a read began
 * can confirm it, so those that come during a round share the next.
 */
export function startReadRound(core: CoreState): void {
  const { leadership } = core;
  if (leadership === undefined || leadership.readRound !== undefined) return;
  if (leadership.waitingReads.length === 0 || !core.hasCommittedInTerm) return;
  leadership.readRound = {
    since: core.lastCall + 1,
    index: core.committed,
    requests: leadership.waitingReads,
  };
  leadership.waitingReads = [];
  for (const id of allVoters(core.membership)) {
    const progress = leadership.progress.get(id);
    if (progress !== undefined) heartbeat(core, progress);
  }
  confirmReads(core);
}

/** Answers the round's reads if a quorum has answered calls sent since it began. */
export function confirmReads(core: CoreState): void {
  const round = core.leadership?.readRound;
  if (round === undefined) return;
  const { progress } = core.office;
  const confirmed = jointQuorumValue(core.membership.voters, (id) =>
    id === core.id ? Infinity : (progress.get(id)?.answeredCall ?? 0),
  );
  if (confirmed < round.since) return;
  for (const request of round.requests) {
    core.reply(request, { type: 'readable', term: core.term, index: round.index });
  }
  core.office.readRound = undefined;
  startReadRound(core);
}
