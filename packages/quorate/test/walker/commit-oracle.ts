import type { Event } from '../../src/core/event.ts';
import type { Entry } from '../../src/core/types.ts';
import type { History } from './history.ts';
import { isQuorum, votersOf } from './history.ts';
import { demand } from './violation.ts';
import type { WalkNode } from './walk-node.ts';

/** Watches what is promised, committed and applied: S3 at an apply, S4, S8 to S12, S15 and S17. */
export class CommitOracle {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /** A match leaves: all up to it is on the disk, and is what that term's leader has (S4). */
  onMatch(node: WalkNode, { term, match }: { term: number; match: number }): void {
    const { logs, committed } = this.#history;
    const stored = this.#history.storedAt(node, match);
    demand(
      stored !== undefined && (logs[term] ?? committed)[match] === stored,
      'S4',
      () =>
        `${node.id} accepts up to ${match} in term ${term}; its disk has ${describe(stored)} there`,
    );
  }

  /** A leader has taken an answer of `follower`: what it believes must be so (S15). */
  onAnswered(node: WalkNode, follower: WalkNode): void {
    const match = node.state.leadership?.progress.get(follower.id)?.matchIndex ?? 0;
    // A follower that went on to a newer term may have lost what nobody had committed.
    if (match === 0 || follower.disk.vote.term > node.state.term) return;
    if (follower.lost.length > 0) return;
    demand(
      this.#history.storedAt(follower, match) === node.log[match],
      'S15',
      () => `${node.id} believes that ${follower.id} has entry ${match} of its log on disk`,
    );
  }

  afterStep(node: WalkNode, event: Event): void {
    const { state, seenCommitted } = node;
    const { committed } = state;
    const { membership } = state;
    demand(
      membership.logId.index === (node.change?.logId.index ?? 0) &&
        (node.change === undefined || membership.voters === votersOf(node.change)),
      'S17',
      () => `${node.id} goes by the membership of entry ${membership.logId.index}, unlike its log`,
    );
    if (committed === seenCommitted) return;
    demand(
      committed > seenCommitted && committed < node.log.length,
      'S11',
      () =>
        `${node.id} moved its commit index from ${seenCommitted} to ${committed}, with ${node.log.length - 1} entries`,
    );
    // A snapshot holds what is committed in whatever term, which `#note` compares.
    if (event.type !== 'snapshotReceived') this.#checkCommitRule(node, committed);
    for (let index = seenCommitted + 1; index <= committed; index += 1) this.#note(node, index);
    node.seenCommitted = committed;
    if (committed > state.durable) this.#history.marks.committedAheadOfDisk += 1;
  }

  /** The state machine is told to go on to `index`. */
  onApply(node: WalkNode, index: number): void {
    const isFree = node.restores.length === 0;
    const isNext = isFree && index > node.applying && index <= node.state.committed;
    demand(isNext, 'S11', () => `${node.id} applies to ${index} after ${node.applying}`);
    demand(
      this.#history.storedAt(node, index) === node.log[index],
      'S11',
      () => `${node.id} applies entry ${index}, which is not on its disk`,
    );
    // A state machine may keep what it applies, and so a node would come back that knows more than
    // its term: an older leader could then still make it disagree with what is committed.
    demand(
      node.disk.vote.term === node.state.term,
      'S3',
      () =>
        `${node.id} applies what it learned in term ${node.state.term}; its disk has ${node.disk.vote.term}`,
    );
    node.applying = index;
  }

  applyUpTo(node: WalkNode, index: number): void {
    for (let at = node.applied + 1; at <= index; at += 1) {
      const entry = node.log[at];
      demand(
        entry !== undefined && entry === this.#history.committed[at],
        'S9',
        () => `${node.id} applied ${describe(entry)}, which is not what was committed`,
      );
      node.takeApplied(entry);
    }
  }

  /** A leader counts only entries of its term; a follower goes by its leader's log (S12). */
  #checkCommitRule(node: WalkNode, committed: number): void {
    const { term } = node.state;
    if (this.#history.leaders[term] === node) {
      demand(
        node.log[committed]?.logId.term === term,
        'S12',
        () => `${node.id} led term ${term} and committed ${describe(node.log[committed])}`,
      );
      return;
    }
    demand(
      this.#history.logs[term]?.[committed] === node.log[committed],
      'S12',
      () => `${node.id} committed ${describe(node.log[committed])}, unlike the leader of ${term}`,
    );
  }

  #note(node: WalkNode, index: number): void {
    const { committed, committedIn, marks } = this.#history;
    const { term } = node.state;
    const entry = node.log[index] as Entry;
    const known = committed[index];
    if (known !== undefined) {
      demand(
        known === entry,
        'S9',
        () => `${node.id} committed ${describe(entry)}, and another node ${describe(known)}`,
      );
      return;
    }
    demand(
      isQuorum(votersOf(node.changeBefore), this.#history.holders(entry)),
      'S10',
      () => `${node.id} committed ${describe(entry)}, which no quorum has on disk`,
    );
    committed.push(entry);
    committedIn.push(term);
    marks.entriesCommitted += 1;
    if (entry.logId.term < term) marks.olderTermEntriesCommitted += 1;
    this.#checkOtherLeaders(node, entry);
    if (entry.payload.type === 'membership' && index > 1) this.#noteChange(index);
  }

  #checkOtherLeaders(node: WalkNode, entry: Entry): void {
    const { index } = entry.logId;
    for (const other of this.#history.nodes) {
      if (other.leadsTerm <= node.state.term) continue;
      this.#history.marks.lateCommitsOfOlderLeaders += 1;
      demand(
        other.log[index] === entry,
        'S8',
        () => `${node.id} committed ${describe(entry)}, which ${other.id} lacks in a later term`,
      );
    }
  }

  #noteChange(index: number): void {
    const { committed, marks } = this.#history;
    const before = committed.findLast(
      ({ logId, payload }) => logId.index < index && payload.type === 'membership',
    );
    if (votersOf(before).length === 2) marks.jointChangesCompleted += 1;
  }
}

function describe(entry: Entry | undefined): string {
  return entry === undefined
    ? 'no entry'
    : `entry ${entry.logId.index} of term ${entry.logId.term}`;
}
