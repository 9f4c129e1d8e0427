import { median } from './table.ts';

/** Fewer runs than that are few, however much more they are than before. */
const fewRuns = 10;
/** A chance that is smaller than that is taken for none: one in a hundred, of a normal spread. */
const surely = 2.33;

/** Whether the median has doubled; among few tries that may well be chance. */
export function hasDoubled(before: readonly number[], now: readonly number[]): boolean {
  return median(now) >= 2 * median(before) && median(now) > fewRuns;
}

/**
 * Whether it takes more runs now than before, and not by chance: by the ranks of all tries among
 * one another (Mann and Whitney), since how long a search takes has no normal spread.
 */
export function isSlower(before: readonly number[], now: readonly number[]): boolean {
  if (!hasDoubled(before, now)) return false;
  const [n, m] = [before.length, now.length];
  let higher = 0;
  for (const one of now) {
    for (const other of before) higher += one > other ? 1 : one === other ? 0.5 : 0;
  }
  const spread = Math.sqrt((n * m * (n + m + 1)) / 12);
  return higher - (n * m) / 2 > surely * spread;
}
