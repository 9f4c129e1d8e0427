import type { Revision } from '../../types.ts';
import type { Interest } from './interest.ts';
import type { Told } from './watcher.ts';

export interface KeptBatch {
  readonly interest: Interest;
  readonly from: Revision;
  readonly told: Told;
  readonly byteLength: number;
}

const maxBatches = 256;
const maxBytes = 8 * 1024 * 1024;

/**
 * The last batches of interests that have several watchers. One that comes a moment later is told
 * the very same object, so that its encoding can be shared, too.
 */
export class KeptBatches {
  readonly #batches = new Set<KeptBatch>();
  #byteLength = 0;

  get size(): number {
    return this.#batches.size;
  }

  keep(batch: KeptBatch): void {
    const { interest, from, byteLength } = batch;
    if (byteLength > maxBytes || interest.kept.has(from)) return;
    interest.kept.set(from, batch);
    this.#batches.add(batch);
    this.#byteLength += byteLength;
    for (const oldest of this.#batches) {
      if (this.#batches.size <= maxBatches && this.#byteLength <= maxBytes) break;
      this.#drop(oldest);
    }
  }

  forget(interest: Interest): void {
    for (const batch of [...interest.kept.values()]) this.#drop(batch);
  }

  clear(): void {
    for (const batch of [...this.#batches]) this.#drop(batch);
  }

  #drop(batch: KeptBatch): void {
    this.#batches.delete(batch);
    batch.interest.kept.delete(batch.from);
    this.#byteLength -= batch.byteLength;
  }
}
