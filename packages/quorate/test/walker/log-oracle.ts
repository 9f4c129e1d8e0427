import type { Event } from '../../src/core/event.ts';
import type { Entry } from '../../src/core/types.ts';
import type { Write } from './disk.ts';
import { rootEntry } from './disk.ts';
import type { History } from './history.ts';
import { votersOf } from './history.ts';
import { demand } from './violation.ts';
import type { WalkNode } from './walk-node.ts';

/**
 * Watches how logs change: S5, S6, S7, S13, and the rules for membership entries in S16.
 *
 * All entries ever made form a tree: each knows the entry before it. Messages and logs share
 * entries by reference, so two logs that hold the same object at an index are equal up to there,
 * and comparing two logs at one index is comparing two references.
 */
export class LogOracle {
  readonly #history: History;
  readonly #tree: Map<number, { readonly entry: Entry; readonly parent: Entry }> = new Map();

  constructor(history: History) {
    this.#history = history;
  }

  /** The node wants its log changed; memory still holds the log as it was. */
  onWrite(node: WalkNode, event: Event, write: Write): void {
    demand(
      write.write === node.seenWrite + 1,
      'S24',
      () => `${node.id} asked for write ${write.write} after write ${node.seenWrite}`,
    );
    node.seenWrite = write.write;
    if (write.truncate !== undefined) this.#onTruncate(node, event, write.truncate);
  }

  /** `entry` is to follow the last one in the node's memory. */
  onAppend(node: WalkNode, event: Event, entry: Entry): void {
    const { term, index } = entry.logId;
    const parent = node.log.at(-1) ?? rootEntry;
    const name = `entry ${index} of term ${term}`;
    demand(
      index === parent.logId.index + 1 && term >= parent.logId.term,
      'S6',
      () => `${node.id} put ${name} after entry ${parent.logId.index} of term ${parent.logId.term}`,
    );
    const key = term * 2 ** 24 + index;
    const known = this.#tree.get(key);
    if (event.type === 'appendEntries') {
      demand(known !== undefined, 'S7', () => `${node.id} made up ${name}`);
      demand(known.entry === entry, 'S7', () => `${node.id} has another content for ${name}`);
      const matches = known.parent === parent;
      demand(matches, 'S6', () => `${node.id} has another log before ${name} than its author`);
      return;
    }
    // The first entry comes again if it was lost before anybody heard of it.
    const isNew = known === undefined || event.type === 'initialize';
    demand(isNew, 'S7', () => `${node.id} made ${name}, and there was one already`);
    this.#tree.set(key, { entry, parent });
    if (event.type === 'initialize') return;
    demand(term === node.state.term, 'S7', () => `${node.id} made ${name} in another term`);
    if (node.leadsTerm === term) this.#history.logs[term]?.push(entry);
    if (entry.payload.type === 'membership') this.#onChange(node, entry);
  }

  #onTruncate(node: WalkNode, event: Event, index: number): void {
    const { log } = node;
    demand(node.leadsTerm === 0 || node.leadsTerm !== node.state.term, 'S5', () => {
      return `${node.id} truncated to ${index} while it led term ${node.leadsTerm}`;
    });
    demand(
      index >= node.seenCommitted && index < log.length - 1,
      'S13',
      () =>
        `${node.id} truncated ${log.length - 1} entries to ${index}, with ${node.seenCommitted} committed`,
    );
    demand(event.type === 'appendEntries', 'S13', () => `${node.id} truncated at ${event.type}`);
    const theirs = this.#history.logs[event.rpc.term] ?? [];
    demand(
      theirs[index] === log[index],
      'S13',
      () => `${node.id} truncated to ${index}, where it does not agree with ${event.rpc.leader}`,
    );
    const first = theirs[index + 1];
    demand(
      first !== undefined && first !== log[index + 1],
      'S13',
      () => `${node.id} truncated to ${index}, though entry ${index + 1} is no conflict`,
    );
    this.#history.marks.conflictsTruncated += 1;
    if ((node.change?.logId.index ?? 0) > index) this.#history.marks.membershipsRolledBack += 1;
  }

  /** A leader appends a membership: one at a time, one step, and after a commit in its own term. */
  #onChange(node: WalkNode, entry: Entry): void {
    const { state, change } = node;
    const { committed } = state;
    demand(
      (change?.logId.index ?? 0) <= committed,
      'S16',
      () => `${node.id} began a change while that of entry ${change?.logId.index} was under way`,
    );
    demand(
      node.log[committed]?.logId.term === state.term,
      'S16',
      () => `${node.id} began a change before it had committed an entry of term ${state.term}`,
    );
    const from = votersOf(change);
    const to = votersOf(entry);
    const [before, after] = [from.at(-1) ?? [], to[0] ?? []];
    const isStep =
      (from.length === 1 && to.length <= 2 && isSame(before, after)) ||
      (from.length === 2 && to.length === 1 && isSame(before, after));
    demand(isStep, 'S16', () => `the voters went from ${format(from)} to ${format(to)} at once`);
    const { marks } = this.#history;
    if (to.length === 2) marks.jointChangesBegun += 1;
    else if (from.length === 1 && countMembers(entry) > countMembers(change)) {
      marks.learnersAdded += 1;
    }
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((id, at) => id === right[at]);
}

function countMembers(entry: Entry | undefined): number {
  if (entry?.payload.type !== 'membership') return 0;
  return Object.keys(entry.payload.membership.nodes).length;
}

function format(voters: readonly (readonly string[])[]): string {
  return voters.map((set) => `{${set.join(',')}}`).join('+');
}
