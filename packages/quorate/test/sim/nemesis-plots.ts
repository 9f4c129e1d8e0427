import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { NemesisAction } from './nemesis.ts';
import { endLater } from './nemesis-net.ts';
import type { CrashPoint, SimNode } from './node.ts';
import { contradicted } from './plot-contradicted.ts';
import { held } from './plot-held.ts';
import {
  cutOff,
  giveSome,
  handOver,
  hasSuccessor,
  hinder,
  leaderOf,
  pass,
  streamTo,
  takeSnapshot,
  until,
} from './plot-moves.ts';
import { older, wiped } from './plot-others.ts';
import { demandSite } from './sites.ts';
import type { World } from './world.ts';

/**
 * Faults that hang together: each waits for what the one before has led to. What takes three things
 * in a row would hardly ever come of faults that know nothing of each other.
 */
export const plotActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'plot.leapfrog': (world) => play(world, 'plot.leapfrog', leapfrog),
  'plot.behind': (world) => play(world, 'plot.behind', behind),
  'plot.held': (world) => play(world, 'plot.held', held),
  'plot.older': (world) => play(world, 'plot.older', older),
  'plot.contradicted': (world) => play(world, 'plot.contradicted', contradicted),
  'plot.wiped': (world) => play(world, 'plot.wiped', wiped),
};

/** Two plots at once would spoil each other. */
const underWay = new WeakSet<World>();

function play(world: World, kind: FaultKind, plot: (world: World) => Promise<void>): void {
  if (underWay.has(world) || leaderOf(world) === undefined) return;
  underWay.add(world);
  world.fault(kind, 'begins');
  void plot(world).finally(() => underWay.delete(world));
}

/**
 * One leader after the other is cut off while it is given entries that nobody else will have, and
 * comes back when another one has committed its own in their place.
 */
async function leapfrog(world: World): Promise<void> {
  const rounds = 2 + world.choices.choose('nemesis.plotRounds', 4);
  let healLast = (): void => {};
  for (let round = 0; round < rounds; round += 1) {
    const leader = leaderOf(world);
    if (leader === undefined || world.phase.name !== 'chaos') return healLast();
    hinder(world, leader);
    const heal = cutOff(world, 'plot.leapfrog', leader);
    await giveSome(world, leader);
    healLast();
    healLast = heal;
    const mayGoOn = await until(world, 5000, () => hasSuccessor(world, leader));
    if (!mayGoOn) break;
    const next = leaderOf(world);
    if (next !== undefined) await giveSome(world, next);
    if (world.choices.choose('nemesis.plotHeal', 2) === 0) {
      heal();
      const isMeant = world.choices.choose('nemesis.plotBack', 2) === 1;
      if (next !== undefined && isMeant) await bringBack(world, next, leader);
    }
    await pass(world, between(world.choices, 'nemesis.plotWaitMs', 0, 400));
  }
  healLast();
}

/** The one that was cut off leads again, as soon as it has what the other one committed. */
async function bringBack(world: World, from: SimNode, to: SimNode): Promise<void> {
  const hasAll = (): boolean => to.state?.last.term === from.state?.term;
  if (await until(world, 1500, hasAll)) handOver(world, from, to.id);
  if (await until(world, 1000, () => leaderOf(world) === to)) await giveSome(world, to);
}

/** A node is kept away until the log that it needs is gone, and meets with all sorts of trouble. */
async function behind(world: World): Promise<void> {
  const { choices } = world;
  const nodes = [...world.nodes.values()].filter(({ isUp, isRetired }) => isUp && !isRetired);
  const leader = leaderOf(world);
  if (leader === undefined || nodes.length < 2) return;
  const isLeaders = choices.choose('nemesis.plotLeader', 2) === 1;
  const others = nodes.filter((node) => node !== leader);
  const victim = isLeaders ? leader : pick(choices, 'nemesis.plotVictim', others);
  hinder(world, victim);
  await giveSome(world, leader);
  const heal = cutOff(world, 'plot.behind', victim);
  await giveSome(world, victim);
  const hasLeader = (): boolean => {
    const now = leaderOf(world);
    return now !== undefined && now !== victim;
  };
  if (!(await until(world, 5000, hasLeader))) return heal();
  const purger = leaderOf(world) as SimNode;
  await giveSome(world, purger);
  const isForAll = choices.choose('nemesis.plotAll', 3) === 2;
  for (const node of isForAll ? nodes : [purger]) if (node !== victim) takeSnapshot(world, node);
  const isGone = (): boolean => purger.durable.purged.index > (victim.state?.committed ?? 0);
  await until(world, 1500, isGone);
  slowStreams(world);
  if (victim.isAlive && choices.choose('nemesis.plotCrash', 3) === 2) {
    victim.crashPoint ??= drawPoint(world);
  }
  heal();
  const count = 2 + choices.choose('nemesis.plotTroubles', 8);
  for (let done = 0; done < count; done += 1) {
    await until(world, 400, () => streamTo(world, victim) !== undefined);
    if (!(await pass(world, between(choices, 'nemesis.plotTroubleMs', 0, 60)))) return;
    trouble(world, victim);
  }
}

