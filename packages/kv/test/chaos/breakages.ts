/** Ways in which members do wrong on purpose, by the environment of their processes. */
export const breakages = [
  'stale-reads',
  'skipped-changes',
  'blind-repeats',
  'lossy-restores',
  'leaky-refusals',
] as const;
export type Breakage = (typeof breakages)[number];
export const breakageVariable = 'QUORATE_CHAOS_BREAK';

/** @throws {RangeError} if the variable names none of them. */
export function breakageIn(environment: NodeJS.ProcessEnv): Breakage | undefined {
  const wanted = environment[breakageVariable];
  if (wanted === undefined || wanted === '') return undefined;
  const found = breakages.find((one) => one === wanted);
  if (found !== undefined) return found;
  const known = breakages.join(', ');
  throw new RangeError(`${breakageVariable} must be one of ${known}; it is "${wanted}".`);
}
