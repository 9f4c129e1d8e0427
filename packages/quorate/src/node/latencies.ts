import { Histogram, type Latency } from './histogram.ts';

/** Where the time goes. Counted for each write, call and batch, never for each entry. */
export interface Latencies {
  /** From the wish to write to the disk until it is durable. */
  readonly persist: Latency;
  /** On a leader: from an append with entries being sent until it is answered. */
  readonly replicate: Latency;
  /** On a leader: from a batch of writes entering the log until a quorum has it. */
  readonly commit: Latency;
  /** One batch in the state machine. */
  readonly apply: Latency;
}

/** Always counting; drawn when somebody looks. */
export class LatencyRecord {
  readonly persist: Histogram = new Histogram();
  readonly replicate: Histogram = new Histogram();
  readonly commit: Histogram = new Histogram();
  readonly apply: Histogram = new Histogram();

  get picture(): Latencies {
    const { persist, replicate, commit, apply } = this;
    return {
      persist: persist.picture,
      replicate: replicate.picture,
      commit: commit.picture,
      apply: apply.picture,
    };
  }
}

/** As many are timed at once; what comes while all places are taken is not timed. */
const places = 256;

/**
 * When things began that end in order, each named by a number that grows: writes by their number,
 * batches by their last index.
 */
export class Begun {
  readonly #names = new Float64Array(places);
  readonly #times = new Float64Array(places);
  #first = 0;
  #end = 0;

  begin(name: number, now: number): void {
    if (this.#end - this.#first === places) return;
    const at = this.#end % places;
    this.#names[at] = name;
    this.#times[at] = now;
    this.#end += 1;
  }

  /** Everything up to `name` has ended. */
  end(name: number, now: number, record: Histogram): void {
    while (this.#first < this.#end && (this.#names[this.#first % places] as number) <= name) {
      record.record(now - (this.#times[this.#first % places] as number));
      this.#first += 1;
    }
    // From the start again, so that the same few places stay in the processor's cache.
    if (this.#first === this.#end) this.clear();
  }

  clear(): void {
    this.#first = 0;
    this.#end = 0;
  }
}
