import { Samples } from './samples.ts';

export interface LoopRound {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** How many were answered. */
  readonly count: number;
}

/** Every writer writes again as soon as it is answered, until the time is up. */
export async function writeFor(
  seconds: number,
  writers: number,
  write: () => Promise<unknown>,
): Promise<LoopRound> {
  const end = performance.now() + seconds * 1000;
  return writeWhile(writers, write, (now) => now < end);
}

/** The same until so many are written. */
export async function writeCount(
  count: number,
  writers: number,
  write: () => Promise<unknown>,
): Promise<LoopRound> {
  let begun = 0;
  return writeWhile(writers, write, () => {
    begun += 1;
    return begun <= count;
  });
}

/** The same as long as `goesOn` says so, by the clock of `performance.now()`. */
export async function writeWhile(
  writers: number,
  write: () => Promise<unknown>,
  goesOn: (now: number) => boolean,
): Promise<LoopRound> {
  const samples = new Samples();
  const start = performance.now();
  const writeOn = async (): Promise<void> => {
    for (let began = performance.now(); goesOn(began); ) {
      await write();
      const now = performance.now();
      samples.add(now - began);
      began = now;
    }
  };
  await Promise.all(Array.from({ length: writers }, writeOn));
  const took = (performance.now() - start) / 1000;
  return {
    perSecond: samples.count / took,
    p50Ms: samples.percentile(0.5),
    p99Ms: samples.percentile(0.99),
    maxMs: samples.maxMs,
    count: samples.count,
  };
}
