import { pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { NemesisAction } from './nemesis.ts';
import { operate } from './nemesis-members.ts';
import { pickNode } from './nemesis-nodes.ts';
import type { World } from './world.ts';

/** What no client that waits for its answers would do. */
export const loadActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'load.burst': burst,
  'load.large': large,
};

/** Many writes at once, whatever becomes of the ones before. */
function burst(world: World): void {
  write(world, 'load.burst', {
    count: pick(world.choices, 'nemesis.burst', [20, 100, 400]),
    bytes: 8,
  });
}

/** Some writes of which each is larger than a batch, a segment or a cache may be. */
function large(world: World): void {
  write(world, 'load.large', {
    count: 1 + world.choices.choose('nemesis.largeCount', 6),
    bytes: pick(world.choices, 'nemesis.largeBytes', [600, 5000, 20_000, 100_000]),
  });
}

/** They change nothing that clients see. */
function write(world: World, kind: FaultKind, size: { count: number; bytes: number }): void {
  const node = pickNode(world, ({ isUp }) => isUp);
  if (node === undefined) return;
  const command = { op: 'get', key: kind.padEnd(size.bytes, '.') } as const;
  for (let made = 0; made < size.count; made += 1) {
    operate(world, node, 'write', (raft, signal) => raft.write(command, { signal }));
  }
  world.fault(kind, `${node.id} gets ${size.count} writes of ${size.bytes} bytes`);
}
