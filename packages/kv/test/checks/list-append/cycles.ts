import { type DependencyGraph, type Edge, type EdgeType, edgeTypes } from './dependencies.ts';

/** Which edges may be followed: bits of `edgeTypes`. */
export type EdgeMask = number;

export function maskOf(...types: readonly EdgeType[]): EdgeMask {
  return types.reduce((mask, type) => mask | edgeTypes[type], 0);
}

/** From so many of its nodes the shortest cycle of a component is looked for. */
const mostStarts = 200;

/** A short cycle of these edges, or nothing if there is none at all. */
export function findCycle(graph: DependencyGraph, mask: EdgeMask): readonly Edge[] | undefined {
  let shortest: readonly Edge[] | undefined;
  for (const component of components(graph, mask)) {
    const inside = new Set(component);
    for (const node of component.slice(0, mostStarts)) {
      const cycle = shortestPath(graph, { from: node, to: node, mask, inside });
      if (cycle === undefined) continue;
      if (shortest === undefined || cycle.length < shortest.length) shortest = cycle;
    }
  }
  return shortest;
}

/** A cycle with exactly one edge of type `once`, and else only of those in `mask`. */
export function findCycleWithOne(
  graph: DependencyGraph,
  once: EdgeType,
  mask: EdgeMask,
): readonly Edge[] | undefined {
  for (const component of components(graph, mask | edgeTypes[once])) {
    const inside = new Set(component);
    for (const node of component) {
      for (const edge of graph.edges[node] ?? []) {
        if (edge.type !== once || !inside.has(edge.to)) continue;
        const back = shortestPath(graph, { from: edge.to, to: edge.from, mask, inside });
        if (back !== undefined) return [edge, ...back];
      }
    }
  }
  return undefined;
}

interface Path {
  readonly from: number;
  readonly to: number;
  readonly mask: EdgeMask;
  /** The nodes that it may use. */
  readonly inside: ReadonlySet<number>;
}

/** Of one edge at least, so that from a node to itself it is a cycle. */
function shortestPath(
  graph: DependencyGraph,
  { from, to, mask, inside }: Path,
): readonly Edge[] | undefined {
  const cameBy = new Map<number, Edge>();
  const queue = [from];
  for (let at = 0; at < queue.length; at += 1) {
    for (const edge of graph.edges[queue[at] as number] ?? []) {
      if ((edgeTypes[edge.type] & mask) === 0 || !inside.has(edge.to)) continue;
      if (cameBy.has(edge.to)) continue;
      cameBy.set(edge.to, edge);
      if (edge.to === to) return backFrom(to, { from, cameBy });
      queue.push(edge.to);
    }
  }
  return undefined;
}

function backFrom(
  to: number,
  { from, cameBy }: { readonly from: number; readonly cameBy: ReadonlyMap<number, Edge> },
): readonly Edge[] {
  const path: Edge[] = [];
  let node = to;
  do {
    const edge = cameBy.get(node) as Edge;
    path.unshift(edge);
    node = edge.from;
  } while (node !== from);
  return path;
}

/**
 * The strongly connected components of two nodes or more (Tarjan 1972), without recursion, since
 * a history is longer than a stack is deep.
 */
function components(graph: DependencyGraph, mask: EdgeMask): readonly (readonly number[])[] {
  const { nodeCount, edges } = graph;
  const found: number[][] = [];
  const order = new Int32Array(nodeCount).fill(-1);
  const low = new Int32Array(nodeCount);
  const isOpen = new Uint8Array(nodeCount);
  const open: number[] = [];
  let next = 0;
  const enter = (node: number): { node: number; at: number } => {
    order[node] = next;
    low[node] = next;
    next += 1;
    open.push(node);
    isOpen[node] = 1;
    return { node, at: 0 };
  };
  const lower = (node: number, to: number): void => {
    if (to < (low[node] as number)) low[node] = to;
  };
  for (let root = 0; root < nodeCount; root += 1) {
    if (order[root] !== -1) continue;
    const path = [enter(root)];
    while (path.length > 0) {
      const top = path.at(-1) as { node: number; at: number };
      const edge = edges[top.node]?.[top.at];
      top.at += 1;
      if (edge === undefined) {
        path.pop();
        const above = path.at(-1);
        if (above !== undefined) lower(above.node, low[top.node] as number);
        if (low[top.node] !== order[top.node]) continue;
        const component = open.splice(open.lastIndexOf(top.node));
        for (const node of component) isOpen[node] = 0;
        if (component.length > 1) found.push(component);
      } else if ((edgeTypes[edge.type] & mask) !== 0) {
        if (order[edge.to] === -1) path.push(enter(edge.to));
        else if (isOpen[edge.to] === 1) lower(top.node, order[edge.to] as number);
      }
    }
  }
  return found;
}
