import type { Budget } from './budget.ts';

/** The sets of unknown operations that the search lets take effect, each once and by a number. */
export class UsedSets {
  readonly #budget: Budget;
  readonly #members: ReadonlySet<number>[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #next: Map<number, number>[] = [];

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  intern(members: Iterable<number>): number {
    const sorted = [...members].sort((left, right) => left - right);
    const key = sorted.join();
    const seen = this.#byKey.get(key);
    if (seen !== undefined) return seen;
    const id = this.#members.length;
    this.#members.push(new Set(sorted));
    this.#next.push(new Map());
    this.#byKey.set(key, id);
    this.#budget.hold(300 + 40 * sorted.length);
    return id;
  }

  with(id: number, operation: number): number {
    const next = this.#next[id] as Map<number, number>;
    let found = next.get(operation);
    if (found === undefined) {
      found = this.intern([...this.members(id), operation]);
      next.set(operation, found);
    }
    return found;
  }

  members(id: number): ReadonlySet<number> {
    return this.#members[id] as ReadonlySet<number>;
  }

  isSubset(id: number, of: number): boolean {
    if (id === of) return true;
    const larger = this.members(of);
    const smaller = this.members(id);
    return smaller.size < larger.size && [...smaller].every((member) => larger.has(member));
  }
}
