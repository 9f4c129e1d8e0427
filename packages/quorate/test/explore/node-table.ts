import type { LogIndex, NodeId, Role, Term } from '../../src/core/types.ts';
import { asViolation, Violation } from '../walker/violation.ts';
import type { Logs } from './logs.ts';
import { renamedSets } from './logs.ts';
import type { Messages } from './messages.ts';
import { copyNode, type NodeState } from './node-state.ts';
import type { Commit, Election, NodeEvent, Surroundings } from './node-step.ts';
import { partCount, stepNode } from './node-step.ts';
import { nodeKey } from './node-text.ts';
import { Orbits } from './orbits.ts';
import {
  identity,
  inverse,
  nodeIds,
  permutations,
  placeOf,
  renamedBits,
  renamedPlace,
} from './permutations.ts';

/** An event that is no message. */
export interface Command {
  readonly at: NodeId;
  readonly event: Exclude<NodeEvent, { type: 'deliver' | 'unanswered' }>;
}

/** What a step of one node leads to. */
export interface Outcome {
  readonly next: number;
  readonly sent: readonly number[];
  readonly elections: readonly Election[];
  readonly commits: readonly Commit[];
  readonly violation?: Violation;
}

/** What of a node the checks and the choices look at. */
export interface Summary {
  readonly at: number;
  readonly role: Role;
  readonly term: Term;
  readonly canWake: boolean;
  readonly incarnation: number;
  readonly committed: LogIndex;
  readonly log: number;
  readonly diskLog: number;
  readonly diskTerm: Term;
  /** Of a leader, by place: how far it believes that node to be. */
  readonly matches: readonly number[];
  /** The parts of each write under way. */
  readonly pending: readonly number[];
  /** The sets that its log puts in force, as bits. */
  readonly voters: readonly number[];
  /** The requests that wait for an answer. */
  readonly open: ReadonlySet<number>;
}

/** One state and its five other namings. */
interface Family {
  representative: number;
  readonly summary: Summary;
  readonly parent: { readonly id: number; readonly code: number } | undefined;
}

interface Named {
  readonly family: Family;
  /** The permutation that leads here from the representative. */
  readonly via: number;
  summary: Summary | undefined;
  readonly outcomes: Map<number, Outcome>;
}

/** So many nodes are kept as they are; any other is made again from the one before it. */
const usuallyKept = 40_000;

/**
 * Every state that one node was ever in, and what each event made of it. The whole cluster has far
 * more states than its nodes, and most of its steps were taken by a node in this state before: the
 * core runs once for each, and under one naming of the nodes.
 */
export class NodeTable {
  readonly logs: Logs;
  readonly messages: Messages;
  readonly commands: Orbits<Command> = new Orbits<Command>();
  readonly #around: Surroundings;
  readonly #states: Orbits<Named> = new Orbits<Named>();
  readonly #mostKept: number;
  readonly #kept: Map<Family, NodeState> = new Map();
  /** Steps that the core itself took. */
  stepCount = 0;

  constructor(around: Surroundings, mostKept: number = usuallyKept) {
    this.#around = around;
    this.#mostKept = mostKept;
    this.logs = around.logs;
    this.messages = around.messages;
  }

  get size(): number {
    return this.#states.size;
  }

  /** The number of a state that no other one leads to. */
  addRoot(node: NodeState): number {
    return this.#add(node, undefined);
  }

  renamed(id: number, permutation: number): number {
    return this.#states.renamed(id, permutation);
  }

  /** The same for all namings of one state. */
  familyOf(id: number): number {
    return this.#states.data(id).family.representative;
  }

  summary(id: number): Summary {
    const named = this.#states.data(id);
    named.summary ??= this.#renamedSummary(named.family.summary, named.via);
    return named.summary;
  }

  /** What `code` makes of the node with the number `id`; it must be addressed to it. */
  step(id: number, code: number): Outcome {
    const named = this.#states.data(id);
    const known = named.outcomes.get(code);
    if (known !== undefined) return known;
    const { via, family } = named;
    let outcome: Outcome;
    if (via === identity) outcome = this.#take(id, code);
    else {
      const back = inverse[via] as number;
      const original = this.step(family.representative, this.renamedCode(code, back));
      outcome = this.#renamedOutcome(original, via);
    }
    named.outcomes.set(code, outcome);
    return outcome;
  }

  // --- Events as numbers -------------------------------------------------------------------------

  codeOf(command: Command): number {
    return this.commands.idOf(command) * 4 + kinds.command;
  }

  /** The place of the node that an event happens to. */
  placeOf(code: number): number {
    const id = code >>> 2;
    switch (code & 3) {
      case kinds.command:
        return placeOf(this.commands.data(id).at);
      case kinds.unanswered:
        return placeOf(this.messages.request(id).from);
      default:
        return this.messages.target(id);
    }
  }

