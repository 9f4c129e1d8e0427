/** Each power of two of microseconds is divided into so many steps: an error of 3% at most. */
const stepsPerPower = 32;
const powers = 32;

/** How long calls took, in room that does not grow. */
export class Times {
  readonly #buckets = new Float64Array(stepsPerPower * powers);
  #count = 0;
  #longestMs = 0;

  get count(): number {
    return this.#count;
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  record(ms: number): void {
    const at = bucketOf(ms);
    this.#buckets[at] = (this.#buckets[at] as number) + 1;
    this.#count += 1;
    if (ms > this.#longestMs) this.#longestMs = ms;
  }

  /** This share of the calls took no longer; in milliseconds, 0 if there are none. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let at = 0; at < this.#buckets.length; at += 1) {
      seen += this.#buckets[at] as number;
      if (this.#count > 0 && seen >= rank) return Math.min(endOf(at), this.#longestMs);
    }
    return this.#longestMs;
  }
}

function bucketOf(ms: number): number {
  const steps = Math.log2(Math.max(1, ms * 1000)) * stepsPerPower;
  return Math.min(stepsPerPower * powers - 1, Math.floor(steps));
}

function endOf(bucket: number): number {
  return 2 ** ((bucket + 1) / stepsPerPower) / 1000;
}
