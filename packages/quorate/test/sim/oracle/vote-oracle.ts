import type { Action } from '../../../src/core/action.ts';
import type { Event } from '../../../src/core/event.ts';
import type { VoteRequest, VoteResponse } from '../../../src/core/message.ts';
import type { Campaign } from '../../../src/core/office.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { LogId, NodeId, Term } from '../../../src/core/types.ts';
import { isQuorum, type Ledger, nameOf } from './ledger.ts';
import type { SeenNode } from './seen-node.ts';
import { demand } from './violation.ts';

type Persist = Extract<Action, { type: 'persist' }>;

/** Watches terms, votes and elections: S1, S2, S3, S8 at an election, S14, S16, S18 and S20. */
export class VoteOracle {
  readonly #ledger: Ledger;
  /** By node, disk and term: for whom a vote has left that node. */
  readonly #released = new Map<string, NodeId>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The core has taken a step; what it asks to be written is not in the node's shadow yet. */
  onStepped(node: SeenNode, event: Event, state: Readonly<CoreState>): void {
    const { campaign } = state;
    if (campaign !== node.campaign) {
      node.lastCampaign = node.campaign;
      node.campaign = campaign;
    }
    demand(
      state.term >= node.term,
      'S14',
      () => `${node.id} went from term ${node.term} back to ${state.term}`,
    );
    if (event.type !== 'requestVote' || !event.rpc.preVote) return;
    const { electionAt, leaderHeardAt, term } = node;
    demand(
      state.term === term &&
        state.electionAt === electionAt &&
        state.leaderHeardAt === leaderHeardAt,
      'S20',
      () => `a pre-vote request of ${event.rpc.candidate} changed ${node.id}`,
    );
  }

  /** A node that opens a term for itself has asked before, unless its leader told it to (S20). */
  onPersist(node: SeenNode, event: Event, { vote }: Persist): void {
    demand(
      event.type !== 'requestVote' || !event.rpc.preVote,
      'S20',
      () => `${node.id} writes something down because somebody asked for a pre-vote`,
    );
    if (vote?.votedFor !== node.id || vote.term <= node.term) return;
    if (event.type === 'timeoutNow') return;
    const before = node.lastCampaign;
    const granted = before?.phase === 'preVote' ? grantedIn(before, node.id) : new Set([node.id]);
    demand(
      isQuorum(this.#ledger.votersOf(node.changeBefore), granted),
      'S20',
      () => `${node.id} campaigns in term ${vote.term} without a quorum of pre-votes`,
    );
  }

  afterStep(node: SeenNode, disk: number, state: Readonly<CoreState>): void {
    node.term = state.term;
    node.electionAt = state.electionAt;
    node.leaderHeardAt = state.leaderHeardAt;
    if (state.role !== 'leader') node.leadsTerm = 0;
    else if (node.leadsTerm !== state.term) this.#onElected(node, disk, state);
  }

  /** A request for votes leaves: the candidate's own is given by it. */
  onRequest(node: SeenNode, disk: number, { term, preVote }: VoteRequest): void {
    if (!preVote) this.onReleased(node, disk, { term, votedFor: node.id });
  }

  /** An answer to a request for votes leaves. */
  onAnswer(node: SeenNode, disk: number, request: VoteRequest, response: VoteResponse): void {
    const { granted, term } = response;
    this.onTerm(node, term);
    if (!granted || request.preVote) return;
    demand(
      term === request.term,
      'S2',
      () => `${node.id} answered a request of term ${request.term} by a vote in term ${term}`,
    );
    this.onReleased(node, disk, { term, votedFor: request.candidate });
  }

  /** A message leaves that tells of `term`: it is on the disk (S3). */
  onTerm({ id, disk }: SeenNode, term: Term): void {
    demand(
      disk.vote.term >= term,
      'S3',
      () => `${id} speaks of term ${term} while its disk has term ${disk.vote.term}`,
    );
  }

  /** A vote leaves: it is on the disk (S3), and it is the only one of its term (S2). */
  onReleased(
    { id, isCopy, disk: { vote, votes } }: SeenNode,
    disk: number,
    { term, votedFor }: { readonly term: Term; readonly votedFor: NodeId },
  ): void {
    // The simulator puts a copy back only where all others can tell.
    demand(
      !isCopy,
      'S2',
      () => `${id} votes in term ${term} on an old copy, which has forgotten its votes`,
    );
    this.#ledger.seen.votesReleased += 1;
    demand(
      votes.get(term) === votedFor,
      'S3',
      () =>
        `${id} votes for ${votedFor} in term ${term}; its disk has ${vote.votedFor} in ${vote.term}`,
    );
    const key = keyOf(id, disk, term);
    const before = this.#released.get(key);
    demand(
      before === undefined || before === votedFor,
      'S2',
      () => `${id} voted for ${before} and for ${votedFor} in term ${term}`,
    );
    this.#released.set(key, votedFor);
  }

  #onElected(node: SeenNode, disk: number, { term }: Readonly<CoreState>): void {
    const { leaders, logs, seen } = this.#ledger;
    const { id } = node;
    const other = leaders.get(term);
    demand(other === undefined, 'S1', () => `${other} and ${id} both lead term ${term}`);
    seen.elections += 1;
    node.leadsTerm = term;
    leaders.set(term, id);
    logs.set(term, node.log.copy());
    const campaign = node.lastCampaign ?? node.campaign;
    const electorate = campaign?.phase === 'vote' ? grantedIn(campaign, id) : new Set([id]);
    this.onReleased(node, disk, { term, votedFor: id });
    this.#checkElectorate(node, term, electorate);
    this.#checkCompleteness(node, term, electorate);
  }

