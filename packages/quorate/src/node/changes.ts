import { isVoter } from '../core/membership.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, LogIndex, NodeId, Role, Term } from '../core/types.ts';
import type { Counters } from './counters.ts';
import { channels, publish } from './diagnostics.ts';
import type { Journal, LogLine } from './logger.ts';

/** What of a node can change, as it was after the last step. */
interface Seen {
  role: Role;
  term: Term;
  leader: NodeId | undefined;
  /** The term of the newest leader that was known, to see the same one elected again. */
  leaderTerm: Term;
  committed: LogIndex;
  membership: EffectiveMembership;
  quarantine: string | undefined;
}

/**
 * Compares each state with the one before, and tells what is different: to the log, and to the
 * channels. No change is skipped, since no two steps are taken as one.
 */
export class Changes {
  readonly #node: NodeId;
  readonly #journal: Journal;
  readonly #counters: Counters;
  #seen: Seen | undefined = undefined;
  #hasCommitted = false;

  constructor(node: NodeId, journal: Journal, counters: Counters) {
    this.#node = node;
    this.#journal = journal;
    this.#counters = counters;
  }

  /** More is committed than before the last step. */
  get hasCommitted(): boolean {
    return this.#hasCommitted;
  }

  begin(state: Readonly<CoreState>): void {
    const { role, term, leader, committed, membership, quarantine } = state;
    this.#seen = { role, term, leader, leaderTerm: 0, committed, membership, quarantine };
  }

  /** Returns `true` if role or membership is another. */
  follow(state: Readonly<CoreState>): boolean {
    const seen = this.#seen;
    if (seen === undefined) return false;
    const { role, term, leader, committed, membership, quarantine } = state;
    this.#hasCommitted = committed !== seen.committed;
    if (this.#hasCommitted) {
      seen.committed = committed;
      if (channels['quorate:commit'].hasSubscribers) {
        publish('quorate:commit', { node: this.#node, term, index: committed });
      }
    }
    const isOther = role !== seen.role || membership !== seen.membership;
    if (term !== seen.term) this.#onTerm(state);
    if (role !== seen.role) this.#onRole(role, term, seen);
    seen.term = term;
    // Only once the role is told, so that whoever led is seen to lead no more before another does.
    if (leader !== seen.leader || (leader !== undefined && term !== seen.leaderTerm)) {
      this.#onLeader(leader, term, seen);
    }
    if (membership !== seen.membership) this.#onMembership(membership, seen);
    if (quarantine !== seen.quarantine) this.#onQuarantine(quarantine, seen);
    return isOther;
  }

  #onTerm({ term, votedFor }: Readonly<CoreState>): void {
    if (votedFor !== this.#node) return;
    this.#counters.elections += 1;
    this.#journal.write('stands for election', { term });
  }

  #onRole(role: Role, term: Term, seen: Seen): void {
    const before = seen.role;
    seen.role = role;
    let line: LogLine = `is ${role} now`;
    // If the term is the same, nobody took the office over: no quorum was to be reached, or this
    // node is no voter any more.
    if (before === 'leader') {
      line = term > seen.term ? 'leads no more' : 'gave up leadership, which nobody took over';
    }
    this.#journal.write(line, { role, before, term });
    publish('quorate:role', { node: this.#node, term, role, before });
  }

  #onLeader(leader: NodeId | undefined, term: Term, seen: Seen): void {
    seen.leader = leader;
    if (leader !== undefined) {
      seen.leaderTerm = term;
      this.#counters.leaderChanges += 1;
      this.#journal.write('has a leader', { leader, term });
    } else this.#journal.write('knows of no leader', { term });
    publish('quorate:leader', { node: this.#node, term, leader });
  }

  #onMembership(membership: EffectiveMembership, seen: Seen): void {
    seen.membership = membership;
    const { voters, nodes, logId } = membership;
    const learners = Object.keys(nodes).filter((id) => !isVoter(membership, id));
    const fields = { index: logId.index, voters, learners };
    this.#journal.write('another membership is in force', fields);
    publish('quorate:membership', { node: this.#node, membership });
  }

  #onQuarantine(reason: string | undefined, seen: Seen): void {
    seen.quarantine = reason;
    if (reason === undefined) return;
    this.#journal.write('is in quarantine', { reason });
    publish('quorate:quarantine', { node: this.#node, reason });
  }
}
