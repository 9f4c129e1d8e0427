import { median } from './percentile.ts';

/** What a process holds, by name, at one moment. */
export type Holding = Readonly<Record<string, number>>;

/** What may come and go without being growth, by name: as much again, and a tenth. */
export type Slack = Readonly<Record<string, number>>;

const tolerated = 1.1;

/**
 * Compares the middle third of the samples with the last one; the first is for warming up. Returns
 * a sentence for everything that has grown.
 */
export function findGrowth(samples: readonly Holding[], slack: Slack): string[] {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new RangeError(`Growth needs three samples; there are ${samples.length}.`);
  const before = samples.slice(-2 * third, -third);
  const after = samples.slice(-third);
  const found: string[] = [];
  for (const [name, extra] of Object.entries(slack)) {
    const middle = (some: readonly Holding[]): number =>
      median(some.map((sample) => sample[name] ?? 0));
    const [from, to] = [middle(before), middle(after)];
    if (to <= from * tolerated + extra) continue;
    found.push(`${name} has grown from ${from.toFixed(1)} to ${to.toFixed(1)}`);
  }
  return found;
}