  /** Whoever is counted has a vote, and has given it (S18). */
  #checkElectorate(node: SeenNode, term: Term, electorate: Set<NodeId>): void {
    const { id, changeBefore, changes } = node;
    for (const voter of electorate) {
      if (voter === id) continue;
      const hasVoted = this.#hasReleased(voter, term, id);
      demand(hasVoted, 'S18', () => `${id} counts a vote of ${voter} in term ${term} never given`);
    }
    const voters = this.#ledger.votersOf(changeBefore);
    // A change that leaves it out may be in its log alone, and then nobody else could win.
    const recent = [changeBefore, ...changes.slice(-2)];
    demand(
      recent.some((change) => this.#ledger.votersOf(change).some((set) => set.includes(id))),
      'S18',
      () => `${id} leads term ${term}, and has no vote by ${nameOf(changeBefore)}`,
    );
    demand(
      isQuorum(voters, electorate),
      'S18',
      () =>
        `${id} leads term ${term} by ${[...electorate].join(', ')}, ` +
        `no quorum of the voters of ${nameOf(changeBefore)}`,
    );
  }

  /** What was committed in an older term is in the new leader's log (S8), by the votes (S16). */
  #checkCompleteness(node: SeenNode, term: Term, electorate: Set<NodeId>): void {
    const { committed, committedIn } = this.#ledger;
    const index = committedIn.findLastIndex((older) => older < term);
    const entry = committed[index] as LogId;
    if (index <= 0) return;
    const own = index <= node.log.purged.index ? committed[index]?.term : node.log.termAt(index);
    demand(
      own === entry.term,
      'S8',
      () => `${node.id} leads term ${term} without ${nameOf(entry)}, committed in an older term`,
    );
    // Those who had it when it was committed; those who got it since make up for nobody.
    const { by } = this.#ledger.newestIn.get(committedIn[index] as Term) ?? {};
    const holders = by ?? this.#ledger.holders(entry);
    demand(
      [...electorate].some((id) => holders.has(id)),
      'S16',
      () => `nobody who elected ${node.id} in term ${term} had the committed ${nameOf(entry)}`,
    );
  }

  #hasReleased(voter: NodeId, term: Term, candidate: NodeId): boolean {
    const disks = this.#ledger.nodes.get(voter)?.lost.length ?? 0;
    for (let disk = 0; disk <= disks + 1; disk += 1) {
      if (this.#released.get(keyOf(voter, disk, term)) === candidate) return true;
    }
    return false;
  }
}

/** Those who gave their vote, and the candidate itself. */
function grantedIn({ tally }: Campaign, self: NodeId): Set<NodeId> {
  const granted = new Set([self]);
  for (const [id, isGranted] of tally) if (isGranted) granted.add(id);
  return granted;
}

function keyOf(id: NodeId, disk: number, term: Term): string {
  return `${id} ${disk} ${term}`;
}
