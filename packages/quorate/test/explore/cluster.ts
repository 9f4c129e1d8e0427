import type { Entry, Membership } from '../../src/core/types.ts';
import { asViolation, demand, type Violation } from '../walker/violation.ts';
import type { CoreModule } from '../walker/world.ts';
import { type Bounds, type Budget, noneSpent, spent, withOneMore } from './bounds.ts';
import { listChoices } from './choices.ts';
import { Histories } from './history.ts';
import { Logs } from './logs.ts';
import { isRequest, Messages } from './messages.ts';
import { startNode } from './node-state.ts';
import { kinds, NodeTable, type Outcome, type Summary } from './node-table.ts';
import {
  identity,
  inverse,
  nodeCount,
  nodeIds,
  type Permutation,
  permutations,
  placeOf,
  renamedPlace,
} from './permutations.ts';

/**
 * The whole cluster as numbers: a state for each node, the history, what was spent of the bounds,
 * and the messages under way in order. What is lost is never delivered, so it needs no event.
 */
export type ClusterState = readonly number[];

/** What makes fewer states of the same behaviours; the tests look at all of them without, too. */
export interface Reductions {
  /** States that differ by the names of the nodes alone are one. */
  readonly symmetry: boolean;
  /** Messages that can do nothing any more are no part of a state. */
  readonly deadMessages: boolean;
  /** How many nodes are kept as they are, and not made again when they are needed. */
  readonly keptNodes?: number;
}

const allReductions: Reductions = { symmetry: true, deadMessages: true };

const historyPlace = nodeCount;
const spentPlace = nodeCount + 1;
/** Where the messages begin. */
export const headLength: number = nodeCount + 2;

/** How the cluster goes on, for one set of bounds. All its states are plain numbers. */
export class Cluster {
  readonly bounds: Bounds;
  readonly nodes: NodeTable;
  readonly histories: Histories;
  readonly messages: Messages;
  readonly initial: ClusterState;
  readonly #logs: Logs;
  readonly #reductions: Reductions;

  constructor(module: CoreModule, bounds: Bounds, reductions: Reductions = allReductions) {
    this.bounds = bounds;
    this.#reductions = reductions;
    this.#logs = new Logs();
    this.messages = new Messages();
    const { messages } = this;
    const around = { module, bounds, logs: this.#logs, messages };
    this.nodes = new NodeTable(around, reductions.keptNodes);
    this.histories = new Histories(this.#logs);
    const first = this.#logs.entry(firstEntry(bounds));
    const roots = nodeIds.map((_, at) => {
      const disk = { vote: { term: 0, votedFor: undefined }, log: [first] };
      const released = new Map();
      const from = { at, disk, incarnation: 0, released, applied: 0 };
      return this.nodes.addRoot(startNode(module, bounds, from));
    });
    this.initial = [...roots, this.histories.none, noneSpent];
  }

  summaries(state: ClusterState): Summary[] {
    return [0, 1, 2].map((at) => this.nodes.summary(state[at] as number));
  }

  /** The entries of a log that a summary names. */
  run(log: number): readonly Entry[] {
    return this.#logs.run(log);
  }

  spent(state: ClusterState, budget: Budget): number {
    return spent(state[spentPlace] as number, budget);
  }

  /** Every event that can come next. */
  choices(state: ClusterState): number[] {
    return listChoices(this, state, this.summaries(state));
  }

  /** The state after an event, or `undefined` if the event would have changed nothing. */
  after(state: ClusterState, code: number): ClusterState | Violation | undefined {
    const at = this.nodes.placeOf(code);
    const before = state[at] as number;
    const outcome = this.nodes.step(before, code);
    if (outcome.violation !== undefined) return outcome.violation;
    const kind = code & 3;
    const isSame = outcome.next === before && outcome.sent.length === 0;
    if (isSame && kind !== kinds.deliver) return undefined;
    const next = [...state];
    next[at] = outcome.next;
    if (kind === kinds.deliver) next.splice(next.indexOf(code >>> 2, headLength), 1);
    next.push(...outcome.sent);
    const budget = this.#budgetOf(state, code);
    if (budget !== undefined) next[spentPlace] = withOneMore(next[spentPlace] as number, budget);
    if (outcome.elections.length + outcome.commits.length > 0) {
      try {
        next[historyPlace] = this.#historyAfter(state, outcome, at);
      } catch (error) {
        return asViolation(error);
      }
    }
    return this.#withoutDead(next);
  }

  /**
   * The one of all namings of a state that stands for all of them. Returns the permutation that
   * leads there, too. Names that the states of the nodes tell apart are not tried.
   */
  canonical(state: ClusterState): { state: ClusterState; permutation: number } {
    if (!this.#reductions.symmetry) return { state: this.renamed(state, identity), permutation: 0 };
    const families = [0, 1, 2].map((at) => this.nodes.familyOf(state[at] as number));
    let best: number[] | undefined;
    let bestPermutation = identity;
    for (const permutation of permutations.keys()) {
      const [first, second, third] = permutations[inverse[permutation] as number] as Permutation;
      const low = families[first as number] as number;
      const middle = families[second as number] as number;
      if (low > middle || middle > (families[third as number] as number)) continue;
      const candidate = this.renamed(state, permutation);
      if (best !== undefined && !isBelow(candidate, best)) continue;
      best = candidate;
      bestPermutation = permutation;
    }
    return { state: best ?? state, permutation: bestPermutation };
  }

  /** What must hold in a state, however the cluster came there: S6 to S9 and S15. */
  check(state: ClusterState): Violation | undefined {
    try {
      this.#check(state);
    } catch (error) {
      return asViolation(error);
    }
    return undefined;
  }

  #check(state: ClusterState): void {
    const logs = this.#logs;
    const all = this.summaries(state);
    const history = this.histories.data(state[historyPlace] as number);
    for (const node of all) {
      const { at, log, term, role, committed } = node;
      demand(
        logs.common(log, history.log) >= committed,
        'S9',
        () => `${nodeIds[at]} committed ${committed} entries, not all of which are committed`,
      );
      for (const other of all) {
        if (other.at > at) logs.common(log, other.log);
        if (other.at !== at) logs.common(log, other.diskLog);
      }
      if (role !== 'leader') continue;
      const length = this.histories.committedBefore(history, term);
      demand(
        logs.common(history.log, log) >= length,
        'S8',
        () => `${nodeIds[at]} leads term ${term} without entry ${length}, committed before it`,
      );
      for (const other of all) {
        const match = node.matches[other.at] ?? 0;
        // A follower that went on to a newer term may have lost what nobody had committed.
        if (match === 0 || other.diskTerm > term || other.at === at) continue;
        demand(
          logs.common(log, other.diskLog) >= match,
          'S15',
          () =>
            `${nodeIds[at]} believes that ${nodeIds[other.at]} has entry ${match} of its log on disk`,
        );
      }
    }
  }

  #historyAfter(state: ClusterState, outcome: Outcome, at: number): number {
    const disks = this.summaries(state).map(({ diskLog }) => diskLog);
    let history = state[historyPlace] as number;
    const where = { at, disks };
    for (const one of outcome.elections) {
      history = this.histories.afterElection(history, one, where);
    }
    for (const one of outcome.commits) {
      history = this.histories.afterCommit(history, one, where);
    }
    return history;
  }

  #budgetOf(state: ClusterState, code: number): Budget | undefined {
    const kind = code & 3;
    if (kind === kinds.deliver) return undefined;
    if (kind === kinds.repeat) return 'duplicates';
    if (kind === kinds.unanswered) return 'timeouts';
    const { at, event } = this.nodes.commands.data(code >>> 2);
    switch (event.type) {
      case 'wake': {
        const { role } = this.nodes.summary(state[placeOf(at)] as number);
        return role === 'leader' ? 'beats' : 'elections';
      }
      case 'propose':
        return 'proposals';
      case 'change':
        return 'changes';
      case 'crash':
        return 'crashes';
      default:
        return undefined;
    }
  }

