import type { Choices } from './choices.ts';

const steps = 64;

/** The means of the 64 equal parts of an exponential distribution of mean 1, smallest first. */
const quantiles: readonly number[] = Array.from(
  { length: steps },
  (_, step) => -Math.log(1 - (step + 0.5) / steps),
);

/** A time of mean 1 as waiting times are: mostly short, seldom long. The benign one is shortest. */
export function exponential(choices: Choices, label: string): number {
  return quantiles[choices.choose(label, steps)] as number;
}
