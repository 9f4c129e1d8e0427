import { type Choices, pick } from '../choices.ts';
import type { Input } from './history-model.ts';

/** So many amounts, each another power of two, fit into one exact number. */
const maxAmounts = 40;
/** A list is shown whole by every append to it, so it does not get long. */
const maxListLength = 40;

/**
 * Makes what clients ask for. No value is written twice and no amount is added twice to one
 * counter, so that whatever took effect twice, or not at all, shows in what is read.
 */
export class Operations {
  readonly #choices: Choices;
  readonly #keyCount: number;
  /** The newest value written to each register, for a compare-and-set that may succeed. */
  readonly #lastValue = new Map<number, string>();
  readonly #added = new Map<number, number>();
  readonly #appended = new Map<number, number>();
  #values = 0;

  constructor(choices: Choices, options: { readonly keyCount: number }) {
    this.#choices = choices;
    this.#keyCount = options.keyCount;
  }

  /** The keys that are still written to. */
  get newestKeys(): string[] {
    return Array.from({ length: this.#keyCount }, (_, at) => [
      register(at),
      counter(at, this.#part(this.#added, at, maxAmounts)),
      list(at, this.#part(this.#appended, at, maxListLength)),
    ]).flat();
  }

  next(options: { readonly reads: number }): Input {
    const at = this.#choices.choose('workload.key', this.#keyCount);
    const isRead = this.#choices.choose('workload.read', 100) < options.reads;
    if (isRead) return { op: 'read', key: this.#keyOf(at) };
    const op = pick(this.#choices, 'workload.op', operations);
    switch (op) {
      case 'put':
        return { op, key: register(at), value: this.#newValue(at) };
      case 'cas': {
        const from = this.#lastValue.get(at) ?? null;
        return { op, key: register(at), from, to: this.#newValue(at) };
      }
      case 'append': {
        const count = this.#count(this.#appended, at);
        return { op, key: list(at, Math.floor(count / maxListLength)), value: this.#newValue(-1) };
      }
      case 'add': {
        const count = this.#count(this.#added, at);
        const key = counter(at, Math.floor(count / maxAmounts));
        return { op, key, amount: 2 ** (count % maxAmounts) };
      }
      default:
        return { op: 'get', key: this.#keyOf(at) };
    }
  }

  /** A write that nobody has made before, on a key of its own. */
  fresh(): Input {
    return { op: 'put', key: 'fresh', value: this.#newValue(-1) };
  }

  #keyOf(at: number): string {
    const kind = this.#choices.choose('workload.kind', 3);
    if (kind === 0) return register(at);
    return kind === 1
      ? counter(at, this.#part(this.#added, at, maxAmounts))
      : list(at, this.#part(this.#appended, at, maxListLength));
  }

  #newValue(at: number): string {
    this.#values += 1;
    const value = `v${this.#values}`;
    if (at >= 0) this.#lastValue.set(at, value);
    return value;
  }

  #count(counts: Map<number, number>, at: number): number {
    const count = counts.get(at) ?? 0;
    counts.set(at, count + 1);
    return count;
  }

  #part(counts: ReadonlyMap<number, number>, at: number, size: number): number {
    return Math.floor(Math.max(0, (counts.get(at) ?? 0) - 1) / size);
  }
}

const operations = ['put', 'append', 'add', 'cas', 'append', 'add', 'put', 'get'] as const;

function register(at: number): string {
  return `register-${at}`;
}

function counter(at: number, part: number): string {
  return `counter-${at}-${part}`;
}

function list(at: number, part: number): string {
  return `list-${at}-${part}`;
}
