import type { Latency } from 'quorate';
import type { KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';

/** The mean is taken over so long at least. */
const windowMs = 10_000;
/** Over fewer writes it says nothing. */
const fewestWrites = 5;
const slowMs = 100;
/** What is not slow any more is well below that. */
const quickAgainMs = 50;

/** Whether the disk takes long, by how long the log has waited for it in the last seconds. */
export class DiskSpeed {
  readonly #member: string;
  #from: { readonly at: number; readonly count: number; readonly totalMs: number } | undefined;
  #slowMs: number | undefined;

  constructor(member: string) {
    this.#member = member;
  }

  /** `persist` counts from the start of the node on. */
  look(now: number, { count, totalMs }: Pick<Latency, 'count' | 'totalMs'>): void {
    this.#from ??= { at: now, count, totalMs };
    if (now - this.#from.at < windowMs) return;
    const writes = count - this.#from.count;
    const meanMs = writes === 0 ? 0 : (totalMs - this.#from.totalMs) / writes;
    this.#from = { at: now, count, totalMs };
    // Without writes nobody knows; what was slow is not called so for ever.
    const bound = this.#slowMs === undefined ? slowMs : quickAgainMs;
    this.#slowMs = writes >= fewestWrites && meanMs > bound ? meanMs : undefined;
  }

  alerts(): readonly KvAlert[] {
    if (this.#slowMs === undefined) return [];
    const message = `A write to the log took ${Math.round(this.#slowMs)} ms on average in the last ${windowMs / 1000} s.`;
    return [alertOf('slow-disk', this.#member, message)];
  }
}
