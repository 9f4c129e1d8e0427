import type { ByteString } from '../../bytes.ts';
import { Interest } from './interest.ts';
import { RangeTree } from './range-tree.ts';
import { nameOf, type Selection } from './selection.ts';

type RangeInterest = Interest & { readonly end: ByteString };

/** Which interests there are, and which of them a key concerns. */
export class InterestIndex {
  readonly #byName = new Map<string, Interest>();
  readonly #points = new Map<ByteString, Set<Interest>>();
  readonly #ranges = new RangeTree<RangeInterest>();

  get size(): number {
    return this.#byName.size;
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0 && this.#points.size === 0 && this.#ranges.isEmpty;
  }

  /** The interest of watchers with this selection; a new one if there was none. */
  enter(selection: Selection): Interest {
    const name = nameOf(selection);
    let interest = this.#byName.get(name);
    if (interest === undefined) {
      interest = new Interest(selection, name);
      this.#byName.set(name, interest);
      this.#add(interest);
    }
    interest.size += 1;
    return interest;
  }

  /** One of its watchers has gone; so has the interest if it was the last. */
  leave(interest: Interest): void {
    interest.size -= 1;
    if (interest.size > 0) return;
    this.#byName.delete(interest.name);
    if (isRange(interest)) {
      this.#ranges.remove(interest);
      return;
    }
    const same = this.#points.get(interest.key);
    same?.delete(interest);
    if (same?.size === 0) this.#points.delete(interest.key);
  }

  /** Appends the interests that have the key to `found`. */
  find(key: ByteString, found: Interest[]): void {
    if (this.#points.size > 0) {
      const points = this.#points.get(key);
      if (points !== undefined) found.push(...points);
    }
    if (!this.#ranges.isEmpty) this.#ranges.find(key, found as RangeInterest[]);
  }

  #add(interest: Interest): void {
    if (isRange(interest)) {
      this.#ranges.add(interest);
      return;
    }
    const same = this.#points.get(interest.key);
    if (same === undefined) this.#points.set(interest.key, new Set([interest]));
    else same.add(interest);
  }
}

function isRange(interest: Interest): interest is RangeInterest {
  return interest.end !== undefined;
}
