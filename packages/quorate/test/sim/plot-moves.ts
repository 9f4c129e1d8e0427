import type { NodeId } from '../../src/core/types.ts';
import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import { operate } from './nemesis-members.ts';
import { endLater } from './nemesis-net.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

// What the plots of the nemesis are made of.

export function handOver(world: World, from: SimNode, to: NodeId | undefined): void {
  operate(world, from, 'transfer', (raft, signal) => raft.transferLeadership(to, { signal }));
}

/** It takes its time for one sort of work, or for all, so that what waits for that piles up. */
export function hinder(world: World, node: SimNode): void {
  const { store } = node;
  const { choices } = world;
  const way = pick(choices, 'nemesis.plotDisk', [
    'not',
    'slow',
    'read',
    'sync',
    'log',
    'apply',
  ] as const);
  if (
    world.phase.name !== 'chaos' ||
    way === 'not' ||
    store.slowness > 1 ||
    store.stallPerMille > 0
  )
    return;
  if (way === 'slow') store.slowness = 40;
  else if (way === 'apply') node.applyMs = between(choices, 'nemesis.plotApplyMs', 50, 1500);
  else {
    store.stallsAt = ({ type, path }) =>
      way === 'log' ? type !== 'read' && !path.includes('/snapshots') : type === way;
    store.stallPerMille = 500;
    store.stallMs = between(choices, 'nemesis.plotStallMs', 50, way === 'sync' ? 1200 : 3000);
  }
  endLater(world, 'plotDiskMs', 6000, () => {
    store.slowness = 1;
    store.stallPerMille = 0;
    store.stallsAt = undefined;
    node.applyMs = 0;
  });
}

/** Cuts a node off from all others, wholly or in one direction. Returns what heals it. */
export function cutOff(world: World, kind: FaultKind, { id }: SimNode, given?: 'both'): () => void {
  // In the calm phase nothing begins any more.
  if (world.phase.name !== 'chaos') return () => {};
  const way = given ?? pick(world.choices, 'nemesis.plotWay', ['both', 'mute', 'deaf'] as const);
  const both: [NodeId, NodeId][] = [];
  for (const other of world.nodes.keys()) {
    if (other === id) continue;
    if (way !== 'deaf') both.push([id, other]);
    if (way !== 'mute') both.push([other, id]);
  }
  const fresh = both.filter(([from, to]) => !world.links.of(from, to).isCut);
  for (const [from, to] of fresh) world.links.of(from, to).isCut = true;
  world.trace.add({ type: 'cut', links: fresh });
  world.fault(kind, `${id} is cut off`);
  let isHealed = false;
  return () => {
    if (isHealed || world.phase.name !== 'chaos') return;
    isHealed = true;
    for (const [from, to] of fresh) world.links.of(from, to).isCut = false;
    world.trace.add({ type: 'heal', links: fresh });
  };
}

/** Gives a node entries that change nothing, one after the other. */
export async function giveSome(
  world: World,
  node: SimNode,
  { atLeast = 0 }: { atLeast?: number } = {},
): Promise<void> {
  const count = atLeast + world.choices.choose('nemesis.plotEntries', 30);
  const pauseMs = between(world.choices, 'nemesis.plotPauseMs', 0, 15);
  for (let given = 0; given < count; given += 1) {
    operate(world, node, 'write', (raft, signal) =>
      raft.write({ op: 'get', key: 'plot' }, { signal }),
    );
    if (!(await pass(world, pauseMs))) return;
  }
}

export function takeSnapshot(world: World, node: SimNode): void {
  operate(world, node, 'snapshot', (raft, signal) => raft.takeSnapshot({ signal }));
}

/** Who leads in the newest term; one that was cut off may not know yet that it leads no more. */
export function leaderOf(world: World): SimNode | undefined {
  let newest: SimNode | undefined;
  for (const node of world.nodes.values()) {
    if (node.isRetired || node.state?.role !== 'leader') continue;
    if ((newest?.state?.term ?? 0) < node.state.term) newest = node;
  }
  return newest;
}

/** Another node leads, and has committed something in its term. */
export function hasSuccessor(world: World, old: SimNode): boolean {
  const leader = leaderOf(world);
  if (leader === undefined || leader === old || leader.state === undefined) return false;
  const { committed, term } = leader.state;
  const entry = leader.durable.entries.at(committed - leader.durable.purged.index - 1);
  return entry?.logId.index === committed && entry.logId.term === term;
}

/** Who is sending a snapshot to it at the moment. */
export function streamTo(world: World, { id }: SimNode): NodeId | undefined {
  for (const [from, to, link] of world.links.all()) {
    if (to !== id) continue;
    for (const { kind } of link.underWay) if (kind === 'installSnapshot') return from;
  }
  return undefined;
}

/** Lets time pass. Returns whether anything may go wrong still. */
export function pass(world: World, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    world.queue.after(ms, () => resolve(world.phase.name === 'chaos'));
  });
}

export async function until(world: World, ms: number, isSo: () => boolean): Promise<boolean> {
  const end = world.now + ms;
  while (!isSo()) {
    if (world.now >= end || !(await pass(world, 10))) return false;
  }
  return true;
}

/** Those that are up, but for one. */
export function othersOf(world: World, node: SimNode): SimNode[] {
  return [...world.nodes.values()].filter(
    (other) => other !== node && other.isUp && !other.isRetired,
  );
}

/** Waits until another node leads and has committed something in its term. */
export async function successorOf(world: World, old: SimNode): Promise<SimNode | undefined> {
  const hasCome = await until(world, 5000, () => hasSuccessor(world, old));
  return hasCome ? leaderOf(world) : undefined;
}
