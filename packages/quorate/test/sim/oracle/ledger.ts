import { noLogId } from '../../../src/core/log-shape.ts';
import type { LogId, LogIndex, Membership, NodeId, Term } from '../../../src/core/types.ts';
import { EntryTree } from './entry-tree.ts';
import { type SeenDisk, SeenNode } from './seen-node.ts';
import type { TermList } from './term-list.ts';

/** How often there was something to look at: a check that never looks proves nothing. */
export interface Seen {
  steps: number;
  elections: number;
  commits: number;
  truncations: number;
  votesReleased: number;
  matchesReleased: number;
  snapshotsInstalled: number;
  commandsApplied: number;
  statesRestored: number;
  readsServed: number;
  recoveries: number;
  imagesRead: number;
  /** Nodes that were closed and could be looked at after it. */
  closes: number;
}

/** What happened so far, as somebody would know it who sees all nodes and all disks at once. */
export class Ledger {
  readonly nodes = new Map<NodeId, SeenNode>();
  readonly tree = new EntryTree();
  readonly seen: Seen = {
    steps: 0,
    elections: 0,
    commits: 0,
    truncations: 0,
    votesReleased: 0,
    matchesReleased: 0,
    snapshotsInstalled: 0,
    commandsApplied: 0,
    statesRestored: 0,
    readsServed: 0,
    recoveries: 0,
    imagesRead: 0,
    closes: 0,
  };
  /** By index: what somebody has committed, and the term in which that node did. */
  readonly committed: LogId[] = [noLogId];
  readonly committedIn: Term[] = [0];
  /** By term in which it was committed: the newest entry, and who had it on disk at that moment. */
  readonly newestIn = new Map<Term, { readonly index: LogIndex; readonly by: Set<NodeId> }>();
  /** By term: who led it. */
  readonly leaders = new Map<Term, NodeId>();
  /** By term: the log of that leader, as long as it led; it only grows. */
  readonly logs = new Map<Term, TermList>();
  /** The indexes of committed membership entries. */
  readonly committedChanges: LogId[] = [];

  get lastCommitted(): LogIndex {
    return this.committed.length - 1;
  }

  node(id: NodeId): SeenNode {
    const known = this.nodes.get(id);
    if (known !== undefined) return known;
    const node = new SeenNode(id);
    this.nodes.set(id, node);
    return node;
  }

  isCommitted({ term, index }: LogId): boolean {
    return index === 0 || this.committed[index]?.term === term;
  }

  /** The term that the leader of `term` has at `index`, or had while it led. */
  termOfLeaderAt(term: Term, index: LogIndex): Term | undefined {
    const log = this.logs.get(term);
    if (log === undefined) return undefined;
    // Before its purged end there is only what was committed.
    return index <= log.purged.index ? this.committed[index]?.term : log.termAt(index);
  }

  /** The term of the entry that `disk` would bring back at `index`: its snapshot, then its log. */
  termStoredAt({ log, snapshot }: SeenDisk, index: LogIndex): Term | undefined {
    if (index <= snapshot.index) return this.committed[index]?.term;
    const joins = log.termAt(snapshot.index) === snapshot.term || snapshot.index === 0;
    return joins ? log.termAt(index) : undefined;
  }

  /**
   * Who has this entry on disk, and with it all that comes before. A disk that had it and was lost
   * counts: its node answers and votes no more.
   */
  holders({ term, index }: LogId): Set<NodeId> {
    const holders = new Set<NodeId>();
    const hasIt = (disk: SeenDisk): boolean => this.termStoredAt(disk, index) === term;
    for (const node of this.nodes.values()) {
      if (hasIt(node.disk) || node.lost.some(hasIt)) holders.add(node.id);
    }
    return holders;
  }

  /** The voter sets that the entry `change` brought; nobody votes before there is one. */
  votersOf(change: LogId): Membership['voters'] {
    return this.tree.membershipOf(change)?.voters ?? [];
  }

  /** The membership in force after everything up to `index` that was committed. */
  changeAt(index: LogIndex): LogId {
    return this.committedChanges.findLast((change) => change.index <= index) ?? noLogId;
  }
}

/** `true` if `ids` are more than half of every voter set. */
export function isQuorum(voters: Membership['voters'], ids: ReadonlySet<NodeId>): boolean {
  const isMost = (set: readonly NodeId[]): boolean =>
    set.filter((id) => ids.has(id)).length * 2 > set.length;
  return voters.length > 0 && voters.every(isMost);
}

export function nameOf({ term, index }: LogId): string {
  return `entry ${index} of term ${term}`;
}
