import type { SimOperation } from '../../src/testing/sim-fs/faults.ts';
import { between, pick } from './choices.ts';
import type { SimNode } from './node.ts';
import {
  cutOff,
  giveSome,
  leaderOf,
  othersOf,
  pass,
  successorOf,
  takeSnapshot,
  until,
} from './plot-moves.ts';
import { demandSite } from './sites.ts';
import type { World } from './world.ts';

/**
 * One sort of disk calls of a leader does not end until what they are about was overtaken: by
 * another leader's log, or by a snapshot.
 */
export async function held(world: World): Promise<void> {
  const leader = leaderOf(world);
  if (leader === undefined || othersOf(world, leader).length < 2) return;
  const what = pick(world.choices, 'nemesis.plotHeld', [
    'writes',
    'writes',
    'sending',
    'applying',
  ] as const);
  world.countFault(`plot: ${what} held`);
  try {
    if (what === 'writes') await writesHeld(world, leader);
    else if (what === 'sending') await sendingHeld(world, leader);
    else await applyingHeld(world, leader);
    await pass(world, between(world.choices, 'nemesis.plotHeldMs', 0, 100));
  } finally {
    leader.store.letGo();
  }
}

/**
 * The log of a node piles up in memory, and another one's comes in its place. A leader proposes one
 * batch at a time and waits for its disk; only who follows it gets more than that.
 */
async function writesHeld(world: World, leader: SimNode): Promise<void> {
  const others = othersOf(world, leader);
  const isLeaders = others.length < 4 || world.choices.choose('nemesis.plotLeader', 4) === 3;
  const victim = isLeaders ? leader : pick(world.choices, 'nemesis.plotVictim', others);
  const { store } = victim;
  try {
    if (world.choices.choose('nemesis.plotEarly', 2) === 1) await giveSome(world, leader);
    const term = leader.state?.term ?? 0;
    const healLeader = cutOff(world, 'plot.held', leader, 'both');
    if (victim !== leader) connect(world, leader, victim);
    store.holdBack((operation) => isOfLog(operation) && operation.type !== 'read');
    await giveSome(world, leader, { atLeast: 2 });
    // Of its log a node without its disk says nothing, and a leader that hears nothing sends it
    // nothing: the first entry of a new leader must come to it.
    const isRising = (): boolean =>
      others.some((node) => node !== victim && node.state?.role === 'candidate');
    await until(world, 3000, isRising);
    if (victim === leader) healLeader();
    await until(world, 2000, () => (victim.state?.last.term ?? 0) > term);
    healLeader();
    await pass(world, between(world.choices, 'nemesis.plotHeldMs', 0, 100));
  } finally {
    store.letGo();
  }
}

/** What a leader reads to send it is replaced in its log meanwhile. */
async function sendingHeld(world: World, leader: SimNode): Promise<void> {
  const { store } = leader;
  const slow = pick(world.choices, 'nemesis.plotVictim', othersOf(world, leader));
  const healSlow = cutOff(world, 'plot.held', slow, 'both');
  await giveSome(world, leader);
  const heal = cutOff(world, 'plot.held', leader, 'both');
  await giveSome(world, leader, { atLeast: 2 });
  await until(
    world,
    300,
    () => leader.durable.entries.at(-1)?.logId.index === leader.state?.last.index,
  );
  store.holdBack((operation) => isOfLog(operation) && operation.type === 'read');
  connect(world, leader, slow);
  const isReading = await until(world, 1500, () => store.heldBackCount > 0);
  if (isReading) world.mark('plot: a read to send is held');
  // What is healed for the others is cut again for the leader.
  healSlow();
  const healAgain = cutOff(world, 'plot.held', leader, 'both');
  const next = await successorOf(world, leader);
  heal();
  healAgain();
  if (next === undefined) return;
  await until(world, 2000, () => leader.durable.entries.at(-1)?.logId.term === next.state?.term);
}

/** What is to be applied is read from the disk, and a snapshot comes that brings it. */
async function applyingHeld(world: World, leader: SimNode): Promise<void> {
  const { store } = leader;
  store.holdBack((operation) => isOfLog(operation) && operation.type === 'read');
  await giveSome(world, leader, { atLeast: 2 });
  await until(world, 500, () => store.heldBackCount > 0);
  const heal = cutOff(world, 'plot.held', leader);
  const next = await successorOf(world, leader);
  if (next === undefined) return heal();
  await giveSome(world, next, { atLeast: 1 });
  demandSite(world, 'snapshotter.keepNothing');
  takeSnapshot(world, next);
  const applied = leader.state?.committed ?? 0;
  await until(world, 1500, () => next.durable.purged.index > applied);
  heal();
  await until(world, 3000, () => leader.durable.purged.index > applied);
}

/** These two can talk to one another, whoever cut them off. */
function connect(world: World, one: SimNode, other: SimNode): void {
  if (world.phase.name !== 'chaos') return;
  world.links.of(one.id, other.id).isCut = false;
  world.links.of(other.id, one.id).isCut = false;
}

function isOfLog({ path }: SimOperation): boolean {
  return !path.includes('/snapshots');
}
