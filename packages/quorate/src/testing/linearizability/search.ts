import type { Budget } from './budget.ts';
import { type Frontier, Frontiers, type Interval } from './frontiers.ts';
import { type ClientOperation, isKnown } from './history.ts';
import type { FullModel, SequentialModel } from './model.ts';
import { Needs } from './needs.ts';
import { refused, Transitions } from './transitions.ts';
import { groupsOf } from './unknown-groups.ts';
import { UsedSets } from './used-sets.ts';

// The search of Wing and Gong with the memo of Lowe: operations are placed one after another, each
// only when no other one must come before it, and a configuration that was met before is left.
// What is placed of the known operations is a frontier, of the unknown ones a set of its own.
//
// An unknown operation may never take effect, so of two configurations with the same frontier and
// state the one that used fewer of them can do whatever the other can. It follows that one
//   - which changes nothing is not placed,
//   - which the next operation overwrites, as if it had not been, is not placed,
//   - which could just as well come after the next operation is placed later,
//   - which another one with the same input precedes is not placed before that one.
// Each rule leads to an order with fewer unknown operations, later ones, or ones with lower
// numbers, so some order of the smallest kind is always left.

/** A state to begin from, and the unknown operations that have taken effect in it. */
export interface Start<State, Input, Output> {
  readonly state: State;
  readonly used: readonly ClientOperation<Input, Output>[];
}

/** An operation where it was placed, and the state after it. */
export interface Placed<State, Input, Output> {
  readonly operation: ClientOperation<Input, Output>;
  readonly state: State;
}

/** Where an order ended for want of an operation that fits. */
export interface DeadEnd<State, Input, Output> {
  readonly order: readonly Placed<State, Input, Output>[];
  readonly state: State;
  /** The known operations of which one would have to come next. */
  readonly refused: readonly ClientOperation<Input, Output>[];
}

export interface SearchResult<State, Input, Output> {
  /** All known operations in an order that explains what the clients saw, if there is one. */
  readonly order: readonly Placed<State, Input, Output>[] | undefined;
  /** The order that got furthest. */
  readonly deadEnd: DeadEnd<State, Input, Output>;
  /** Where all orders end, if that was asked for; at most as many as were asked for, plus one. */
  readonly ends: readonly Start<State, Input, Output>[];
  /** The unknown operations that took effect in any order that was tried. */
  readonly tried: ReadonlySet<ClientOperation<Input, Output>>;
}

export interface SearchOptions<State, Input, Output> {
  readonly model: SequentialModel<State, Input, Output>;
  readonly full: FullModel<State, Input, Output>;
  readonly budget: Budget;
  /** Default: the initial state. */
  readonly starts?: readonly Start<State, Input, Output>[];
  /** Look for all ends, and give up when there are more than these. */
  readonly maxEnds?: number;
  /** What may show unknown operations besides these operations: known ones that come later. */
  readonly later?: readonly ClientOperation<Input, Output>[];
  /** Goes on where a needed state is gone for good, until the operation that needs it. */
  readonly needs?: 'ignored';
}

/** Looks for an order of the operations of one partition. */
export function search<State, Input, Output>(
  operations: readonly ClientOperation<Input, Output>[],
  options: SearchOptions<State, Input, Output>,
): SearchResult<State, Input, Output> {
  try {
    return new Search(operations, options).run();
  } finally {
    options.budget.release();
  }
}

interface Configuration {
  readonly frontier: Frontier;
  readonly state: number;
  /** A set of the unknown operations that were placed, all but `added`. */
  readonly used: number;
  readonly added: number;
  /** What was placed last; a known operation by its number, an unknown one by those after them. */
  readonly operation: number;
  readonly parent: Configuration | undefined;
}

const noOperation = -1;
const bytesOfConfiguration = 160;

/** More than there can ever be within a budget, so that two numbers fit into one. */
const maxStates = 2 ** 26;

class Search<State, Input, Output> {
  readonly #options: SearchOptions<State, Input, Output>;
  readonly #operations: readonly ClientOperation<Input, Output>[];
  readonly #knownCount: number;
  /** For each unknown operation the one with the same input that was called just before. */
  readonly #previousInGroup: readonly number[];
  readonly #frontiers: Frontiers;
  readonly #transitions: Transitions<State, Input, Output>;
  readonly #usedSets: UsedSets;
  readonly #needs: Needs<State, Input, Output>;
  /** By frontier and state the sets of unknown operations with which they were met. */
  readonly #visited = new Map<number, number[]>();
  readonly #tried = new Set<number>();
  readonly #ends: Configuration[] = [];
  #deepest: Configuration | undefined;

