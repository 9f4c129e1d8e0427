import type { Timer } from '../../src/platform/runtime.ts';

interface Due extends Timer {
  readonly at: number;
  /** Which of two of the same moment comes first: the one that was asked for first. */
  readonly sequence: number;
  run: (() => void) | undefined;
}

/** What is to come, in the world's time: a binary heap. Cancelled ones are skipped when due. */
export class EventQueue {
  /** The world's time in milliseconds. */
  now = 0;
  readonly #heap: Due[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Runs `run` in `ms`; what is asked for first comes first. */
  after(ms: number, run: () => void): Timer {
    return this.at(this.now + Math.max(0, ms), run);
  }

  at(at: number, run: () => void): Timer {
    if (!(at >= this.now)) throw new RangeError(`There is no way back from ${this.now} to ${at}.`);
    this.#sequence += 1;
    const due: Due = { at, sequence: this.#sequence, run, cancel };
    this.#push(due);
    return due;
  }

  /** Takes the next one and moves time on to it; `undefined` if none comes before `end`. */
  take(end: number): (() => void) | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.run === undefined) {
        this.#pop();
        continue;
      }
      if (first.at > end) return undefined;
      this.#pop();
      this.now = first.at;
      const { run } = first;
      first.run = undefined;
      return run;
    }
    return undefined;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Due;
      if (!isBefore(due, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      const right = below + 1;
      if (right < length && isBefore(heap[right] as Due, heap[below] as Due)) below = right;
      const child = heap[below] as Due;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}

function cancel(this: Due): void {
  this.run = undefined;
}
