import { isDeepStrictEqual } from 'node:util';
import type { ListTransaction } from './history.ts';
import { apply } from './made-histories.ts';
import { hasAnswer } from './observations.ts';

type Lists = ReadonlyMap<string, number[]>;

/**
 * The definition, word for word: some order of all transactions that returned and of any whose
 * fate is open, in which none stands before one that had returned before it was called, shows
 * every client what it saw. Refused ones are left out.
 */
export function isStrictlySerializable(
  history: readonly ListTransaction[],
  lists: Lists = new Map(),
): boolean {
  const left = history.filter(({ failed }) => failed !== true);
  if (!left.some(hasAnswer)) return true;
  return left.some((next) => {
    const rest = left.filter((other) => other !== next);
    const isTooEarly = rest.some(
      ({ returnedAt }) => returnedAt !== undefined && returnedAt < next.calledAt,
    );
    if (isTooEarly) return false;
    const after = new Map(lists);
    const done = apply(next.operations, after);
    if (hasAnswer(next) && !isDeepStrictEqual(done, next.operations)) return false;
    return isStrictlySerializable(rest, after);
  });
}