  constructor(
    operations: readonly ClientOperation<Input, Output>[],
    options: SearchOptions<State, Input, Output>,
  ) {
    const { model, full, budget, later = [] } = options;
    const inOrder = [...operations].sort((left, right) => left.calledAt - right.calledAt);
    const known = inOrder.filter(isKnown);
    const allUnknown = inOrder.filter((operation) => !isKnown(operation));
    const visible = model.visible?.(allUnknown, [...known, ...later]);
    const unknown = allUnknown.filter((operation) => visible?.has(operation) ?? true);
    const inputs = unknown.map((operation) => visible?.get(operation) ?? operation.input);
    this.#options = options;
    this.#operations = [...known, ...unknown];
    this.#knownCount = known.length;
    this.#previousInGroup = groupsOf(inputs);
    const calls = unknown.map(({ calledAt }) => calledAt);
    this.#frontiers = new Frontiers(known as readonly Interval[], calls, budget);
    this.#transitions = new Transitions(
      full,
      [...known, ...inputs.map((input) => ({ input }))],
      budget,
    );
    this.#usedSets = new UsedSets(budget);
    const needs = options.needs === 'ignored' ? undefined : model.needs?.(this.#operations);
    this.#needs = new Needs(needs ?? [], this.#operations, {
      knownCount: known.length,
      intern: (state) => this.#transitions.intern(state),
    });
  }

  run(): SearchResult<State, Input, Output> {
    const stack = [this.#starts()];
    let found: Configuration | undefined;
    while (stack.length > 0 && found === undefined) {
      const configuration = (stack.at(-1) as Configuration[]).shift();
      if (configuration === undefined) stack.pop();
      else if (!this.#isWorthAVisit(configuration)) continue;
      else if (configuration.frontier.placed < this.#knownCount) {
        stack.push(this.#visit(configuration));
      } else if (this.#isLastEnd(configuration)) found = configuration;
    }
    return {
      order: found === undefined ? undefined : this.#orderOf(found),
      deadEnd: this.#deadEnd(),
      ends: this.#ends.map((end) => this.#startFrom(end)),
      tried: new Set([...this.#tried].map((number) => this.#operation(number))),
    };
  }

  #starts(): Configuration[] {
    const { starts = [{ state: this.#options.full.initial, used: [] }] } = this.#options;
    const numbers = new Map(this.#operations.map((operation, number) => [operation, number]));
    return starts.map(({ state, used }) => ({
      frontier: this.#frontiers.first(),
      state: this.#transitions.intern(state),
      used: this.#usedSets.intern(
        used.flatMap((operation) => {
          const number = numbers.get(operation);
          return number === undefined ? [] : [number - this.#knownCount];
        }),
      ),
      added: noOperation,
      operation: noOperation,
      parent: undefined,
    }));
  }

  /** Whether the search is over with this one. */
  #isLastEnd(configuration: Configuration): boolean {
    const { maxEnds } = this.#options;
    this.#ends.push(configuration);
    return maxEnds === undefined || this.#ends.length > maxEnds;
  }

  #isWorthAVisit(configuration: Configuration): boolean {
    const { operation } = configuration;
    if (operation < this.#knownCount) return this.#isNew(configuration);
    // An unknown operation from which nothing follows is not worth a place in memory.
    if (!this.#leadsOn(configuration)) return false;
    this.#tried.add(operation);
    return this.#isNew(configuration);
  }

  #leadsOn(configuration: Configuration): boolean {
    const { candidates, calledUnknown } = configuration.frontier;
    if (candidates.some((one) => this.#afterKnown(configuration, one) !== refused)) return true;
    for (let number = 0; number < calledUnknown; number += 1) {
      if (this.#afterUnknown(configuration, number) !== refused) return true;
    }
    return false;
  }

  /** The configurations that may follow. */
  #visit(configuration: Configuration): Configuration[] {
    const { frontier } = configuration;
    if (frontier.placed > (this.#deepest?.frontier.placed ?? -1)) this.#deepest = configuration;
    const used = this.#usedIn(configuration);
    const next: Configuration[] = [];
    const add = (one: Pick<Configuration, 'frontier' | 'state' | 'added' | 'operation'>): void => {
      if (one.state !== refused) next.push({ ...one, used, parent: configuration });
    };
    for (const operation of frontier.candidates) {
      const state = this.#afterKnown(configuration, operation);
      if (state === refused) continue;
      const after = this.#frontiers.after(frontier, operation);
      const step = { from: configuration.state, to: state, operation };
      const isUsed = (unknown: number): boolean => this.#isUsed(configuration, unknown);
      if (this.#needs.isHopeless(step, after, isUsed)) continue;
      add({ frontier: after, state, added: noOperation, operation });
    }
    for (let number = 0; number < frontier.calledUnknown; number += 1) {
      const state = this.#afterUnknown(configuration, number);
      add({ frontier, state, added: number, operation: this.#knownCount + number });
    }
    return next;
  }

  /** The state after it, or {@link refused} where it does not fit or need not be tried. */
  #afterKnown(configuration: Configuration, operation: number): number {
    this.#options.budget.spendStep();
    const state = this.#transitions.after(configuration.state, operation);
    if (state === refused) return refused;
    return this.#isBetterEarlier(configuration, operation, state) ? refused : state;
  }

  #afterUnknown(configuration: Configuration, number: number): number {
    this.#options.budget.spendStep();
    if (this.#isUsed(configuration, number)) return refused;
    const previous = this.#previousInGroup[number] as number;
    if (previous !== noOperation && !this.#isUsed(configuration, previous)) return refused;
    const operation = this.#knownCount + number;
    const state = this.#transitions.after(configuration.state, operation);
    if (state === configuration.state) return refused;
    const step = { from: configuration.state, to: state, operation };
    const isUsed = (unknown: number): boolean => {
      return unknown === number || this.#isUsed(configuration, unknown);
    };
    if (this.#needs.isHopeless(step, configuration.frontier, isUsed)) return refused;
    return this.#isBetterEarlier(configuration, operation, state) ? refused : state;
  }

  #isUsed({ used, added }: Configuration, number: number): boolean {
    return number === added || this.#usedSets.members(used).has(number);
  }

  #usedIn({ used, added }: Configuration): number {
    return added === noOperation ? used : this.#usedSets.with(used, added);
  }

  /**
   * Whether `operation`, which would lead to `state`, may as well come before the unknown operation
   * that was placed last, or in its stead.
   */
  #isBetterEarlier(configuration: Configuration, operation: number, state: number): boolean {
    const { parent, operation: last } = configuration;
    if (parent === undefined || last < this.#knownCount) return false;
    const without = this.#transitions.after(parent.state, operation);
    if (without === refused) return false;
    if (without === state) return true;
    if (operation > last) return false;
    return this.#transitions.after(without, last) === state;
  }

  /** Notes the configuration, unless one was met that can do whatever this one can. */
  #isNew(configuration: Configuration): boolean {
    const { frontier, state } = configuration;
    const used = this.#usedIn(configuration);
    const key = frontier.id * maxStates + state;
    const sets = this.#visited.get(key);
    if (sets?.some((set) => this.#usedSets.isSubset(set, used)) === true) return false;
    this.#options.budget.hold(bytesOfConfiguration);
    if (sets === undefined) this.#visited.set(key, [used]);
    else sets.push(used);
    return true;
  }

  #operation(number: number): ClientOperation<Input, Output> {
    return this.#operations[number] as ClientOperation<Input, Output>;
  }

  /** The order that leads here. Inputs are the real ones, where the search took equal ones. */
  #orderOf(configuration: Configuration): readonly Placed<State, Input, Output>[] {
    const operations: ClientOperation<Input, Output>[] = [];
    let first = configuration;
    while (first.parent !== undefined) {
      operations.push(this.#operation(first.operation));
      first = first.parent;
    }
    let state = this.#transitions.state(first.state);
    return operations.toReversed().map((operation) => {
      state = this.#options.full.step(state, operation.input).state;
      return { operation, state };
    });
  }

  #startFrom(configuration: Configuration): Start<State, Input, Output> {
    const numbers = [...this.#usedSets.members(this.#usedIn(configuration))];
    return {
      state: this.#transitions.state(configuration.state),
      used: numbers.map((number) => this.#operation(this.#knownCount + number)),
    };
  }

  #deadEnd(): DeadEnd<State, Input, Output> {
    const deepest = this.#deepest;
    if (deepest === undefined) return { order: [], state: this.#options.full.initial, refused: [] };
    const order = this.#orderOf(deepest);
    return {
      order,
      state: order.at(-1)?.state ?? this.#transitions.state(deepest.state),
      refused: deepest.frontier.candidates.map((number) => this.#operation(number)),
    };
  }
}
