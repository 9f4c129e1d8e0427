import type { CoreState } from '../core/state.ts';

export interface DiskWatchOptions {
  /** How long a leader's disk may owe an answer, in milliseconds. */
  readonly silentMs: number;
  /** Hands the leadership over to whichever voter is furthest. Not called within the step. */
  readonly handOver: () => void;
}

/**
 * Watches the disk of a leader. Writes that its followers have on theirs are committed without it,
 * but nobody is answered before they are applied, and that waits for the own disk. So when the disk
 * has owed an answer for too long, and a voter is ahead of it whose disk must be well then, that
 * one takes over. It is tried once: if it comes to nothing, the core steps down after twice that
 * time. Where all disks stand still nobody is ahead, and nobody else would do better.
 */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #hasHandedOver = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Call it after every step. */
  follow(state: Readonly<CoreState>): void {
    if (state.diskSilentMs < this.#options.silentMs) {
      this.#hasHandedOver = false;
      return;
    }
    const { leadership } = state;
    if (leadership === undefined || leadership.transfer !== undefined) return;
    if (this.#hasHandedOver || !isOvertaken(state)) return;
    this.#hasHandedOver = true;
    queueMicrotask(this.#options.handOver);
  }
}

/** A voter that stays has more of the log on its disk than this leader has on its own. */
function isOvertaken({ membership, leadership, durable }: Readonly<CoreState>): boolean {
  const voters = membership.voters.at(-1) ?? [];
  return voters.some((id) => (leadership?.progress.get(id)?.matchIndex ?? 0) > durable);
}
