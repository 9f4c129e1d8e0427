import type { Crossing } from './links.ts';

/** What is wrong with one wire, in one direction, and is not wrong with the whole network. */
export interface LinkTrouble {
  /** Takes what is sent off the wire, on which `underWay` are; `false`: it goes on its way. */
  takes(crossing: Crossing, underWay: number): boolean;
  /** When what is sent now, at `now`, can be there at the earliest. */
  earliest(now: number): number;
  /** The link is well again. */
  end(): void;
}

/** Little gets through at a time: so many wait for their turn, and what comes on top is dropped. */
export class NarrowLink implements LinkTrouble {
  readonly #capacity: number;
  /** How long the wire is taken up by one message, in milliseconds. */
  readonly #slotMs: number;
  readonly #onDrop: () => void;
  #freeAt = 0;

  constructor(options: { capacity: number; slotMs: number; onDrop: () => void }) {
    this.#capacity = options.capacity;
    this.#slotMs = options.slotMs;
    this.#onDrop = options.onDrop;
  }

  takes(crossing: Crossing, underWay: number): boolean {
    if (underWay < this.#capacity) return false;
    this.#onDrop();
    crossing.lose();
    return true;
  }

  earliest(now: number): number {
    this.#freeAt = Math.max(now, this.#freeAt) + this.#slotMs;
    return this.#freeAt;
  }

  end(): void {}
}

/**
 * The other side has forgotten the connection, and this one does not know: requests go nowhere
 * until somebody finds out, and then their callers hear that it broke. Answers to the other side's
 * own requests come over another connection.
 */
export class HalfOpenLink implements LinkTrouble {
  readonly #swallowed: Crossing[] = [];

  get swallowedCount(): number {
    return this.#swallowed.length;
  }

  takes(crossing: Crossing): boolean {
    if (crossing.isAnswer === true) return false;
    this.#swallowed.push(crossing);
    return true;
  }

  earliest(now: number): number {
    return now;
  }

  end(): void {
    for (const crossing of this.#swallowed.splice(0)) {
      crossing.lose();
      crossing.fail?.();
    }
  }
}

/** The first messages over a new connection get lost. */
export class FreshLink implements LinkTrouble {
  readonly #onLost: () => void;
  #left: number;

  constructor(options: { loses: number; onLost: () => void }) {
    this.#left = options.loses;
    this.#onLost = options.onLost;
  }

  takes(crossing: Crossing): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    this.#onLost();
    crossing.lose();
    return true;
  }

  earliest(now: number): number {
    return now;
  }

  end(): void {}
}
