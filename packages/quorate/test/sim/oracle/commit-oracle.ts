import type { Action } from '../../../src/core/action.ts';
import type { Event } from '../../../src/core/event.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { LogId, LogIndex, Term } from '../../../src/core/types.ts';
import { isQuorum, type Ledger, nameOf } from './ledger.ts';
import type { SeenDisk, SeenNode } from './seen-node.ts';
import { demand } from './violation.ts';

/** Watches what is promised and committed: S3 at an apply, S4, S8 to S12, and S15. */
export class CommitOracle {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** A match leaves: all up to it is on the disk, and is what that term's leader has (S4). */
  onMatch(node: SeenNode, { term, match }: { term: Term; match: LogIndex }): void {
    this.#ledger.seen.matchesReleased += 1;
    if (match === 0) return;
    // A term without a leader knows of nothing but what was committed before.
    const wanted = this.#ledger.logs.has(term)
      ? this.#ledger.termOfLeaderAt(term, match)
      : this.#ledger.committed[match]?.term;
    demand(
      wanted !== undefined && this.#hasStored(node.disk, { term: wanted, index: match }),
      'S4',
      () =>
        `${node.id} accepts up to ${match} in term ${term}, whose leader has term ${wanted} there; ` +
        `its disk has ${this.#ledger.termStoredAt(node.disk, match)}`,
    );
  }

  /** A leader has taken an answer: what it believes of its followers is so (S15). */
  afterAnswer(node: SeenNode, { term, last, leadership }: Readonly<CoreState>): void {
    for (const { id, matchIndex, nextIndex } of leadership?.progress.values() ?? []) {
      demand(
        nextIndex > matchIndex && nextIndex <= last.index + 1,
        'S15',
        () => `${node.id} would go on with ${id} at ${nextIndex}, after ${matchIndex}`,
      );
      const follower = this.#ledger.nodes.get(id);
      if (matchIndex === 0 || follower === undefined) continue;
      // What nobody had committed may be gone on a follower that has a newer leader.
      if (follower.disk.vote.term > term || follower.lost.length > 0) continue;
      const own = this.#ledger.termOfLeaderAt(term, matchIndex);
      demand(
        own !== undefined && this.#hasStored(follower.disk, { term: own, index: matchIndex }),
        'S15',
        () => `${node.id} believes that ${id} has ${matchIndex} entries of its log on disk`,
      );
    }
  }

  afterStep(node: SeenNode, event: Event, state: Readonly<CoreState>): void {
    const { committed, last } = state;
    const before = node.committed;
    if (committed === before) return;
    demand(
      committed > before && committed <= last.index,
      'S11',
      () => `${node.id} moved its commit index from ${before} to ${committed} of ${last.index}`,
    );
    node.committed = committed;
    // A snapshot holds what is committed in whatever term; `#note` compares what it stands for.
    if (event.type !== 'snapshotReceived') this.#checkRule(node, state);
    const { purged } = node.log;
    for (let index = before + 1; index <= committed; index += 1) {
      const term = node.log.termAt(index);
      if (term !== undefined) this.#note(node, { term, index }, state.term);
    }
    demand(
      this.#ledger.isCommitted(purged),
      'S9',
      () => `${node.id} stands on ${nameOf(purged)}, which nobody has committed`,
    );
  }

  /** The state machine is told to go on to `index`. */
  onApply(node: SeenNode, { index }: Extract<Action, { type: 'apply' }>, term: Term): void {
    demand(
      index > node.applying && index <= node.committed,
      'S11',
      () =>
        `${node.id} applies to ${index} after ${node.applying}, with ${node.committed} committed`,
    );
    const own = node.log.termAt(index);
    demand(
      own !== undefined && this.#ledger.termStoredAt(node.disk, index) === own,
      'S11',
      () => `${node.id} applies entry ${index}, which is not on its disk`,
    );
    // After a crash, an older leader might not have what was learned in a term that is forgotten.
    demand(
      node.disk.vote.term === term,
      'S3',
      () =>
        `${node.id} applies what it learned in term ${term}; its disk has ${node.disk.vote.term}`,
    );
    node.applying = index;
  }

  /** A leader counts only entries of its term; a follower goes by its leader's log (S12). */
  #checkRule(node: SeenNode, { term, committed }: Readonly<CoreState>): void {
    const own = node.log.termAt(committed);
    const isLeader = this.#ledger.leaders.get(term) === node.id;
    demand(
      !isLeader || own === term,
      'S12',
      () => `${node.id} led term ${term} and committed entry ${committed} of term ${own}`,
    );
    demand(
      own !== undefined && this.#ledger.termOfLeaderAt(term, committed) === own,
      'S12',
      () => `${node.id} committed entry ${committed} of term ${own}, unlike the leader of ${term}`,
    );
  }

  #note(node: SeenNode, entry: LogId, term: Term): void {
    const { committed, committedIn, committedChanges, tree, seen } = this.#ledger;
    const known = committed[entry.index];
    if (known !== undefined) {
      demand(
        known.term === entry.term,
        'S9',
        () => `${node.id} committed ${nameOf(entry)}, and another node ${nameOf(known)}`,
      );
      return;
    }
    demand(
      entry.index === committed.length,
      'S11',
      () => `${node.id} committed ${nameOf(entry)}, and nobody has entry ${committed.length}`,
    );
    const voters = this.#ledger.votersOf(node.changeBefore);
    const by = this.#ledger.holders(entry);
    demand(
      isQuorum(voters, by),
      'S10',
      () => `${node.id} committed ${nameOf(entry)}, which no quorum has on disk`,
    );
    committed.push(entry);
    committedIn.push(term);
    this.#ledger.newestIn.set(term, { index: entry.index, by });
    seen.commits += 1;
    if (tree.membershipOf(entry) !== undefined) committedChanges.push(entry);
    this.#checkOtherLeaders(node, entry, term);
  }

  /** Whoever leads in a later term by now has it as well (S8). */
  #checkOtherLeaders(node: SeenNode, entry: LogId, term: Term): void {
    for (const other of this.#ledger.nodes.values()) {
      if (other.leadsTerm <= term) continue;
      demand(
        this.#ledger.termOfLeaderAt(other.leadsTerm, entry.index) === entry.term,
        'S8',
        () => `${node.id} committed ${nameOf(entry)}, which ${other.id} lacks in a later term`,
      );
    }
  }

  /** Now, or when the event of the world began that is under way: then it may be told of still. */
  #hasStored(disk: SeenDisk, { term, index }: LogId): boolean {
    return (
      this.#ledger.termStoredAt(disk, index) === term || disk.logBefore?.termAt(index) === term
    );
  }
}
