import type { Violation } from '../walker/violation.ts';
import type { Cluster, ClusterState } from './cluster.ts';
import { NumberList, StateQueue } from './state-queue.ts';
import { StateSet } from './state-set.ts';

export interface Limits {
  readonly states: number;
  /** Asked now and then; `true` ends the search where it is. */
  readonly isOver?: () => boolean;
  readonly onLevel?: (level: Level) => void;
}

/** How far a search has come when it has looked at every state with `depth` events behind it. */
export interface Level {
  readonly depth: number;
  readonly states: number;
  readonly transitions: number;
  /** States found and not looked at yet: those with one event more. */
  readonly waiting: number;
}

export interface SearchResult {
  readonly states: number;
  readonly transitions: number;
  /** All behaviours of so many events were visited. */
  readonly depth: number;
  /** There are no others within the bounds. */
  readonly isExhausted: boolean;
  readonly chanceOfMistake: number;
  readonly violation: Violation | undefined;
  /** The events up to the violation, each as its number in the canonical state before it. */
  readonly path: readonly number[];
}

const lookEvery = 1024;

/**
 * Visits every state that the cluster can come to within its bounds, breadth first: what it finds
 * comes about in as few events as it can, and what it did not finish is complete up to a depth.
 */
export function search(cluster: Cluster, limits: Limits): SearchResult {
  return new Search(cluster, limits).run();
}

class Search {
  readonly #cluster: Cluster;
  readonly #limits: Limits;
  readonly #seen = new StateSet();
  readonly #waiting = new StateQueue();
  /** By state, in the order in which they were found: where it comes from, and by which event. */
  readonly #parents = new NumberList();
  readonly #codes = new NumberList();
  #transitions = 0;
  #depth = 0;
  #looked = 0;
  #violation: Violation | undefined;
  #path: readonly number[] = [];

  constructor(cluster: Cluster, limits: Limits) {
    this.#cluster = cluster;
    this.#limits = limits;
  }

  run(): SearchResult {
    this.#note(this.#cluster.initial, 0, 0);
    let levelEnd = this.#seen.size;
    while (this.#violation === undefined && !this.#isOver()) {
      const state = this.#waiting.shift();
      if (state === undefined) break;
      this.#visit(state, this.#looked);
      this.#looked += 1;
      if (this.#looked !== levelEnd || this.#violation !== undefined) continue;
      levelEnd = this.#seen.size;
      this.#limits.onLevel?.(this.#level);
      if (this.#waiting.length > 0) this.#depth += 1;
    }
    return {
      ...this.#level,
      isExhausted: this.#waiting.length === 0 && this.#violation === undefined,
      chanceOfMistake: this.#seen.chanceOfMistake,
      violation: this.#violation,
      path: this.#path,
    };
  }

  get #level(): Level {
    return {
      depth: this.#depth,
      states: this.#seen.size,
      transitions: this.#transitions,
      waiting: this.#waiting.length,
    };
  }

  #isOver(): boolean {
    if (this.#seen.size >= this.#limits.states) return true;
    return this.#looked % lookEvery === 0 && this.#limits.isOver?.() === true;
  }

  #visit(state: ClusterState, number: number): void {
    for (const code of this.#cluster.choices(state)) {
      const next = this.#cluster.after(state, code);
      if (next === undefined) continue;
      this.#transitions += 1;
      if (Array.isArray(next)) this.#note(next as ClusterState, number, code);
      else this.#fail(next as Violation, number, [code]);
      if (this.#violation !== undefined) return;
    }
  }

  #note(state: ClusterState, parent: number, code: number): void {
    const canonical = this.#cluster.canonical(state).state;
    if (!this.#seen.add(canonical)) return;
    const number = this.#parents.length;
    this.#parents.push(parent);
    this.#codes.push(code);
    this.#waiting.push(canonical);
    const violation = this.#cluster.check(canonical);
    if (violation !== undefined) this.#fail(violation, number, []);
  }

  #fail(violation: Violation, from: number, last: readonly number[]): void {
    const path = [...last];
    for (let at = from; at > 0; at = this.#parents.at(at)) path.unshift(this.#codes.at(at));
    this.#violation = violation;
    this.#path = path;
  }
}
