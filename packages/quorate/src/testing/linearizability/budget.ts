/** What a check may cost. It ends with the verdict `unknown` where one of them is reached. */
export interface CheckBounds {
  /** How many places for operations may be tried. Default 50 million, some ten seconds. */
  readonly maxSteps?: number;
  /** How much memory may be held, as far as the checker can estimate it. Default 512 MiB. */
  readonly maxMemoryBytes?: number;
  /** Asked now and then; the check ends once it is true. For a deadline by a clock of yours. */
  readonly shouldStop?: () => boolean;
}

const defaultMaxSteps = 50_000_000;
const defaultMaxMemoryBytes = 512 * 1024 * 1024;
const stepsBetweenQuestions = 4096;

/** Ends a search. Never leaves the checker. */
export class BoundReached extends Error {
  override readonly name = 'BoundReached';
}

/** Counts what is spent, and ends the search with {@link BoundReached} when it is too much. */
export class Budget {
  readonly #maxSteps: number;
  readonly #maxBytes: number;
  readonly #shouldStop: (() => boolean) | undefined;
  #steps = 0;
  #bytes = 0;

  constructor(bounds: CheckBounds) {
    this.#maxSteps = checkBound('maxSteps', bounds.maxSteps ?? defaultMaxSteps);
    this.#maxBytes = checkBound('maxMemoryBytes', bounds.maxMemoryBytes ?? defaultMaxMemoryBytes);
    this.#shouldStop = bounds.shouldStop;
  }

  get steps(): number {
    return this.#steps;
  }

  spendStep(): void {
    this.#steps += 1;
    if (this.#steps > this.#maxSteps) {
      throw new BoundReached(`after ${this.#maxSteps} steps (maxSteps)`);
    }
    if (this.#steps % stepsBetweenQuestions === 0 && this.#shouldStop?.() === true) {
      throw new BoundReached(`after ${this.#steps} steps (shouldStop)`);
    }
  }

  hold(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes) return;
    throw new BoundReached(`with about ${this.#maxBytes} bytes in memory (maxMemoryBytes)`);
  }

  /** A search is over, and what it held is garbage. */
  release(): void {
    this.#bytes = 0;
  }
}

function checkBound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`\`${name}\` must be a whole number above 0; it is ${String(value)}.`);
}
