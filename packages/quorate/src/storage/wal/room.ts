import type { FileSystem } from '../../platform/file-system.ts';
import type { Runtime, Timer } from '../../platform/runtime.ts';

export interface RoomOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly runtime: Runtime;
  readonly minFreeBytes: number;
}

/** How often to look how much room there is; others use the disk too. */
const lookMs = 1000;

/** How much room the log's disk has: low below `minFreeBytes`, or without room for a segment. */
export class Room {
  readonly #options: RoomOptions;
  #isLow = false;
  #hasSpare = true;
  #lookedAt = -Infinity;
  #timer: Timer | undefined = undefined;
  #isClosed = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get isLow(): boolean {
    return this.#isLow;
  }

  /** A spare segment was made, or found no room. */
  spareTried(hasSpare: boolean): void {
    this.#hasSpare = hasSpare;
    void this.look();
  }

  /** Something was written: time for a look, if the last one is old. */
  written(): void {
    if (this.#options.runtime.now() - this.#lookedAt > lookMs) void this.look();
  }

  /**
   * Looks now, and as long as it is low again and again: nobody may write, so nothing else would.
   */
  async look(): Promise<void> {
    const { files, directory, minFreeBytes, runtime } = this.#options;
    this.#lookedAt = runtime.now();
    try {
      this.#isLow = (await files.freeBytes(directory)) < minFreeBytes || !this.#hasSpare;
    } catch {
      this.#isLow = true; // A disk that cannot say how much room it has is not to be relied on.
    }
    this.#timer?.cancel();
    if (!this.#isLow || this.#isClosed) return;
    this.#timer = runtime.setTimer(() => void this.look(), lookMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}
