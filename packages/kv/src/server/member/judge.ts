/** What the hashes of one moment say about the member that compares them. */
export type Verdict =
  /** Most voters have the state of this member; `strange` ones have another. */
  | { readonly type: 'confirmed'; readonly strange: readonly string[] }
  /** Most voters agree on a state, and this member has another. */
  | { readonly type: 'refuted'; readonly majority: readonly string[] }
  /** There are different states, and no majority for any. */
  | { readonly type: 'split'; readonly groups: readonly (readonly string[])[] }
  /** Too few have answered, and those that have are of one mind. */
  | { readonly type: 'open' };

/**
 * Compares the hashes of the states that members had at one place of the log. Only voters count,
 * and while their set changes it takes a majority of both sets. `hashes` holds those that are
 * known, that of this member, `self`, among them.
 */
export function judge(
  self: string,
  voterSets: readonly (readonly string[])[],
  hashes: ReadonlyMap<string, string>,
): Verdict {
  const groups = new Map<string, string[]>();
  for (const [id, hash] of hashes) {
    const group = groups.get(hash) ?? [];
    group.push(id);
    groups.set(hash, group);
  }
  const own = hashes.get(self);
  for (const [hash, group] of groups) {
    if (!voterSets.every((voters) => isMajority(voters, group))) continue;
    if (hash !== own) return { type: 'refuted', majority: group };
    const strange = [...hashes.keys()].filter((id) => hashes.get(id) !== own);
    return { type: 'confirmed', strange };
  }
  return groups.size > 1 ? { type: 'split', groups: [...groups.values()] } : { type: 'open' };
}

function isMajority(voters: readonly string[], group: readonly string[]): boolean {
  const count = voters.filter((id) => group.includes(id)).length;
  return 2 * count > voters.length;
}
