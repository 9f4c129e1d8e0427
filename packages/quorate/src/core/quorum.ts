import type { NodeId } from './types.ts';

/** How many of `count` voters make a majority. */
export function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * Returns the highest value that a majority of `voters` has reached, or `-Infinity` for no voters:
 * nobody decides anything in an empty set.
 */
export function quorumValue(voters: readonly NodeId[], valueOf: (id: NodeId) => number): number {
  const needed = majority(voters.length);
  let highest = -Infinity;
  // Straight from the definition: voter sets are small, and nothing is allocated.
  for (const candidate of voters) {
    const value = valueOf(candidate);
    if (value <= highest) continue;
    let reached = 0;
    for (const id of voters) if (valueOf(id) >= value) reached += 1;
    if (reached >= needed) highest = value;
  }
  return highest;
}

/** The same for joint consensus: a majority of every set has reached it (section 6). */
export function jointQuorumValue(
  sets: readonly (readonly NodeId[])[],
  valueOf: (id: NodeId) => number,
): number {
  if (sets.length === 0) return -Infinity;
  let lowest = Infinity;
  for (const voters of sets) lowest = Math.min(lowest, quorumValue(voters, valueOf));
  return lowest;
}

/** What each voter has answered so far; a voter that is missing has not answered yet. */
export type Tally = ReadonlyMap<NodeId, boolean>;

/** `won`: a majority of every set granted. `lost`: that can no longer happen. */
export function countVotes(
  sets: readonly (readonly NodeId[])[],
  tally: Tally,
): 'won' | 'lost' | 'open' {
  const granted = jointQuorumValue(sets, (id) => (tally.get(id) === true ? 1 : 0));
  if (granted === 1) return 'won';
  const possible = jointQuorumValue(sets, (id) => (tally.get(id) === false ? 0 : 1));
  return possible === 1 ? 'open' : 'lost';
}
