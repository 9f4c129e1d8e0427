import { portOf } from './address.ts';

/** One node after its start: where it listens, and what its data says of its cluster. */
export interface StartedNode {
  readonly id: number;
  readonly address: string;
  /** Node id to address; empty when the node is in no cluster yet. */
  readonly members: Readonly<Record<string, string>>;
}

/** Whether there is a cluster to go on with. One node may know of it before the others do. */
export function hasCluster(nodes: readonly StartedNode[]): boolean {
  return nodes.some(({ members }) => Object.keys(members).length > 0);
}

/**
 * Why these nodes cannot go on with their data, and what to do; `undefined` if they can. They find
 * one another by the addresses that are replicated with the data.
 */
export function describeWrongPorts(nodes: readonly StartedNode[]): string | undefined {
  const isWrong = ({ members }: StartedNode): boolean =>
    nodes.some(({ id, address }) => (members[id] ?? address) !== address);
  const wrong = nodes.find(isWrong);
  if (wrong === undefined) return undefined;

  const made = nodes.map(({ id, address }) => wrong.members[id] ?? address);
  const misplaced = nodes.filter(({ address }, at) => address !== made[at]);
  if (!hasCluster(misplaced)) {
    const ids = misplaced.map(({ id }) => id).join(' and ');
    const lost = `There is no data of node ${ids}, and the cluster expects it on other ports`;
    return `${lost}: ${made.join(', ')}. Bring it back, or delete all data to start anew.`;
  }

  const now = nodes.map(({ address }) => portOf(address));
  const goOn = `npm run memstore -- --port ${portOptionFor(made.map(portOf))} goes on with it`;
  const message = `The data was made with the nodes on ${made.join(', ')}, and now they listen on`;
  return `${message} ports ${now.join(', ')}: ${goOn}, another --data DIR starts a new cluster.`;
}

/** The first of ports in a row; for others 0, which takes those of the data. */
function portOptionFor([first = 0, ...others]: readonly (number | undefined)[]): number {
  return others.every((port, at) => port === first + at + 1) ? first : 0;
}
