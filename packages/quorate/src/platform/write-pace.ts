/** A write of so many bytes at most is done at once: more takes its time on any disk. */
const mostBytes = 64 * 1024;
/** A disk whose durable writes take longer than this, on average, is left to other threads. */
const quickMs = 1;
/** A late write counts as one of this: where processors are busy, it was the loop that was late. */
const lateMs = 4 * quickMs;
/** Unless it was so late that the next one must not be waited for. */
const stalledMs = 25;
/** One write in so many decides the average; a single one that was late is forgotten. */
const weight = 1 / 16;
/** How long a disk that was slow is left alone; twice as long each time. */
const firstRestMs = 50;
const longestRestMs = 10_000;

/**
 * Decides where a durable write to a file is done. To hand it to another thread and to hear of its
 * end wakes two threads, which takes longer than the write itself where disks are fast, and all the
 * more where processors are busy. So as long as such writes are quick, the event loop waits for
 * them; and when they are not, it hands them over, and tries one itself now and then.
 */
export class WritePace {
  #averageMs = 0;
  #restMs = firstRestMs;
  #restsUntil = -Infinity;

  /** Whether a write of so many bytes is better done at once. `now` in monotonic milliseconds. */
  isQuick(bytes: number, now: number): boolean {
    return bytes <= mostBytes && now >= this.#restsUntil;
  }

  /** A write that was done at once ended at `now` and took so long, in milliseconds. */
  took(ms: number, now: number): void {
    this.#averageMs += (Math.min(ms, lateMs) - this.#averageMs) * weight;
    if (this.#averageMs > quickMs || ms > stalledMs) {
      this.#restsUntil = now + this.#restMs;
      this.#restMs = Math.min(2 * this.#restMs, longestRestMs);
      // The next one is judged by itself: one slow write is enough to go on resting.
      this.#averageMs = 0.9 * quickMs;
    } else if (this.#averageMs < quickMs / 2) this.#restMs = firstRestMs;
  }
}