/** One more thing for a node that is being sent a snapshot, and for whoever sends it. */
function trouble(world: World, victim: SimNode): void {
  const { choices } = world;
  const what = pick(choices, 'nemesis.plotTrouble', [
    'nothing',
    'break',
    'break',
    'forget',
    'forget',
    'new snapshot',
    'own snapshot',
    'transfer',
    'cut leader',
    'crash',
    'crash at',
    'bounce',
    'bounce',
    'writes',
  ] as const);
  const leader = leaderOf(world);
  const sender = streamTo(world, victim) ?? leader?.id;
  world.countFault(`plot: ${what}`);
  if (what === 'break' && sender !== undefined) {
    world.links.of(sender, victim.id).reset();
  } else if (what === 'forget') {
    // What it has is told to the sender, and is gone when that goes on from there.
    demandSite(world, 'receiver.breakOff', choices.choose('nemesis.plotPieces', 3));
    demandSite(world, 'snapshots.forgetPart');
  } else if (what === 'new snapshot' && leader !== undefined) {
    void giveSome(world, leader).then(() => takeSnapshot(world, leader));
  } else if (what === 'own snapshot') takeSnapshot(world, victim);
  else if (what === 'writes' && leader !== undefined) void giveSome(world, leader);
  else if (what === 'transfer' && leader !== undefined) {
    handOver(world, leader, undefined);
  } else if (what === 'bounce' && leader !== undefined) {
    void bounce(world, leader, victim);
  } else if (what === 'cut leader' && leader !== undefined) {
    endLater(world, 'plotCutMs', 1500, cutOff(world, 'plot.behind', leader));
  } else if (what === 'crash') {
    victim.crash(pick(choices, 'nemesis.crashKind', ['kill', 'power'] as const));
    world.restartLater(victim);
  } else if (what === 'crash at' && victim.isAlive && victim.crashPoint === undefined) {
    victim.crashPoint = drawPoint(world);
  }
}

/** The stream breaks, another one leads for a while, and then the same one again. */
async function bounce(world: World, leader: SimNode, victim: SimNode): Promise<void> {
  world.links.of(leader.id, victim.id).reset();
  await pass(world, between(world.choices, 'nemesis.plotBounceMs', 0, 300));
  const others = [...world.nodes.values()].filter(
    (node) => node !== leader && node !== victim && node.isUp,
  );
  if (others.length === 0) return;
  const other = pick(world.choices, 'nemesis.plotBounce', others);
  handOver(world, leader, other.id);
  if (await until(world, 1500, () => leaderOf(world) === other)) {
    handOver(world, other, leader.id);
  }
}

/** Snapshots are small here; this makes time for something to happen to one under way. */
function slowStreams(world: World): void {
  const { faults } = world.links;
  if (world.phase.name !== 'chaos' || faults.slowKind !== undefined) return;
  faults.slowKind = 'installSnapshot';
  faults.slowMs = between(world.choices, 'nemesis.plotStreamMs', 0, 150);
  endLater(world, 'plotStreamEndMs', 6000, () => {
    faults.slowKind = undefined;
  });
}

/** Somewhere between the last byte of a snapshot and the log that begins after it. */
function drawPoint({ choices }: World): CrashPoint {
  const what = pick(choices, 'nemesis.plotPoint', [
    'rename',
    'rename',
    'syncDirectory',
    'sync',
    'write',
  ]);
  const skip = choices.choose('nemesis.plotPointSkip', 2);
  return { what, when: 'after', how: 'kill', skip } as CrashPoint;
}
