/** `unknown`: nobody heard what became of it. */
export type Outcome = 'done' | 'refused' | 'unknown';

export interface Increment {
  readonly amount: number;
  readonly outcome: Outcome;
}

/** With more open ones than this only the bounds of the total are looked at. */
const mostSums = 100_000;

/** What is wrong with the total of a counter that began with 0: empty if nothing is. */
export function checkTotal(increments: readonly Increment[], total: number): readonly string[] {
  const done = increments.filter(({ outcome }) => outcome === 'done');
  const open = increments.filter(({ outcome }) => outcome === 'unknown');
  const sum = done.reduce((all, { amount }) => all + amount, 0);
  let sums: Set<number> | undefined = new Set([sum]);
  let least = sum;
  let most = sum;
  for (const { amount } of open) {
    least += Math.min(0, amount);
    most += Math.max(0, amount);
    if (sums !== undefined) sums = new Set([...sums, ...[...sums].map((one) => one + amount)]);
    if (sums !== undefined && sums.size > mostSums) sums = undefined;
  }
  const range = least === most ? `${least}` : `${least} to ${most}`;
  const isIn = total >= least && total <= most;
  if (isIn && sums?.has(total) !== false) return [];
  const why = isIn ? 'and no choice of the open ones makes it' : 'whatever became of the open ones';
  const counts = `${done.length} increments are done and ${open.length} open`;
  return [`The total is ${total}, not ${range}, ${why}: ${counts}.`];
}

export interface Append {
  readonly client: string | number;
  readonly element: string | number;
  readonly outcome: Outcome;
}

/**
 * What is wrong with a list that began empty: one that was done stands in it once, an open one at
 * most once, a refused one never, nothing else does, and those of a client that are done stand in
 * the order in which it made them.
 */
export function checkAppends(
  appends: readonly Append[],
  list: readonly (string | number)[],
): readonly string[] {
  const faults: string[] = [];
  const counts = new Map<string | number, number>();
  for (const element of list) counts.set(element, (counts.get(element) ?? 0) + 1);
  const known = new Set(appends.map(({ element }) => element));
  for (const [element, count] of counts) {
    if (!known.has(element)) faults.push(`${element} is in the list, and nobody appended it.`);
    if (count > 1) faults.push(`${element} took effect ${count} times.`);
  }
  for (const { element, outcome, client } of appends) {
    const isThere = counts.has(element);
    if (outcome === 'done' && !isThere) faults.push(`${element} of ${client} was lost.`);
    if (outcome === 'refused' && isThere) faults.push(`${element} was refused, and took effect.`);
  }
  return [...faults, ...orderFaults(appends, list)];
}

/** An open append may take effect late; those that were waited for cannot change their order. */
function orderFaults(
  appends: readonly Append[],
  list: readonly (string | number)[],
): readonly string[] {
  const faults: string[] = [];
  const places = new Map(list.map((element, at) => [element, at]));
  const last = new Map<
    string | number,
    { readonly element: string | number; readonly at: number }
  >();
  for (const { client, element, outcome } of appends) {
    const at = places.get(element);
    if (at === undefined || outcome !== 'done') continue;
    const before = last.get(client);
    if (before !== undefined && before.at > at) {
      faults.push(`${element} of ${client} stands before ${before.element}, which was done first.`);
    }
    last.set(client, { element, at });
  }
  return faults;
}
