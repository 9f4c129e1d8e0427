import type { Choice } from './choices.ts';
import { addText } from './hash.ts';

/** One thing that happened, for the hash, the page and people. */
export type TraceEvent = {
  /** Counts up from 1. */
  readonly number: number;
  /** Virtual milliseconds. */
  readonly at: number;
} & TraceBody;

export type TraceBody =
  | {
      readonly type: 'start' | 'crash' | 'close' | 'pause' | 'resume' | 'wipe';
      readonly node: string;
      readonly detail?: string;
    }
  /** A call (request). */
  | {
      readonly type: 'send';
      readonly message: number;
      readonly kind: string;
      readonly from: string;
      readonly to: string;
      readonly text: string;
    }
  /** What became of it. */
  | {
      readonly type: 'deliver' | 'lose' | 'answer' | 'loseAnswer';
      readonly message: number;
      readonly text?: string;
    }
  | {
      readonly type: 'role';
      readonly node: string;
      readonly role: string;
      readonly term: number;
      readonly leader?: string;
    }
  /** The whole shape of its log now. */
  | {
      readonly type: 'log';
      readonly node: string;
      readonly first: number;
      readonly terms: readonly (readonly [term: number, count: number])[];
    }
  | { readonly type: 'commit' | 'apply'; readonly node: string; readonly index: number }
  /** A fault, or a slow call. */
  | { readonly type: 'disk'; readonly node: string; readonly text: string }
  | {
      readonly type: 'cut' | 'heal';
      readonly links: readonly (readonly [from: string, to: string])[];
    }
  | { readonly type: 'clock'; readonly node: string; readonly text: string }
  | {
      readonly type: 'call' | 'return';
      readonly client: string;
      readonly operation: number;
      readonly node: string;
      readonly text: string;
    }
  | { readonly type: 'phase'; readonly text: string }
  | { readonly type: 'violation'; readonly code: string; readonly text: string };

/** A run, as it is written to a file: enough to replay it, to shrink it and to draw it. */
export interface RunFile {
  readonly version: 1;
  readonly seed: string;
  readonly knobs: Readonly<Record<string, unknown>>;
  readonly nodes: readonly string[];
  readonly choices: readonly Choice[];
  readonly events: readonly TraceEvent[];
}

/**
 * Takes down what happens. Without `keep` only the hash remains, which is the same either way: it
 * is of what `fact` is given, and never of the texts.
 */
export class TraceRecorder {
  readonly events: TraceEvent[] = [];
  /** Events so far, kept or not. */
  count = 0;
  #isOver = false;
  readonly #isKept: boolean;
  readonly #now: () => number;
  #hash = 0x811c_9dc5;

  constructor(options: { readonly keep: boolean; readonly now: () => number }) {
    this.#isKept = options.keep;
    this.#now = options.now;
  }

  /** Whether bodies are wanted at all; ask before making one. */
  get isKept(): boolean {
    return this.#isKept;
  }

  get hash(): number {
    return this.#hash >>> 0;
  }

  /** Takes nothing more down: what follows is no part of the run. */
  end(): void {
    this.#isOver = true;
  }

  /** Takes a fact into the hash. */
  fact(kind: string, a: number, b: number): void {
    let hash = addText(this.#hash, kind);
    hash = Math.imul(hash ^ (a | 0), 0x0100_0193);
    hash = Math.imul(hash ^ (b | 0), 0x85eb_ca6b);
    hash ^= hash >>> 15;
    this.#hash = hash;
  }

  /** Takes an event down, and its type and time into the hash. */
  add(body: TraceBody): void {
    if (this.#isOver) return;
    this.count += 1;
    const at = this.#now();
    this.fact(body.type, this.count, Math.floor(at * 1000));
    if (this.#isKept) this.events.push({ number: this.count, at, ...body });
  }

  /** The same for an event whose text costs something to make. */
  note(type: TraceBody['type'], body: () => TraceBody): void {
    if (this.#isOver) return;
    if (this.#isKept) return this.add(body());
    this.count += 1;
    this.fact(type, this.count, Math.floor(this.#now() * 1000));
  }
}
