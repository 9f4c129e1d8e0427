import type { Entry, Membership, Term } from '../../src/core/types.ts';
import { rootEntry } from './disk.ts';
import type { Marks } from './marks.ts';
import { newMarks } from './marks.ts';
import type { Lost, WalkNode } from './walk-node.ts';
import { nodeAt, stateAfter } from './walk-node.ts';

/** What happened in a walk so far, as somebody would know it who sees all nodes at once. */
export class History {
  readonly nodes: readonly WalkNode[];
  readonly marks: Marks = newMarks();
  /** By index: what somebody has committed, and in which term that node committed it. */
  readonly committed: Entry[] = [rootEntry];
  readonly committedIn: Term[] = [0];
  /** By index: the state of a state machine that applied all up to there. */
  readonly states: number[] = [0];
  /** By term: who led it, and the log of that leader, which only grows. */
  readonly leaders: (WalkNode | undefined)[] = [];
  readonly logs: (Entry[] | undefined)[] = [];

  constructor(nodes: readonly WalkNode[]) {
    this.nodes = nodes;
  }

  get lastCommitted(): number {
    return this.committed.length - 1;
  }

  /** The state that applying what is committed up to `index` leads to. */
  stateAt(index: number): number {
    for (let at = this.states.length; at <= index; at += 1) {
      this.states.push(stateAfter(this.states[at - 1] ?? 0, this.committed[at] as Entry));
    }
    return this.states[index] as number;
  }

  /** What `node` would have at `index` if it started anew: its snapshot, and the log after it. */
  storedAt({ disk }: WalkNode, index: number): Entry | undefined {
    return this.#entryOf(disk, index);
  }

  #entryOf({ log, snapshotIndex }: Lost, index: number): Entry | undefined {
    if (index <= snapshotIndex) return this.committed[index];
    return log[snapshotIndex] === this.committed[snapshotIndex] ? log[index] : undefined;
  }

  /**
   * The nodes that have `entry` on disk, as bits; with it they have all that comes before it. A
   * disk that had it and has lost it counts: its node answers and votes no more.
   */
  holders(entry: Entry): number {
    let holders = 0;
    for (const node of this.nodes) {
      const { index } = entry.logId;
      const hadIt = (lost: Lost): boolean => this.#entryOf(lost, index) === entry;
      if (hadIt(node.disk) || node.lost.some(hadIt)) holders |= node.bit;
    }
    return holders;
  }
}

/** `true` if the nodes in `bits` are more than half of every voter set. */
export function isQuorum(voters: Membership['voters'], bits: number): boolean {
  for (const set of voters) {
    let count = 0;
    for (const id of set) if ((bits & (1 << nodeAt(id))) !== 0) count += 1;
    if (count * 2 <= set.length) return false;
  }
  return voters.length > 0;
}

/** The voter sets that `entry` brings into force; nobody votes before there is one. */
export function votersOf(entry: Entry | undefined): Membership['voters'] {
  return entry?.payload.type === 'membership' ? entry.payload.membership.voters : [];
}
