import type { Budget } from './budget.ts';
import type { FullModel } from './model.ts';

/** Says that the client cannot have seen what it saw, had the operation taken effect here. */
export const refused = -1;

const maxRemembered = 500_000;

/** What an operation does, and what its client saw unless that is unknown. */
interface Effect<Input, Output> {
  readonly input: Input;
  readonly returnedAt?: number | undefined;
  readonly output?: Output | undefined;
}

/** The states that the search meets, each once and by a number, and what leads between them. */
export class Transitions<State, Input, Output> {
  readonly #model: FullModel<State, Input, Output>;
  readonly #operations: readonly Effect<Input, Output>[];
  readonly #budget: Budget;
  readonly #states: State[] = [];
  readonly #byKey = new Map<unknown, number>();
  readonly #remembered = new Map<number, number>();

  constructor(
    model: FullModel<State, Input, Output>,
    operations: readonly Effect<Input, Output>[],
    budget: Budget,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#budget = budget;
  }

  intern(state: State): number {
    const key = this.#model.stateKey(state);
    const seen = this.#byKey.get(key);
    if (seen !== undefined) return seen;
    const id = this.#states.length;
    this.#states.push(state);
    this.#byKey.set(key, id);
    this.#budget.hold(100 + (typeof key === 'string' ? 2 * key.length : 0));
    return id;
  }

  state(id: number): State {
    return this.#states[id] as State;
  }

  /** The state after an operation, or {@link refused}. An unknown one fits everywhere. */
  after(state: number, operation: number): number {
    const key = state * this.#operations.length + operation;
    const seen = this.#remembered.get(key);
    if (seen !== undefined) return seen;
    const next = this.#step(state, this.#operations[operation] as Effect<Input, Output>);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(key, next);
    return next;
  }

  #step(state: number, operation: Effect<Input, Output>): number {
    const step = this.#model.step(this.state(state), operation.input);
    const seen = operation.output as Output;
    if (operation.returnedAt !== undefined && !this.#model.accepts(step.output, seen)) {
      return refused;
    }
    return this.intern(step.state);
  }
}
