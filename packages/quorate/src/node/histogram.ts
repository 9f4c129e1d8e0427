/** How long something took, over the whole life of a node so far. */
export interface Latency {
  readonly count: number;
  readonly totalMs: number;
  readonly meanMs: number;
  /** Half took no longer; off by at most a sixteenth, as is the next. */
  readonly p50Ms: number;
  /** 99 of 100 took no longer. */
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The unit that is counted in: a quarter of a microsecond. */
const unitsPerMs = 4000;
/** Each power of two is divided into this many buckets. */
const stepsPerPower = 16;
const powerOfSteps = 4;
/** Longer ones, from about 9 minutes on, share the last bucket. */
const longest = 2 ** 31 - 1;
const bucketCount = (31 - powerOfSteps + 1) * stepsPerPower;

const nothing: Latency = { count: 0, totalMs: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

/**
 * Counts durations in buckets that are a sixteenth as wide as what is in them, or a quarter of a
 * microsecond. All room is taken at once; recording allocates nothing.
 */
export class Histogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;
  #totalMs = 0;
  #maxMs = 0;
  #picture = nothing;

  record(ms: number): void {
    this.#count += 1;
    this.#totalMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    const at = bucketOf(ms);
    this.#buckets[at] = (this.#buckets[at] as number) + 1;
  }

  /** Counted when somebody looks, and not again until there is something new. */
  get picture(): Latency {
    if (this.#picture.count !== this.#count) this.#picture = this.#draw();
    return this.#picture;
  }

  #draw(): Latency {
    return {
      count: this.#count,
      totalMs: this.#totalMs,
      meanMs: this.#totalMs / this.#count,
      p50Ms: this.#percentile(0.5),
      p99Ms: this.#percentile(0.99),
      maxMs: this.#maxMs,
    };
  }

  /** The middle of the bucket in which the sample of that rank is. */
  #percentile(share: number): number {
    const rank = Math.ceil(this.#count * share);
    let seen = 0;
    for (let at = 0; at < bucketCount; at += 1) {
      seen += this.#buckets[at] as number;
      if (seen >= rank) return at === bucketCount - 1 ? this.#maxMs : this.#middleOf(at);
    }
    return this.#maxMs;
  }

  #middleOf(bucket: number): number {
    return Math.min((startOf(bucket) + startOf(bucket + 1)) / 2 / unitsPerMs, this.#maxMs);
  }
}

/** Up to 16 units one bucket each; from there on 16 buckets for each power of two. */
function bucketOf(ms: number): number {
  const units = Math.min(longest, Math.max(0, Math.floor(ms * unitsPerMs)));
  if (units < stepsPerPower) return units;
  const power = 31 - Math.clz32(units) - powerOfSteps;
  return power * stepsPerPower + (units >> power);
}

/** The shortest duration of a bucket, in units. */
function startOf(bucket: number): number {
  if (bucket < stepsPerPower) return bucket;
  const power = Math.floor(bucket / stepsPerPower) - 1;
  return (bucket - power * stepsPerPower) * 2 ** power;
}
