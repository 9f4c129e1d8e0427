import type { Event } from '../../../src/core/event.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { Entry, LogId, NodeId, Term } from '../../../src/core/types.ts';
import { SimViolation } from '../hooks.ts';
import type { Command } from '../machine.ts';
import { Ledger } from './ledger.ts';
import type { SeenNode } from './seen-node.ts';

const encoder = new TextEncoder();

/** A made-up piece of history for the tests of one check: logs as terms, from index 1 on. */
export class OracleBench {
  readonly ledger = new Ledger();
  readonly ids: readonly NodeId[];
  #made = 0;

  /** A cluster of `ids`, whose first entry is on every disk and committed. */
  constructor(ids: readonly NodeId[] = ['a', 'b', 'c']) {
    this.ids = ids;
    const nodes = Object.fromEntries(ids.map((id) => [id, {}]));
    const membership = { cluster: 'bench', voters: [[...ids]], nodes };
    const first: Entry = {
      logId: { term: 0, index: 1 },
      payload: { type: 'membership', membership },
    };
    const { tree, committed, committedIn, committedChanges } = this.ledger;
    tree.make(ids[0] as NodeId, { term: 0, index: 0 }, first);
    for (const id of ids) {
      const node = this.node(id);
      node.isUp = true;
      node.log.append(0);
      node.disk.log.append(0);
      node.changes.push(first.logId);
      node.changeBefore = first.logId;
    }
    committed.push(first.logId);
    committedIn.push(0);
    committedChanges.push(first.logId);
  }

  node(id: NodeId): SeenNode {
    return this.ledger.node(id);
  }

  /** An entry nobody has made yet: of `command`, or of one byte that no other has. */
  entry(term: Term, index: number, command?: Command): Entry {
    this.#made += 1;
    const bytes =
      command === undefined ? Uint8Array.of(this.#made) : encoder.encode(JSON.stringify(command));
    return {
      logId: { term, index },
      payload: { type: 'command', data: { bytes, value: undefined } },
    };
  }

  /** `id` leads `term` and has made an entry in it after those it has; it is on its disk too. */
  lead(id: NodeId, term: Term, command?: Command): LogId {
    const node = this.node(id);
    const entry = this.entry(term, node.log.last.index + 1, command);
    this.ledger.tree.make(id, node.log.last, entry);
    for (const log of [node.log, node.disk.log]) log.append(term);
    this.vote(id, term, id);
    node.term = term;
    node.leadsTerm = term;
    this.ledger.leaders.set(term, id);
    this.ledger.logs.set(term, node.log.copy());
    return entry.logId;
  }

  /** Gives `to` the log of `from`, in memory and on the disk. */
  copy(from: NodeId, ...to: readonly NodeId[]): void {
    for (const id of to) {
      const node = this.node(id);
      node.log = this.node(from).log.copy();
      node.disk.log = this.node(from).log.copy();
    }
  }

  vote(id: NodeId, term: Term, votedFor: NodeId): void {
    this.node(id).disk.save({ term, votedFor });
  }

  /** Somebody has committed all that `id` has, in `term`. */
  commit(id: NodeId, term: Term): void {
    const { log } = this.node(id);
    const { committed, committedIn } = this.ledger;
    for (let index = committed.length; index <= log.last.index; index += 1) {
      committed.push({ term: log.termAt(index) as Term, index });
      committedIn.push(term);
    }
    this.node(id).committed = log.last.index;
  }

  /** The core as it stands after a step, in the parts that the check at hand looks at. */
  state(id: NodeId, parts: object = {}): Readonly<CoreState> {
    const { log, term, committed, change } = this.node(id);
    const { last, purged } = log;
    const membership = { ...this.ledger.tree.membershipOf(change), logId: change };
    const state = {
      id,
      term,
      committed,
      last,
      log: { last, purged },
      membership,
      role: 'follower',
    };
    return { ...state, ...parts } as unknown as CoreState;
  }
}

export const wake: Event = { type: 'wake' };

/** An AppendEntries call of the leader of `term`. */
export function appendOf(leader: NodeId, term: Term): Extract<Event, { type: 'appendEntries' }> {
  const previous = { term: 0, index: 0 };
  return {
    type: 'appendEntries',
    request: 1,
    rpc: { term, leader, previous, entries: [], committed: 0 },
  };
}

/** The code of the violation that `run` ends in, or 'none'. */
export function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SimViolation) return error.code;
    throw error;
  }
  return 'none';
}
