import { pick } from './choices.ts';
import { mayBeWiped, wipeNode } from './nemesis-members.ts';
import type { SimNode } from './node.ts';
import {
  cutOff,
  giveSome,
  handOver,
  leaderOf,
  othersOf,
  pass,
  streamTo,
  takeSnapshot,
  until,
} from './plot-moves.ts';
import { demandSite } from './sites.ts';
import type { World } from './world.ts';

/** While a node saves the snapshot of one leader, the next one sends it an older one. */
export async function older(world: World): Promise<void> {
  const leader = leaderOf(world);
  if (leader === undefined) return;
  const others = othersOf(world, leader);
  if (others.length < 2) return;
  const victim = pick(world.choices, 'nemesis.plotVictim', others);
  const rest = others.filter((node) => node !== victim);
  const next = pick(world.choices, 'nemesis.plotNext', rest);
  const { store } = victim;
  const heal = cutOff(world, 'plot.older', victim, 'both');
  let healLast = (): void => {};
  try {
    await giveSome(world, leader, { atLeast: 2 });
    const behind = victim.state?.last.index ?? 0;
    const isGoneAt = (node: SimNode): boolean => node.durable.purged.index > behind;
    await until(world, 500, () => (next.state?.applied ?? 0) > behind);
    demandSite(world, 'snapshotter.keepNothing');
    takeSnapshot(world, next);
    await until(world, 1500, () => isGoneAt(next));
    await giveSome(world, leader, { atLeast: 2 });
    demandSite(world, 'snapshotter.keepNothing');
    takeSnapshot(world, leader);
    const covered = next.durable.snapshot?.lastLogId.index ?? 0;
    const coveredBy = (node: SimNode): number => node.durable.snapshot?.lastLogId.index ?? 0;
    await until(world, 1500, () => isGoneAt(leader) && coveredBy(leader) > covered);
    store.holdBack(({ type, path }) => type === 'rename' && path.includes('/snapshots'));
    heal();
    if (!(await until(world, 3000, () => store.heldBackCount > 0))) return;
    handOver(world, leader, next.id);
    if (!(await until(world, 2000, () => leaderOf(world) === next))) return;
    if (!(await until(world, 1500, () => streamTo(world, victim) === next.id))) return;
    // It has arrived when it is not on its way any more; then it waits for the one that is held.
    await until(world, 500, () => streamTo(world, victim) !== next.id);
    world.mark('plot: an older snapshot comes');
    // Who sends it does not hear that it is not needed any more.
    healLast = muteTo(world, victim, next);
    store.letGo();
    await pass(world, 1000);
  } finally {
    heal();
    healLast();
    store.letGo();
  }
}

/** Nothing comes from one to the other. Returns what ends that. */
function muteTo(world: World, from: SimNode, to: SimNode): () => void {
  const link = world.links.of(from.id, to.id);
  if (world.phase.name !== 'chaos' || link.isCut) return () => {};
  link.isCut = true;
  return () => {
    if (world.phase.name === 'chaos') link.isCut = false;
  };
}

/**
 * What is committed is on a bare majority, one of which loses its disk; then all of that majority
 * but this one are away. The rest and the emptied disk must not make another majority.
 */
export async function wiped(world: World): Promise<void> {
  const leader = leaderOf(world);
  const voters = leader?.state?.membership.voters[0] ?? [];
  if (leader === undefined || voters.length < 3 || !voters.includes(leader.id)) return;
  const followers = othersOf(world, leader).filter(({ id }) => voters.includes(id));
  const lateCount = Math.ceil(voters.length / 2) - 1;
  if (followers.length !== voters.length - 1) return;
  const victim = pick(world.choices, 'nemesis.plotVictim', followers);
  const rest = followers.filter((node) => node !== victim);
  const late = rest.slice(0, lateCount);
  const heals = late.map((node) => cutOff(world, 'plot.wiped', node, 'both'));
  const away: (() => void)[] = [];
  try {
    await giveSome(world, leader, { atLeast: 1 });
    const { index } = leader.state?.last ?? { index: 0 };
    if (!(await until(world, 1000, () => (leader.state?.committed ?? 0) >= index))) return;
    if (world.phase.name !== 'chaos' || !mayBeWiped(world, victim)) return;
    wipeNode(world, victim);
    victim.start();
    for (const heal of heals) heal();
    for (const node of [leader, ...rest.slice(lateCount)]) {
      away.push(cutOff(world, 'plot.wiped', node, 'both'));
    }
    await pass(world, 4000);
  } finally {
    for (const heal of [...heals, ...away]) heal();
  }
}
