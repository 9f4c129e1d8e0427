import { Samples } from './samples.ts';

/** A call that took long, by the clock of the machine. */
export interface Slow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PacedRound {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly slow: readonly Slow[];
  /** Calls that were answered with an error, which is not counted as an answer. */
  readonly failed: number;
}

export interface Pace {
  readonly perSecond: number;
  readonly seconds: number;
  readonly slowMs: number;
}

const tickMs = 1;
/** Calls that may be unanswered; the pace slackens beyond it. */
const maxOpenCalls = 20_000;
const maxSlow = 100_000;

/**
 * Calls at a fixed rate, whether or not those before were answered: so many are due at each tick. A
 * latency counts from when the call was due, so what stands still is not left out of the figures.
 */
export async function callAtPace(
  { perSecond, seconds, slowMs }: Pace,
  call: () => Promise<unknown>,
): Promise<PacedRound> {
  const samples = new Samples();
  const slow: Slow[] = [];
  const start = performance.now();
  const total = Math.floor(perSecond * seconds);
  let begun = 0;
  let failed = 0;
  const one = async (dueAt: number): Promise<void> => {
    try {
      await call();
    } catch (error) {
      if (failed === 0) console.error(`A call failed: ${String(error)}`);
      failed += 1;
      return;
    }
    const now = performance.now();
    samples.add(now - dueAt);
    if (now - dueAt < slowMs || slow.length >= maxSlow) return;
    const { timeOrigin } = performance;
    slow.push({ fromMs: timeOrigin + dueAt, toMs: timeOrigin + now });
  };
  const all = new Set<Promise<void>>();
  while (begun < total) {
    const due = Math.min(total, ((performance.now() - start) / 1000) * perSecond);
    while (begun < due && all.size < maxOpenCalls) {
      // Nothing is due between two ticks.
      const dueAt = start + Math.ceil((begun / perSecond) * 1000);
      const called = one(Math.min(dueAt, performance.now()));
      all.add(called);
      void called.finally(() => all.delete(called));
      begun += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
  await Promise.all(all);
  const took = (performance.now() - start) / 1000;
  return {
    perSecond: samples.count / took,
    p50Ms: samples.percentile(0.5),
    p99Ms: samples.percentile(0.99),
    maxMs: samples.maxMs,
    slow,
    failed,
  };
}
