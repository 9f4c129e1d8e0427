import type { Membership, NodeId, NodeInfo } from 'quorate';

/*
 * What the cluster remembers of its members beside where they are reached. It goes with the
 * membership, in the data of a member, and whoever says anew where it is reached leaves it there.
 */

/** On a member that was added to be a learner, also if its process says that it would vote. */
const placeKey = 'place';
const learnerPlace = 'learner';
/** On one member or several: the names of those that have left, separated by commas. */
const formerKey = 'former';
/** So many names are remembered; beyond that, those that left first are forgotten. */
const maxFormer = 1000;

type Data = Readonly<Record<string, string>>;

/** The part of a membership that is looked at here. */
type Nodes = Pick<Membership, 'nodes'>;

export function learnerData(): Data {
  return { [placeKey]: learnerPlace };
}

/** Whether it is not to become a voter by itself. */
export function staysLearner(info: NodeInfo | undefined): boolean {
  return info?.data?.[placeKey] === learnerPlace;
}

/** What must stay when a member says anew where it is reached. */
export function keptData({ data = {} }: NodeInfo): Data {
  const kept = [placeKey, formerKey].filter((key) => Object.hasOwn(data, key));
  return Object.fromEntries(kept.map((key) => [key, data[key] as string]));
}

/** What a member says of itself, without what the cluster remembers. */
export function ownData({ data = {} }: NodeInfo): Data {
  const own = Object.entries(data).filter(([key]) => key !== placeKey && key !== formerKey);
  return Object.fromEntries(own);
}

/** Those that have left the cluster, whose names never come back. */
export function formerNames({ nodes }: Nodes): readonly NodeId[] {
  const lists = Object.values(nodes).map(({ data }) => data?.[formerKey] ?? '');
  return [...new Set(lists.flatMap((list) => list.split(',')).filter((name) => name !== ''))];
}

/**
 * What is to be known of `carrier` so that the cluster remembers that `leaving` left, together with
 * all that only `leaving` knew; `undefined` if it is known already.
 */
export function rememberedBy(
  membership: Nodes,
  { carrier, leaving }: { readonly carrier: NodeId; readonly leaving: NodeId },
): NodeInfo | undefined {
  const info = membership.nodes[carrier] ?? {};
  const names = [...formerNames(membership).filter((name) => name !== leaving), leaving];
  const former = names.slice(-maxFormer).join(',');
  if (info.data?.[formerKey] === former) return undefined;
  const { address, data } = info;
  return { ...(address === undefined ? {} : { address }), data: { ...data, [formerKey]: former } };
}
