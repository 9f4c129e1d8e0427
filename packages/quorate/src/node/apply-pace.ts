/** How long the state machine may keep the event loop from everything else, in milliseconds. */
const turnMs = 10;
/** How long a batch of one that answers later may take: what it waits for is in that, too. */
const laterMs = 30;
/** As many entries go to the state machine at once before it is known how quick it is. */
const firstEntries = 32;
const mostEntries = 0x1_0000;

/**
 * Bounds what is applied at a time. A state machine may take a microsecond for a command or ten
 * milliseconds, and there may be thousands to apply, at a start above all: a node that did them
 * in one go would answer no heartbeat and no vote meanwhile, and a cluster of such nodes would
 * have no leader.
 */
export class ApplyPace {
  #most = firstEntries;
  #spentMs = 0;

  /** As many entries may be applied together. */
  get most(): number {
    return this.#most;
  }

  /** Whether the event loop should have its turn before the next batch. */
  get isOver(): boolean {
    return this.#spentMs >= turnMs;
  }

  /** The event loop has had its turn. */
  rested(): void {
    this.#spentMs = 0;
  }

  /** To apply a batch of so many kept the event loop for so long. */
  applied(entries: number, ms: number): void {
    this.#spentMs += ms;
    this.#fit(entries, ms, turnMs);
  }

  /** A batch took so long, in which others may have been served, or not. */
  appliedLater(entries: number, ms: number): void {
    this.#spentMs += ms;
    this.#fit(entries, ms, laterMs);
  }

  #fit(entries: number, ms: number, mostMs: number): void {
    if (ms > mostMs) this.#most = Math.max(1, Math.floor((entries * mostMs) / ms));
    else if (ms < mostMs / 2 && entries * 2 > this.#most) {
      this.#most = Math.min(this.#most * 2, mostEntries);
    }
  }
}