  /**
   * Takes out what can never again do anything, whenever it arrives. Terms and incarnations only
   * rise, and a call that is off the books does not come back, so what is dead stays dead.
   */
  #withoutDead(state: number[]): ClusterState {
    if (state.length === headLength || !this.#reductions.deadMessages) return state;
    const all = this.summaries(state);
    const left = this.bounds.elections - this.spent(state, 'elections');
    // Every campaign opens at most one term; one that began with a pre-vote may still do so.
    const open = this.bounds.preVote ? all.filter(({ role }) => role === 'candidate').length : 0;
    const highestTerm = Math.max(...all.map(({ term }) => term)) + left + open;
    const kept = state.slice(0, headLength);
    for (let place = headLength; place < state.length; place += 1) {
      const id = state[place] as number;
      if (!this.#isDead(id, all, highestTerm)) kept.push(id);
    }
    return kept;
  }

  #isDead(id: number, all: readonly Summary[], highestTerm: number): boolean {
    const message = this.messages.data(id);
    const request = this.messages.request(id);
    const caller = all[placeOf(request.from)] as Summary;
    const isGone = caller.incarnation !== request.incarnation;
    const isClosed = !caller.open.has(this.messages.requestId(id));
    // An answer to nobody, or to a call that is over, says at most that there is a newer term.
    if (!isRequest(message)) return isGone || (isClosed && message.response.term <= caller.term);
    const receiver = all[placeOf(request.to)] as Summary;
    const isPreVote = request.type === 'requestVote' && request.rpc.preVote;
    // It would be answered and nothing else; and the answer would be dead in its turn.
    const changesNothing = isPreVote || request.rpc.term < receiver.term;
    return changesNothing && (isGone || (isClosed && caller.term >= highestTerm));
  }

  /** The same state under other names; the messages are in order again. */
  renamed(state: ClusterState, permutation: number): number[] {
    const { length } = state;
    const renamed = new Array<number>(length);
    for (let at = 0; at < nodeCount; at += 1) {
      const id = state[at] as number;
      renamed[renamedPlace(at, permutation)] = this.nodes.renamed(id, permutation);
    }
    renamed[historyPlace] = this.histories.renamed(state[historyPlace] as number, permutation);
    renamed[spentPlace] = state[spentPlace] as number;
    for (let place = headLength; place < length; place += 1) {
      const id = this.messages.renamed(state[place] as number, permutation);
      let at = place;
      for (; at > headLength && (renamed[at - 1] as number) > id; at -= 1) {
        renamed[at] = renamed[at - 1] as number;
      }
      renamed[at] = id;
    }
    return renamed;
  }
}

/** All nodes have it on their disks: as after a start of a cluster that was formed before. */
function firstEntry({ voters }: Bounds): Entry {
  const membership: Membership = {
    cluster: 'explored',
    voters: [nodeIds.slice(0, voters)],
    nodes: Object.fromEntries(nodeIds.map((id) => [id, {}])),
  };
  return { logId: { term: 0, index: 1 }, payload: { type: 'membership', membership } };
}

function isBelow(one: readonly number[], other: readonly number[]): boolean {
  for (const [at, value] of one.entries()) {
    const theirs = other[at] as number;
    if (value !== theirs) return value < theirs;
  }
  return false;
}
