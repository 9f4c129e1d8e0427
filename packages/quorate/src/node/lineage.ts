import type { Identity, Membership } from '../core/types.ts';

/** The id of a cluster, and those that it had before it was recovered, oldest first. */
export type Lineage = Pick<Identity, 'cluster' | 'formerly'>;

/** `true` if `cluster` is the id of this cluster, or was. */
export function isOfLineage({ cluster, formerly }: Lineage, id: string): boolean {
  return id === cluster || formerly?.includes(id) === true;
}

/**
 * Which cluster a disk belongs to: what it says itself, or else the first membership on it; and
 * from the entry that a recovery wrote on, the id that this entry gives it.
 */
export function lineageOf(
  saved: Lineage | undefined,
  memberships: readonly Pick<Membership, 'cluster' | 'recoveredFrom'>[],
): Lineage {
  const formerly = [...(saved?.formerly ?? [])];
  let cluster = saved?.cluster ?? memberships[0]?.cluster;
  for (const { cluster: next, recoveredFrom } of memberships) {
    if (recoveredFrom === undefined) continue;
    if (recoveredFrom === cluster) cluster = next;
    if (next === cluster && !formerly.includes(recoveredFrom)) formerly.push(recoveredFrom);
  }
  return formerly.length === 0 ? { cluster } : { cluster, formerly };
}
