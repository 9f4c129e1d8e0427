interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Proposers on one log: all that arrive during one write are the next, as in a node. `write` makes
 * so many entries durable.
 */
export class GroupCommit {
  readonly #write: (count: number) => Promise<void>;
  #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(write: (count: number) => Promise<void>) {
    this.#write = write;
  }

  append(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      queueMicrotask(() => void this.#writeAll());
    });
  }

  async #writeAll(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      await this.#write(batch.length);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    // Whoever was answered appends again in this turn, and is part of the next write.
    queueMicrotask(() => {
      this.#isBusy = this.#waiting.length > 0;
      if (this.#isBusy) void this.#writeAll();
    });
  }
}
