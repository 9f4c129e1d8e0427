import { leading, type Victim } from '../../../quorate/test/chaos/schedule.ts';
import { Random } from '../../../quorate/test/walker/random.ts';
import type { KvChaosCluster } from './cluster.ts';
import { pause } from './workers.ts';

/** Members are ended by SIGTERM, as whoever looks after them does it: one, or all in turn. */
export type Restart =
  | { readonly type: 'restart'; readonly at: number; readonly victim: Victim }
  | { readonly type: 'rolling restart'; readonly at: number };

const firstMs = 1500;
const gapMs = { from: 2000, to: 5000 };
/** Every so manieth is one of all members. */
const rollingEvery = 3;
/** The next one is ended once this one is ready, or after so long. */
const readyMs = 5000;
const lookMs = 100;

export function planRestarts(
  seed: string,
  { seconds, slots }: { readonly seconds: number; readonly slots: readonly string[] },
): readonly Restart[] {
  const random = new Random(seed, 'restarts');
  const plan: Restart[] = [];
  for (let at = firstMs; at < seconds * 1000; ) {
    const victim = random.chance(0.5) ? leading : random.pick(slots);
    const isRolling = plan.length % rollingEvery === 1;
    plan.push(isRolling ? { type: 'rolling restart', at } : { type: 'restart', at, victim });
    at += gapMs.from + random.below(gapMs.to - gapMs.from);
  }
  return plan;
}

/** Ends members by SIGTERM as planned, one after the other. */
export class Restarts {
  readonly counts = new Map<string, number>();
  readonly #cluster: KvChaosCluster;
  readonly #note: (text: string) => void;

  constructor(cluster: KvChaosCluster, note: (text: string) => void) {
    this.#cluster = cluster;
    this.#note = note;
  }

  /** Resolves when the last one is over; those that `signal` interrupts run again then. */
  async run(plan: readonly Restart[], signal: AbortSignal): Promise<void> {
    const { slots } = this.#cluster;
    const startedAt = performance.now();
    for (const restart of plan) {
      await pause(startedAt + restart.at - performance.now(), signal);
      if (signal.aborted) return;
      this.counts.set(restart.type, (this.counts.get(restart.type) ?? 0) + 1);
      this.#note(JSON.stringify(restart));
      if (restart.type === 'rolling restart') {
        for (const slot of slots) if (!signal.aborted) await this.#restart(slot, signal);
      } else {
        const { victim } = restart;
        const slot = victim === leading ? (this.#cluster.leader ?? slots[0]) : victim;
        if (slot !== undefined) await this.#restart(slot, signal);
      }
    }
  }

  async #restart(slot: string, signal: AbortSignal): Promise<void> {
    await this.#cluster.stop(slot);
    await this.#cluster.start(slot);
    const until = performance.now() + readyMs;
    while (!signal.aborted && performance.now() < until && !(await this.#cluster.isReady(slot))) {
      await pause(lookMs, signal);
    }
  }
}
