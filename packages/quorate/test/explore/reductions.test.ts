import { expect, test } from 'vitest';
import { type Bounds, defaultBounds } from './bounds.ts';
import { Cluster, type ClusterState, headLength, type Reductions } from './cluster.ts';
import { loadOpenCore } from './open-core.ts';

// The naive twin: the same space, with every state under every naming, and with every message that
// was ever sent and not delivered. What it comes to must be what the reduced search comes to.

const module = await loadOpenCore();
const spaces: readonly (readonly [string, Partial<Bounds>])[] = [
  ['an election and a command', { elections: 1, proposals: 1 }],
  ['a crash', { elections: 1, proposals: 0, crashes: 1 }],
  ['two terms', { elections: 2, proposals: 0, disk: 'instant' }],
  [
    'two terms by pre-vote',
    { voters: 2, elections: 2, proposals: 0, disk: 'instant', preVote: true },
  ],
  ['a change', { elections: 1, proposals: 0, changes: 1, disk: 'instant' }],
];

/** Every state, as `keyOf` sees it. */
function visit(cluster: Cluster, keyOf: (state: ClusterState) => string): Set<string> {
  const seen = new Set<string>();
  const keys = new Set<string>();
  const waiting: ClusterState[] = [cluster.initial];
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const { state: canonical } = cluster.canonical(state);
    if (seen.has(canonical.join())) continue;
    seen.add(canonical.join());
    keys.add(keyOf(canonical));
    for (const code of cluster.choices(canonical)) {
      const next = cluster.after(canonical, code);
      if (next instanceof Error) throw next;
      if (next !== undefined) waiting.push(next);
    }
  }
  return keys;
}

function clusterOf(bounds: Partial<Bounds>, reductions?: Reductions): Cluster {
  return new Cluster(module, { ...defaultBounds, ...bounds }, reductions);
}

test.each(spaces)('names make no difference in a space of %s', (_, bounds) => {
  const cluster = clusterOf(bounds, { symmetry: false, deadMessages: true });
  const judge = clusterOf(bounds);
  // Both number what they meet in the order of meeting, so one of them has to give all numbers.
  const named = visit(cluster, (state) => leastNaming(cluster, state));
  const reduced = visit(judge, (state) => state.join());

  expect(named.size).toBe(reduced.size);
});

test.each(spaces)('what is dead changes nothing in a space of %s', (_, bounds) => {
  const reductions = [true, false].map((deadMessages) => ({ symmetry: true, deadMessages }));
  const [without, withAll] = reductions.map((one) => {
    const cluster = clusterOf(bounds, one);
    return visit(cluster, (state) => leastNaming(cluster, state.slice(0, headLength)));
  });

  expect(withAll?.size).toBe(without?.size);
});

test.each(spaces)('nodes that were forgotten are made again in a space of %s', (_, bounds) => {
  const [few, all] = [10, Infinity].map((keptNodes) => {
    const cluster = clusterOf(bounds, { symmetry: true, deadMessages: true, keptNodes });
    return visit(cluster, (state) => state.join());
  });

  expect(few).toEqual(all);
});

/** The least of all six namings, the slow way. */
function leastNaming(cluster: Cluster, state: ClusterState): string {
  const names = [0, 1, 2, 3, 4, 5].map((permutation) => cluster.renamed(state, permutation).join());
  return names.sort()[0] as string;
}
