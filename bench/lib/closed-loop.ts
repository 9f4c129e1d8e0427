import { percentile } from './percentile.ts';

export interface LoopRound {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Every writer writes again as soon as it is answered, until the time is up. */
export async function writeFor(
  seconds: number,
  writers: number,
  write: () => Promise<unknown>,
): Promise<LoopRound> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  const writeOn = async (): Promise<void> => {
    for (let began = start; began < end; ) {
      await write();
      const now = performance.now();
      latencies.push(now - began);
      began = now;
    }
  };
  await Promise.all(Array.from({ length: writers }, writeOn));
  const took = (performance.now() - start) / 1000;
  const samples = Float64Array.from(latencies);
  return {
    perSecond: latencies.length / took,
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
  };
}
