import type { NodeId } from '../../src/core/types.ts';
import type { Runtime, Timer } from '../../src/platform/runtime.ts';
import { Random } from '../walker/random.ts';
import type { Choices } from './choices.ts';
import type { EventQueue } from './event-queue.ts';

export interface ProcessOptions {
  readonly node: NodeId;
  readonly life: number;
  readonly queue: EventQueue;
  readonly choices: Choices;
  /** How fast its clock goes, as a share of the world's time. */
  readonly rate: number;
}

/** How many different numbers `random` gives. */
const chances = 65_536;

/**
 * One process of a node, from its start to its end: its clock, its timers, its chance, and the one
 * door by which anything comes in. While it is paused, what comes waits at that door. Once it is
 * dead nothing gets in or out, so that whatever was under way inside stays under way for ever.
 */
export class SimProcess implements Runtime {
  readonly node: NodeId;
  readonly life: number;
  isDead = false;
  isPaused = false;
  /** How long the processor takes for one event, in milliseconds of the world. */
  slowMs = 0;
  /** Counts what came in; for the accounts. */
  entered = 0;
  /** Timers that were set and have neither run nor been cancelled. */
  timerCount = 0;
  /** Calls of its application that have begun and not ended. */
  callCount = 0;
  readonly #queue: EventQueue;
  readonly #choices: Choices;
  readonly #label: string;
  /** What its chance is as long as every choice is 0: nodes that drew alike would elect nobody. */
  readonly #fair: Random;
  readonly #waiting: (() => void)[] = [];
  readonly #onDeath = new Set<() => void>();
  #ids = 0;
  #rate: number;
  /** The world's time, and its own, when the clock was last set going. */
  #since: number;
  #base: number;
  /** Its clock stands still, as that of a virtual machine that was suspended. */
  #isFrozen = false;
  /** Counts how often the pace of the clock changed. */
  #paces = 0;
  #busyUntil = 0;
  #isDraining = false;

  constructor({ node, life, queue, choices, rate }: ProcessOptions) {
    this.node = node;
    this.life = life;
    this.#queue = queue;
    this.#choices = choices;
    this.#label = `node.${node}.random`;
    this.#fair = new Random(node, `life ${life}`);
    this.#rate = rate;
    this.#since = queue.now;
    // Machines were not all switched on at once; that no clock means anything elsewhere.
    this.#base = 1000 * life;
  }

  now(): number {
    if (this.#isFrozen) return this.#base;
    return this.#base + (this.#queue.now - this.#since) * this.#rate;
  }

  setTimer(run: () => void, ms: number): Timer {
    if (Number.isNaN(ms)) throw new RangeError('A timer wants milliseconds; got NaN.');
    const waitMs = Math.max(0, ms) / this.#rate;
    const dueAt = this.now() + Math.max(0, ms);
    let pace = this.#paces;
    // What rings while the process waits its turn may still be cancelled until it has it.
    const timer = { isOver: false, due: undefined as Timer | undefined };
    const end = (): void => {
      if (!timer.isOver) this.timerCount -= 1;
      timer.isOver = true;
    };
    const ring = (): void => {
      if (timer.isOver) return;
      const leftMs = dueAt - this.now();
      if (pace !== this.#paces && leftMs > 0) {
        // The clock went slower meanwhile, or not at all; of one that went faster it rings late.
        pace = this.#paces;
        timer.due = this.#queue.after(leftMs / this.#rate, () => this.enter(ring));
        return;
      }
      end();
      run();
    };
    this.timerCount += 1;
    timer.due = this.#queue.after(waitMs, () => this.enter(ring));
    return {
      cancel: () => {
        end();
        timer.due?.cancel();
      },
    };
  }

  random(): number {
    const drawn = this.#fair.below(chances) + this.#choices.choose(this.#label, chances);
    return (drawn % chances) / chances;
  }

  randomId(): string {
    this.#ids += 1;
    return `${this.node}-${this.life}-${this.#ids}`;
  }

  yieldToIo(run: () => void): void {
    this.#queue.after(0, () => this.enter(run));
  }

  /** Lets the clock go at another rate from now on; it does not jump. */
  setRate(rate: number): void {
    this.#base = this.now();
    this.#since = this.#queue.now;
    this.#rate = rate;
    this.#paces += 1;
  }

  /** Something comes to the process: it runs at once, or when its turn comes, or never. */
  enter(run: () => void): void {
    if (this.isDead) return;
    if (this.isPaused || this.#waiting.length > 0 || this.#queue.now < this.#busyUntil) {
      this.#waiting.push(run);
      this.#drainLater();
      return;
    }
    this.#run(run);
  }

  /** Tells whoever waits for the process that it is gone; the returned function forgets it. */
  onDeath(run: () => void): () => void {
    this.#onDeath.add(run);
    return () => this.#onDeath.delete(run);
  }

  /** It stands still; so does its clock, if that is `isFrozen`. */
  pause({ isFrozen = false }: { readonly isFrozen?: boolean } = {}): void {
    this.isPaused = true;
    if (!isFrozen) return;
    this.#base = this.now();
    this.#isFrozen = true;
    this.#paces += 1;
  }

  resume(): void {
    this.isPaused = false;
    if (this.#isFrozen) this.#since = this.#queue.now;
    this.#isFrozen = false;
    this.#drainLater();
  }

  /** It is gone, in the middle of whatever it did. */
  kill(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.#waiting.length = 0;
    const told = [...this.#onDeath];
    this.#onDeath.clear();
    for (const run of told) run();
  }

  #run(run: () => void): void {
    this.entered += 1;
    if (this.slowMs > 0) this.#busyUntil = this.#queue.now + this.slowMs;
    run();
  }

  #drainLater(): void {
    if (this.#isDraining || this.isPaused || this.#waiting.length === 0) return;
    this.#isDraining = true;
    this.#queue.at(Math.max(this.#queue.now, this.#busyUntil), () => {
      this.#isDraining = false;
      if (this.isDead || this.isPaused) return;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#run(next);
      this.#drainLater();
    });
  }
}
