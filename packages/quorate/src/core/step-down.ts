import type { CoreState } from './state.ts';
import { refuseTransfer } from './transfer.ts';
import type { NodeId, Term } from './types.ts';

/**
 * Follows in `term`, whoever leads it. A vote is given up only with its term: forgetting it when
 * stepping down within one would let this node vote twice.
 */
export function becomeFollower(core: CoreState, term: Term, leader?: NodeId): void {
  const isUnseated = term > core.term;
  if (term > core.term) core.setVote(term, undefined);
  const led = core.role === 'leader';
  if (led) stopLeading(core, { isUnseated });
  core.campaign = undefined;
  core.leader = leader;
  core.role = core.isVoter ? 'follower' : 'learner';
  if (led || core.electionAt === Infinity) core.resetElectionTimer();
}

/** Gives up office; what was appended stays and may still be committed by another leader. */
function stopLeading(core: CoreState, { isUnseated }: { isUnseated: boolean }): void {
  const { waitingReads, readRound, transfer } = core.office;
  for (const request of [...(readRound?.requests ?? []), ...waitingReads]) {
    core.refuse(request, { type: 'notLeader', leader: undefined });
  }
  if (transfer !== undefined) {
    const reason = 'this node has left office for another reason';
    if (isUnseated) core.reply(transfer.request, { type: 'done' });
    else refuseTransfer(core, transfer, reason);
  }
  core.leadership = undefined;
}

/**
 * From now on, and for as long as this process runs, the node counts for nothing: its disk does not
 * hold what the others were promised. It votes for nobody, leads nobody and confirms nothing, but
 * still takes what a leader sends.
 */
export function enterQuarantine(core: CoreState, reason: string): void {
  core.quarantine ??= reason;
  if (core.role === 'leader' || core.role === 'candidate') becomeFollower(core, core.term);
  core.resetElectionTimer();
}

/** The disk has stopped answering, so this node leads nobody and does not try to: check-quorum. */
export function isDiskSilent(core: CoreState): boolean {
  const { checkQuorum, electionTimeoutMs } = core.options;
  return checkQuorum && core.diskSilentMs >= 2 * electionTimeoutMs.max;
}
