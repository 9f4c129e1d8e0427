import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { VoteRequest } from '../../src/core/message.ts';
import type { NodeId, Term } from '../../src/core/types.ts';
import type { History } from './history.ts';
import { isQuorum, votersOf } from './history.ts';
import type { Message } from './message.ts';
import { demand } from './violation.ts';
import type { WalkNode } from './walk-node.ts';
import { nodeAt } from './walk-node.ts';

/** Watches terms, votes and elections: S1, S2, S3, S8 at an election, S14, S16, S18 and S20. */
export class VoteOracle {
  readonly #history: History;
  readonly #released: Map<number, NodeId> = new Map();
  #electionAt = Infinity;
  #leaderHeardAt = -Infinity;

  constructor(history: History) {
    this.#history = history;
  }

  beforeStep({ state }: WalkNode): void {
    this.#electionAt = state.electionAt;
    this.#leaderHeardAt = state.leaderHeardAt;
  }

  /** A pre-vote request is answered and changes nothing (S20). */
  onActions(node: WalkNode, event: Event, actions: readonly Action[]): void {
    if (event.type !== 'requestVote' || !event.rpc.preVote) return;
    const isUntouched =
      actions.every(({ type }) => type === 'reply') &&
      this.#electionAt === node.state.electionAt &&
      this.#leaderHeardAt === node.state.leaderHeardAt;
    demand(isUntouched, 'S20', () => `a pre-vote request changed ${node.id}`);
  }

  /** The core has taken a step and its actions are not carried out yet. */
  onStepped(node: WalkNode): void {
    const { campaign } = node.state;
    if (campaign === node.seenCampaign) return;
    if (node.seenCampaign?.phase === 'vote' && campaign === undefined && !node.leads) {
      this.#history.marks.electionsLost += 1;
    }
    if (campaign?.phase === 'preVote') this.#history.marks.preVoteRounds += 1;
    node.seenCampaign = campaign;
    node.closedGrants = node.grants;
    node.grants = 0;
    node.campaignCount += 1;
  }

  /** An answer is about to reach a candidate. Only grants for the campaign under way count. */
  onAnswer(node: WalkNode, message: Message): void {
    if (message.type !== 'voteAnswered' || message.campaign !== node.campaignCount) return;
    const { rpc, response } = message;
    if (!response.granted || response.term > node.state.term) return;
    if (rpc.preVote || response.term === rpc.term) node.grants |= 1 << message.to;
  }

  /** A vote record is asked for: with pre-vote, a term is opened only by its quorum (S20). */
  onVote(node: WalkNode, votedFor: NodeId | undefined, options: { preVote: boolean }): void {
    if (votedFor !== node.id || !options.preVote) return;
    demand(
      isQuorum(votersOf(node.change), node.closedGrants | node.bit),
      'S20',
      () => `${node.id} campaigns in term ${node.state.term} without a pre-vote quorum`,
    );
  }

  /** A vote or a term leaves the node: it must be on its disk (S3), and be its only one (S2). */
  onReleased(node: WalkNode, term: Term, votedFor: NodeId | undefined): void {
    const { vote } = node.disk;
    demand(
      vote.term >= term,
      'S3',
      () => `${node.id} speaks of term ${term} while its disk has term ${vote.term}`,
    );
    if (votedFor === undefined) return;
    demand(
      vote.term === term && vote.votedFor === votedFor,
      'S3',
      () =>
        `${node.id} votes for ${votedFor} in term ${term}; its disk has ${vote.votedFor} in ${vote.term}`,
    );
    const key = term * 8 + node.at;
    const before = this.#released.get(key);
    demand(
      before === undefined || before === votedFor,
      'S2',
      () => `${node.id} voted for ${before} and for ${votedFor} in term ${term}`,
    );
    if (before === undefined) this.#released.set(key, votedFor);
  }

  onVoteRequest(node: WalkNode, rpc: VoteRequest): void {
    if (!rpc.preVote) this.onReleased(node, rpc.term, node.id);
  }

  afterStep(node: WalkNode, event: Event): void {
    const { state, leadsTerm } = node;
    const { term } = state;
    if (term !== node.seenTerm) {
      const fell = term < node.seenTerm;
      demand(!fell, 'S14', () => `${node.id} went from term ${node.seenTerm} back to ${term}`);
      node.seenTerm = term;
    }
    if (node.leads) {
      if (leadsTerm !== term) this.#onElected(node);
    } else if (leadsTerm !== 0) {
      const { marks } = this.#history;
      if (term > leadsTerm) marks.leadersUnseatedByTerm += 1;
      else if (event.type === 'wake') marks.leadersWithoutQuorum += 1;
      else marks.leadersRemoved += 1;
      node.leadsTerm = 0;
    }
  }

  #onElected(node: WalkNode): void {
    const { leaders, logs, marks } = this.#history;
    const { term } = node.state;
    demand(
      leaders[term] === undefined,
      'S1',
      () => `${leaders[term]?.id} and ${node.id} both lead term ${term}`,
    );
    marks.electionsWon += 1;
    node.leadsTerm = term;
    leaders[term] = node;
    logs[term] = [...node.log];
    this.onReleased(node, term, node.id);
    const electorate = node.closedGrants | node.bit;
    const voters = votersOf(node.changeBefore);
    demand(hasVote(node), 'S18', () => `${node.id} leads term ${term} and is no voter`);
    demand(
      isQuorum(voters, electorate),
      'S18',
      () => `${node.id} leads term ${term} without votes of a quorum`,
    );
    this.#checkCompleteness(node, electorate);
  }

  /** What was committed in an older term is in the new leader's log (S8), by the votes (S16). */
  #checkCompleteness(node: WalkNode, electorate: number): void {
    const { committed, committedIn } = this.#history;
    const { term } = node.state;
    const index = committedIn.findLastIndex((older) => older < term);
    const entry = committed[index];
    if (entry === undefined || index <= 0) return;
    demand(
      node.log[index] === entry,
      'S8',
      () => `${node.id} leads term ${term} without entry ${index}, committed in an older term`,
    );
    demand(
      (this.#history.holders(entry) & electorate) !== 0,
      'S16',
      () => `nobody who elected ${node.id} in term ${term} had the committed entry ${index}`,
    );
  }
}

/**
 * A node that the membership in force leaves out may still be needed to commit it (thesis 4.2.2),
 * as long as it does not know that it is committed. Its own vote does not count then.
 */
function hasVote({ changes, state, at }: WalkNode): boolean {
  const newest = changes.findLastIndex(({ logId }) => logId.index <= state.committed);
  return changes
    .slice(Math.max(0, newest))
    .some((change) => votersOf(change).some((set) => set.some((id) => nodeAt(id) === at)));
}
