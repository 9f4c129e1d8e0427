import type { CoreState } from './state.ts';
import type { NodeId, Term } from './types.ts';

/**
 * Follows in `term`, whoever leads it. A vote is given up only with its term: forgetting it when
 * stepping down within one would let this node vote twice.
 */
export function becomeFollower(core: CoreState, term: Term, leader?: NodeId): void {
  if (term > core.term) core.setVote(term, undefined);
  const led = core.role === 'leader';
  if (led) stopLeading(core);
  core.campaign = undefined;
  core.leader = leader;
  core.role = core.isVoter ? 'follower' : 'learner';
  if (led || core.electionAt === Infinity) core.resetElectionTimer();
}

/** Gives up office; what was appended stays and may still be committed by another leader. */
function stopLeading(core: CoreState): void {
  const { waitingReads, readRound } = core.office;
  for (const request of [...(readRound?.requests ?? []), ...waitingReads]) {
    core.refuse(request, { type: 'notLeader', leader: undefined });
  }
  core.leadership = undefined;
}
