/**
 * When the log does not write. The zeroes for its next segment go to the disk in these pauses, so
 * that a write of the log hardly ever meets one: while a node handles what a write made durable,
 * its disk has nothing else to do.
 */
export class Pauses {
  #isWriting = false;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  /** Does one write of the log, of so many bytes. They never overlap. */
  async during<Result>(bytes: number, write: () => Promise<Result>): Promise<Result> {
    this.#isWriting = true;
    try {
      return await write();
    } finally {
      this.#isWriting = false;
      this.#bytes += bytes;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resume of waiting) resume();
    }
  }

  /**
   * Resolves as soon as the log does not write, at the end of the write under way at the latest, to
   * the bytes that it has written since the last time this was asked.
   */
  async next(): Promise<number> {
    if (this.#isWriting) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }
}
