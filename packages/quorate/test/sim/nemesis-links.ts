import type { NodeId } from '../../src/core/types.ts';
import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import { FreshLink, HalfOpenLink, type LinkTrouble, NarrowLink } from './link-trouble.ts';
import type { Link } from './links.ts';
import type { NemesisAction } from './nemesis.ts';
import { endLater, shuffled } from './nemesis-net.ts';
import type { World } from './world.ts';

/** What can go wrong with single wires, one direction at a time. */
export const linkActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'net.swizzle': swizzle,
  'net.bandwidth': narrow,
  'net.halfOpen': halfOpen,
  'net.reconnect': reconnect,
};

/** In a swizzle one node after the other is clogged within this time, and freed within as much. */
const swizzleMs = 2500;

/**
 * Some nodes are clogged one after the other, in both directions, and freed one after the other in
 * another order. It takes that to find what depends on the order in which others come back.
 */
function swizzle(world: World): void {
  const { choices, links } = world;
  const all = [...world.nodes.keys()];
  const ids = shuffled(world, all).slice(0, 1 + choices.choose('nemesis.swizzleCount', all.length));
  const freed = shuffled(world, ids);
  const stepMs = between(choices, 'nemesis.swizzleMs', 20, swizzleMs) / ids.length;
  const turnAt = world.now + stepMs * ids.length;
  for (const [at, id] of ids.entries()) {
    const until = turnAt + stepMs * (1 + freed.indexOf(id));
    world.queue.after(stepMs * at, () => {
      if (world.phase.name !== 'chaos') return;
      for (const other of world.nodes.keys()) {
        if (other === id) continue;
        for (const link of [links.of(id, other), links.of(other, id)]) {
          link.cloggedUntil = Math.max(link.cloggedUntil, until);
        }
      }
    });
  }
  world.fault('net.swizzle', `${ids.join(', ')} are clogged, and freed as ${freed.join(', ')}`);
}

/** Little gets through: what does not fit into a queue is dropped. */
function narrow(world: World): void {
  const { choices } = world;
  const capacity = 2 + choices.choose('nemesis.capacity', 19);
  const slotMs = pick(choices, 'nemesis.slotMs', [0.5, 5, 40]);
  const isAll = choices.choose('nemesis.narrowAll', 2) === 1;
  const ends = isAll ? pairsOf(world) : [drawPair(world)];
  const onDrop = (): void => world.countFault('net.bandwidth dropped');
  for (const pair of ends) {
    if (pair === undefined) continue;
    put(world, pair, () => new NarrowLink({ capacity, slotMs, onDrop }), 'narrowMs');
  }
  const where = isAll ? 'all links' : (ends[0]?.join(' to ') ?? 'nothing');
  world.fault('net.bandwidth', `${where}: ${capacity} at a time, ${slotMs} ms each`);
}

/** One side of a connection is gone, and the other writes into it. */
function halfOpen(world: World): void {
  const pair = drawPair(world);
  if (pair === undefined) return;
  world.links.of(...pair).reset();
  put(world, pair, () => new HalfOpenLink(), 'halfOpenMs');
  world.fault('net.halfOpen', `${pair.join(' to ')} goes nowhere`);
}

/** A connection breaks, and the first messages over the next one are lost as well. */
function reconnect(world: World): void {
  const pair = drawPair(world);
  if (pair === undefined) return;
  const loses = 1 + world.choices.choose('nemesis.reconnectLoses', 3);
  const onLost = (): void => world.countFault('net.reconnect lost');
  world.links.of(...pair).reset({ isTold: true });
  put(world, pair, () => new FreshLink({ loses, onLost }), 'reconnectMs');
  world.fault('net.reconnect', `${pair.join(' to ')} breaks and loses ${loses} more`);
}

/** One trouble at a time for each link; it ends by itself. */
function put(
  world: World,
  [from, to]: readonly [NodeId, NodeId],
  make: () => LinkTrouble,
  label: string,
): void {
  const link: Link = world.links.of(from, to);
  if (link.trouble !== undefined) return;
  const trouble = make();
  link.trouble = trouble;
  endLater(world, label, 3000, () => {
    if (link.trouble !== trouble) return;
    link.trouble = undefined;
    trouble.end();
  });
}

function drawPair(world: World): [NodeId, NodeId] | undefined {
  const pairs = pairsOf(world);
  return pairs.length === 0 ? undefined : pick(world.choices, 'nemesis.pair', pairs);
}

function pairsOf(world: World): [NodeId, NodeId][] {
  const ids = [...world.nodes.values()].filter(({ isRetired }) => !isRetired).map(({ id }) => id);
  return ids.flatMap((from) =>
    ids.filter((to) => to !== from).map((to): [NodeId, NodeId] => [from, to]),
  );
}
