import type { SimMember } from './member.ts';
import type { KvWorld } from './world.ts';

/*
 * Faults in an order that chance hardly ever finds, for workers that know when something of theirs
 * is about to end.
 */

/** How often it is looked whether somebody else leads by now. */
const lookMs = 5;
/** How long that is waited for. */
const patienceMs = 2000;

/** One at a time, or none comes to its end. */
export function reserve(world: KvWorld, ms: number): boolean {
  if (world.isCalm || world.now < world.reservedUntil) return false;
  world.reservedUntil = world.now + ms;
  return true;
}

/**
 * The leader hands over, and whoever takes over hears of it `heldMs` later: so long the old one
 * keeps what it is to do. What it says to the new one then takes `lateMs` more on its way.
 */
export function handOverLate(
  world: KvWorld,
  { heldMs, lateMs }: { readonly heldMs: number; readonly lateMs: number },
): void {
  const leader = leaderOf(world);
  const { member, process } = leader ?? {};
  const [next] = othersOf(world, leader);
  if (world.isCalm || leader === undefined || next === undefined) return;
  if (member === undefined || process === undefined) return;
  clog(world, leader, { to: next, ms: heldMs });
  world.fault('operation.transfer', `${leader.name} to ${next.name}, held ${Math.round(heldMs)}`);
  process.enter(() => {
    member.raft.transferLeadership(next.name).catch(() => undefined);
  });
  const until = world.now + patienceMs;
  const look = (): void => {
    if (world.isCalm || world.isOver || world.now > until) return;
    if (!next.leads) {
      world.queue.after(lookMs, look);
      return;
    }
    clog(world, leader, { to: next, ms: lateMs });
    world.mark('late word of an old leader');
  };
  look();
}

/**
 * Cuts the leader off from the other members for a while; clients still reach it. Returns where it
 * is.
 */
export function isolateLeader(world: KvWorld, ms: number): string | undefined {
  const leader = leaderOf(world);
  if (world.isCalm || leader === undefined) return undefined;
  const links = othersOf(world, leader).flatMap((other) => [
    world.links.of(leader.name, other.name),
    world.links.of(other.name, leader.name),
  ]);
  const fresh = links.filter(({ isCut }) => !isCut);
  for (const link of fresh) link.isCut = true;
  world.fault('net.isolate', `${leader.name} for ${Math.round(ms)}`);
  world.queue.after(ms, () => {
    if (world.isCalm || world.isOver) return;
    for (const link of fresh) link.isCut = false;
  });
  return leader.address;
}

function clog(
  world: KvWorld,
  { name }: SimMember,
  { to, ms }: { readonly to: SimMember; readonly ms: number },
): void {
  const link = world.links.of(name, to.name);
  link.cloggedUntil = Math.max(link.cloggedUntil, world.now + ms);
}

function leaderOf(world: KvWorld): SimMember | undefined {
  return [...world.members.values()].find(
    ({ leads, isUp, isPaused }) => leads && isUp && !isPaused,
  );
}

function othersOf(world: KvWorld, leader: SimMember | undefined): readonly SimMember[] {
  const members = [...world.members.values()];
  return members.filter((other) => other !== leader && other.isUp && !other.isPaused);
}