  renamedCode(code: number, permutation: number): number {
    const id = code >>> 2;
    const kind = code & 3;
    const table = kind === kinds.command ? this.commands : this.messages;
    return table.renamed(id, permutation) * 4 + kind;
  }

  eventOf(code: number): NodeEvent {
    const id = code >>> 2;
    const kind = code & 3;
    if (kind === kinds.command) return this.commands.data(id).event;
    return kind === kinds.unanswered
      ? { type: 'unanswered', call: id }
      : { type: 'deliver', message: id };
  }

  // --- Steps -------------------------------------------------------------------------------------

  #take(id: number, code: number): Outcome {
    const node = copyNode(this.#node(this.#states.data(id).family));
    this.stepCount += 1;
    try {
      const effects = stepNode(node, this.eventOf(code), this.#around);
      return { ...effects, next: this.#add(node, { id, code }) };
    } catch (error) {
      const violation = asViolation(error);
      return { next: id, sent: [], elections: [], commits: [], violation };
    }
  }

  #add(node: NodeState, parent: Family['parent']): number {
    const key = nodeKey(node, identity, this.#around);
    const known = this.#states.find(key);
    if (known !== undefined) return known;
    const family: Family = { representative: 0, summary: this.#summarize(node), parent };
    const keys = permutations.map((_, permutation) =>
      permutation === identity ? key : nodeKey(node, permutation, this.#around),
    );
    const orbit = this.#states.addOrbit(keys, (via) => {
      return { family, via, summary: undefined, outcomes: new Map() };
    });
    family.representative = orbit[0] as number;
    this.#keep(family, node);
    return family.representative;
  }

  #keep(family: Family, node: NodeState): void {
    this.#kept.set(family, node);
    if (this.#kept.size <= this.#mostKept) return;
    for (const [oldest] of this.#kept) {
      // Nothing leads to the first ones, so that they could not be made again.
      if (oldest.parent !== undefined) this.#kept.delete(oldest);
      if (this.#kept.size <= this.#mostKept / 2) return;
    }
  }

  /** The node itself, under the naming of its family's representative. */
  #node(family: Family): NodeState {
    const kept = this.#kept.get(family);
    if (kept !== undefined) return kept;
    const { parent } = family;
    if (parent === undefined) throw new Error('a node that nothing leads to was not kept');
    const node = copyNode(this.#node(this.#states.data(parent.id).family));
    stepNode(node, this.eventOf(parent.code), this.#around);
    this.#keep(family, node);
    return node;
  }

  #summarize(node: NodeState): Summary {
    const { at, incarnation, log, disk, pending, calls } = node;
    const { role, term, committed, leadership, electionAt } = node.core.state;
    return {
      at,
      role,
      term,
      canWake: role === 'leader' || electionAt !== Infinity,
      incarnation,
      committed,
      log: this.logs.idOf(log),
      diskLog: this.logs.idOf(disk.log),
      diskTerm: disk.vote.term,
      matches: nodeIds.map((id) => leadership?.progress.get(id)?.matchIndex ?? 0),
      pending: pending.map(partCount),
      voters: this.logs.voters(this.logs.idOf(log)),
      open: new Set(calls.values()),
    };
  }

  #renamedSummary(summary: Summary, permutation: number): Summary {
    const { at, log, diskLog, matches, voters, open } = summary;
    const back = inverse[permutation] as number;
    return {
      ...summary,
      at: renamedPlace(at, permutation),
      log: this.logs.runs.renamed(log, permutation),
      diskLog: this.logs.runs.renamed(diskLog, permutation),
      voters: renamedSets(voters, permutation),
      matches: matches.map((_, place) => matches[renamedPlace(place, back)] as number),
      open: new Set([...open].map((id) => this.messages.renamed(id, permutation))),
    };
  }

  #renamedOutcome(outcome: Outcome, permutation: number): Outcome {
    const { next, sent, elections, commits, violation } = outcome;
    const log = (id: number): number => this.logs.runs.renamed(id, permutation);
    const result = {
      next: this.renamed(next, permutation),
      sent: sent.map((id) => this.messages.renamed(id, permutation)),
      elections: elections.map(({ term, electorate, voters }) => {
        return {
          term,
          electorate: renamedBits(electorate, permutation),
          voters: renamedSets(voters, permutation),
        };
      }),
      commits: commits.map((commit) => {
        const voters = renamedSets(commit.voters, permutation);
        return { term: commit.term, log: log(commit.log), disk: log(commit.disk), voters };
      }),
    };
    if (violation === undefined) return result;
    const message = violation.message.replaceAll(/\bn[123]\b/g, (id) => {
      return nodeIds[renamedPlace(placeOf(id), permutation)] as string;
    });
    return { ...result, violation: new Violation(violation.code, message) };
  }
}

/** The lowest two bits of an event's number; the rest is the number of a message or command. */
export const kinds = { deliver: 0, unanswered: 1, command: 2, repeat: 3 } as const;
