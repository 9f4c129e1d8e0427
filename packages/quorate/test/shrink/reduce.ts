import type { Budget } from './budget.ts';

/**
 * Tries a shorter list. Returns what is left of it if it still shows the same, maybe less than was
 * tried, since some of it turned out to do nothing; and `undefined` if it does not.
 */
export type Attempt<Item> = (
  items: readonly Item[],
) => readonly Item[] | undefined | Promise<readonly Item[] | undefined>;

/**
 * Removes what is not needed, larger parts first and from the end, until no single item can go
 * (delta debugging). What comes later rests on what came before, hence from the end.
 */
export async function reduce<Item>(
  items: readonly Item[],
  attempt: Attempt<Item>,
  budget: Budget,
): Promise<readonly Item[]> {
  let current = items;
  let size = Math.max(1, Math.ceil(current.length / 2));
  while (current.length > 0 && !budget.isOver) {
    const before = current.length;
    current = await removeParts(current, { size, attempt, budget });
    if (size > 1) size = Math.max(1, Math.floor(Math.min(size, current.length) / 2));
    else if (current.length === before) break;
  }
  return current;
}

/** Removes two items at once that are useless without each other, such as a crash and a start. */
export async function reducePairs<Item>(
  items: readonly Item[],
  attempt: Attempt<Item>,
  budget: Budget,
): Promise<readonly Item[]> {
  let current = items;
  for (let last = current.length - 1; last > 0; last = Math.min(last - 1, current.length - 1)) {
    for (let first = last - 1; first >= 0 && last < current.length; first -= 1) {
      if (!budget.spend()) return current;
      const rest = current.filter((_, place) => place !== first && place !== last);
      current = (await attempt(rest)) ?? current;
    }
  }
  return current;
}

async function removeParts<Item>(
  items: readonly Item[],
  { size, attempt, budget }: { size: number; attempt: Attempt<Item>; budget: Budget },
): Promise<readonly Item[]> {
  let current = items;
  let end = current.length;
  while (end > 0 && budget.spend()) {
    const from = Math.max(0, end - size);
    const left = await attempt([...current.slice(0, from), ...current.slice(end)]);
    if (left !== undefined && left.length < current.length) current = left;
    end = Math.min(from, current.length);
  }
  return current;
}
