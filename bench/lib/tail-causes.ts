import type { Stall } from './node-observer.ts';
import type { Slow } from './paced-load.ts';

export type Cause = Stall['kind'] | 'other';
export type Causes = Readonly<Record<Cause, number>>;

/** What held up each of the processes that took part. */
export interface Stalls {
  readonly leader: readonly Stall[];
  readonly clients: readonly Stall[];
  readonly followers: readonly (readonly Stall[])[];
}

type Held = Record<Stall['kind'], number>;

/** A cause has held up at least this share of the time that the call took. */
const enough = 0.3;
/** Further than this behind a call nothing is looked for. */
const longestMs = 10_000;
/** A collection stops the loop, and a loop that stands still sees the disk's answer late. */
const inThisOrder = ['gc', 'disk', 'loop'] as const;

/**
 * What calls that took long waited for: the garbage collector, the disk, or a loop that was busy or
 * had no processor; on the leader, in the clients, or on all followers, since a single one of them
 * delays nobody. `other` is what none of these explains, such as a queue behind it.
 */
export function causesOf(slow: readonly Slow[], stalls: Stalls): Causes {
  const causes = { gc: 0, disk: 0, loop: 0, other: 0 };
  const alone = [new Timeline(stalls.leader), new Timeline(stalls.clients)];
  const followers = stalls.followers.map((some) => new Timeline(some));
  for (const one of slow) causes[causeOf(one, alone, followers)] += 1;
  return causes;
}

function causeOf(slow: Slow, alone: readonly Timeline[], followers: readonly Timeline[]): Cause {
  const own = alone.map((timeline) => timeline.heldUp(slow));
  const theirs = followers.map((timeline) => timeline.heldUp(slow));
  const least = enough * (slow.toMs - slow.fromMs);
  const isCause = (kind: Stall['kind']): boolean =>
    own.some((held) => held[kind] >= least) ||
    (theirs.length > 0 && theirs.every((held) => held[kind] >= least));
  return inThisOrder.find(isCause) ?? 'other';
}

/** The stalls of one process. Those of one kind do not overlap. */
class Timeline {
  readonly #stalls: readonly Stall[];

  constructor(stalls: readonly Stall[]) {
    this.#stalls = stalls.toSorted((left, right) => left.toMs - right.toMs);
  }

  heldUp({ fromMs, toMs }: Slow): Held {
    const held: Held = { gc: 0, disk: 0, loop: 0 };
    for (let at = this.#firstAfter(fromMs); at < this.#stalls.length; at += 1) {
      const stall = this.#stalls[at] as Stall; // Within the bounds.
      const overlap = Math.min(toMs, stall.toMs) - Math.max(fromMs, stall.fromMs);
      if (overlap > 0) held[stall.kind] += overlap;
      // A disk may be waited for while something else begins and ends.
      if (stall.toMs > toMs + longestMs) break;
    }
    return held;
  }

  #firstAfter(ms: number): number {
    let [low, high] = [0, this.#stalls.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#stalls[middle]?.toMs ?? Infinity) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
