import type { CallId, RequestId } from './event.ts';
import { becomeLeader } from './leader.ts';
import { compareLogIds } from './log-shape.ts';
import { allVoters } from './membership.ts';
import type { TimeoutNowRequest, VoteRequest, VoteResponse } from './message.ts';
import type { Campaign } from './office.ts';
import { countVotes } from './quorum.ts';
import type { CoreState } from './state.ts';
import { becomeFollower, isDiskSilent } from './step-down.ts';
import type { NodeId, Term } from './types.ts';

/**
 * Campaigns, since no leader was heard for an election timeout (section 5.2). With pre-vote, first
 * asks whether it could win at all, so that a node that was cut off does not come back with a high
 * term and unseat a leader (thesis 9.6). A node whose disk hangs could not lead and only get in the
 * way of those that can: it waits for another timeout.
 */
export function startCampaign(core: CoreState): void {
  if (isDiskSilent(core)) {
    becomeFollower(core, core.term);
    core.resetElectionTimer();
    return;
  }
  standForElection(core);
  if (!core.options.preVote) {
    startElection(core, { isTransfer: false });
    return;
  }
  const campaign = openCampaign(core, { phase: 'preVote', isTransfer: false });
  askVoters(core, campaign);
  campaign.tally.set(core.id, true);
  countTally(core, campaign);
}

/**
 * The leader hands over to this node, which has all of its log: it campaigns at once, and no voter
 * is held back by its loyalty (thesis 3.10). A request from another term, or of somebody else than
 * the leader of this one, is stale and changes nothing.
 */
export function onTimeoutNow(core: CoreState, request: RequestId, rpc: TimeoutNowRequest): void {
  core.reply(request, { type: 'done' });
  const isFromLeader = rpc.term === core.term && rpc.leader === core.leader;
  if (!isFromLeader || core.role !== 'follower' || core.isQuarantined) return;
  standForElection(core);
  startElection(core, { isTransfer: true });
}

/** The candidate's own vote became durable: now it counts, and the others are asked. */
export function releaseCampaign(core: CoreState, term: Term): void {
  const { campaign } = core;
  if (campaign?.phase !== 'vote' || core.term !== term) return;
  askVoters(core, campaign);
  campaign.tally.set(core.id, true);
  countTally(core, campaign);
}

export function onVoteAnswered(core: CoreState, call: CallId, response: VoteResponse): void {
  if (response.term > core.term) {
    becomeFollower(core, response.term);
    return;
  }
  const { campaign } = core;
  const voter = campaign?.calls.get(call);
  if (campaign === undefined || voter === undefined) return;
  campaign.calls.delete(call);
  // A vote is for one term; a pre-vote comes from whatever term the voter is in.
  const counts = campaign.phase === 'preVote' || response.term === core.term;
  campaign.tally.set(voter, response.granted && counts);
  countTally(core, campaign);
}

/** Nobody answered this call: neither a grant nor a refusal, so the tally stays open. */
export function onVoteUnanswered(core: CoreState, call: CallId): void {
  core.campaign?.calls.delete(call);
}

/** Answers RequestVote: sections 5.2 and 5.4.1, and the receiver's part of figure 2. */
export function onRequestVote(core: CoreState, request: RequestId, rpc: VoteRequest): void {
  const { candidate } = rpc;
  if (rpc.preVote) {
    const granted = !isLoyal(core, rpc) && isUpToDate(core, rpc) && couldVote(core, rpc);
    const answer = { type: 'vote', response: { term: core.term, granted } } as const;
    core.hold({ type: 'answer', request, answer }, { untilWrite: 0 });
    return;
  }
  if (!isLoyal(core, rpc)) {
    if (rpc.term > core.term) becomeFollower(core, rpc.term);
    if (rpc.term === core.term && couldVote(core, rpc) && isUpToDate(core, rpc)) {
      if (core.votedFor === undefined) core.setVote(core.term, candidate);
      // Whoever gives its vote away no longer asks whether it could win itself.
      if (core.role === 'candidate') becomeFollower(core, core.term);
      core.resetElectionTimer();
    }
  }
  core.hold({ type: 'vote', request, term: rpc.term, candidate }, { untilWrite: 0 });
}

/** The answer as it stands now, unless the vote has changed again and is not yet durable. */
export function releaseVote(
  core: CoreState,
  request: RequestId,
  vote: { readonly term: Term; readonly candidate: NodeId },
): void {
  if (!core.isVoteDurable) {
    core.hold({ type: 'vote', request, ...vote }, { untilWrite: 0 });
    return;
  }
  const granted = core.term === vote.term && core.votedFor === vote.candidate;
  core.reply(request, { type: 'vote', response: { term: core.term, granted } });
}

function standForElection(core: CoreState): void {
  core.role = 'candidate';
  core.leader = undefined;
  core.resetElectionTimer();
}

function startElection(core: CoreState, { isTransfer }: Pick<Campaign, 'isTransfer'>): void {
  openCampaign(core, { phase: 'vote', isTransfer });
  core.setVote(core.term + 1, core.id);
  core.hold({ type: 'campaign', term: core.term }, { untilWrite: 0 });
}

function openCampaign(
  core: CoreState,
  { phase, isTransfer }: Pick<Campaign, 'phase' | 'isTransfer'>,
): Campaign {
  const campaign: Campaign = { phase, isTransfer, tally: new Map(), calls: new Map() };
  core.campaign = campaign;
  return campaign;
}

function askVoters(core: CoreState, campaign: Campaign): void {
  const preVote = campaign.phase === 'preVote';
  const rpc: VoteRequest = {
    term: preVote ? core.term + 1 : core.term,
    candidate: core.id,
    lastLogId: core.last,
    preVote,
    transfer: campaign.isTransfer,
  };
  for (const to of allVoters(core.membership)) {
    if (to === core.id) continue;
    const call = core.nextCall();
    campaign.calls.set(call, to);
    core.emit({ type: 'requestVote', call, to, rpc });
  }
}

function countTally(core: CoreState, campaign: Campaign): void {
  const outcome = countVotes(core.membership.voters, campaign.tally);
  if (outcome === 'open') return;
  if (outcome === 'lost') becomeFollower(core, core.term);
  else if (campaign.phase === 'preVote') startElection(core, { isTransfer: false });
  else becomeLeader(core);
}

/**
 * A node that hears its leader refuses to help unseat it (section 6; thesis 4.2.3), and does not
 * even take over the term. The leader itself is loyal to its own lease.
 */
function isLoyal(core: CoreState, rpc: VoteRequest): boolean {
  if (!core.options.checkQuorum || rpc.transfer) return false;
  if (core.role === 'leader') return true;
  return core.now < core.leaderHeardAt + core.options.electionTimeoutMs.min;
}

/** A vote is given once a term; asking for it beforehand gives the answer it would get. */
function couldVote(core: CoreState, rpc: VoteRequest): boolean {
  if (core.isQuarantined) return false;
  if (rpc.term > core.term) return true;
  return rpc.term === core.term && (core.votedFor === undefined || core.votedFor === rpc.candidate);
}

function isUpToDate(core: CoreState, rpc: VoteRequest): boolean {
  return compareLogIds(rpc.lastLogId, core.last) >= 0;
}
