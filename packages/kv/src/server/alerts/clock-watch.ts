import type { KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';

/** A wall clock that moved by less against the monotonic one was only adjusted. */
const jumpMs = 1000;
/** A jump is over at once; it is told for so long, so that somebody sees it. */
const tellForMs = 60_000;

/**
 * Sees when the wall clock was set. Nothing in the cluster goes by it: Raft and leases live by
 * monotonic clocks. But certificates do, and whoever compares logs.
 */
export class ClockWatch {
  readonly #member: string;
  #apartMs: number | undefined;
  #jump: { readonly at: number; readonly byMs: number } | undefined;

  constructor(member: string) {
    this.#member = member;
  }

  /** `now` is monotonic, `wall` the time of day; both in milliseconds, and of one moment. */
  look(now: number, wall: number): void {
    const apartMs = wall - now;
    const byMs = apartMs - (this.#apartMs ?? apartMs);
    this.#apartMs = apartMs;
    if (Math.abs(byMs) > jumpMs) this.#jump = { at: now, byMs };
    else if (this.#jump !== undefined && now - this.#jump.at > tellForMs) this.#jump = undefined;
  }

  alerts(): readonly KvAlert[] {
    if (this.#jump === undefined) return [];
    const { byMs } = this.#jump;
    const way = byMs > 0 ? 'ahead' : 'back';
    const seconds = (Math.abs(byMs) / 1000).toFixed(1);
    return [alertOf('clock-jump', this.#member, `The wall clock went ${way} by ${seconds} s.`)];
  }
}
