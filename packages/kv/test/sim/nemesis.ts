import { between, pick } from '../../../quorate/test/sim/choices.ts';
import { NarrowLink } from '../../../quorate/test/sim/link-trouble.ts';
import type { SimProcess } from '../../../quorate/test/sim/process.ts';
import { damageDisk, misread } from './disks.ts';
import { type FaultKind, faultKinds } from './knobs.ts';
import type { SimMember } from './member.ts';
import { changeMembers, replaceOne } from './membership.ts';
import { pickMember } from './nemesis-picks.ts';
import { restartLater } from './restarts.ts';
import { makeStrange } from './strange-state.ts';
import type { KvWorld } from './world.ts';

type Action = (world: KvWorld) => void;

const actions: Readonly<Partial<Record<FaultKind, Action>>> = {
  'net.reset': reset,
  'net.clog': clog,
  'net.narrow': narrow,
  'net.partition': partition,
  'net.isolate': isolate,
  'disk.slow': slowDisk,
  'disk.stall': stallingDisk,
  'disk.damage': damageDisk,
  'disk.misread': misread,
  'state.differs': makeStrange,
  'process.crash': crashOne,
  'process.crashAll': crashAll,
  'process.pause': pauseOne,
  'process.slow': slowOne,
  'process.close': closeOne,
  'clock.change': changeClock,
  'operation.transfer': transfer,
  'operation.snapshot': snapshot,
  'operation.replace': replaceOne,
  'operation.members': changeMembers,
  'client.crash': crashClient,
  'client.pause': pauseClient,
};

/** Lets something go wrong now and then, until the calm begins. */
export function startNemesis(world: KvWorld): void {
  const { faults, nemesisMs, net } = world.knobs;
  if (faults['net.loss']) world.links.faults.lossPerMille = net.lossPerMille;
  if (faults['net.tail']) world.links.faults.tailPerMille = 10;
  const possible = faultKinds.flatMap((kind) => (faults[kind] ? (actions[kind] ?? []) : []));
  // What the run is about comes often.
  if (world.knobs.focus === 'disks') possible.push(damageDisk, damageDisk, damageDisk);
  if (world.knobs.focus === 'members') possible.push(changeMembers, replaceOne);
  if (possible.length === 0) return;
  const act = (): void => {
    if (world.isCalm || world.isOver) return;
    pick(world.choices, 'nemesis.action', possible)(world);
    world.queue.after(between(world.choices, 'nemesis.ms', nemesisMs / 4, nemesisMs * 2), act);
  };
  act();
}

/** Nothing is wrong any more, and everybody lives. */
export function heal(world: KvWorld): void {
  const { faults } = world.links;
  faults.lossPerMille = 0;
  faults.tailPerMille = 0;
  for (const [, , link] of world.links.all()) link.cure();
  for (const { disk, process } of world.members.values()) {
    disk.cure();
    if (process !== undefined) well(process);
  }
  for (const { process } of world.clients.values()) if (process !== undefined) well(process);
  // One that is to come is started by whoever lets it.
  for (const member of world.members.values()) if (member.life > 0) member.start();
}

function well(process: SimProcess): void {
  process.slowMs = 0;
  if (process.isPaused && !process.isDead) process.resume();
}

/** Ends a fault after a while, unless the calm has ended it already. */
function endLater(world: KvWorld, label: string, longestMs: number, end: () => void): void {
  const ms = between(world.choices, `nemesis.${label}`, longestMs / 50, longestMs);
  world.queue.after(ms, () => {
    if (!world.isCalm && !world.isOver) end();
  });
}

function allNames(world: KvWorld): string[] {
  return [...world.members.keys(), ...world.clients.keys()];
}

function reset(world: KvWorld): void {
  const links = [...world.links.all()].filter(
    ([, , { underWay, wires }]) => underWay.size + wires.size > 0,
  );
  if (links.length === 0) return;
  const [from, to, link] = pick(world.choices, 'nemesis.resetLink', links);
  const isTold = world.choices.choose('nemesis.resetTold', 2) === 0;
  link.reset({ isTold });
  world.fault('net.reset', `${from} to ${to}${isTold ? ', told' : ''}`);
}

/** What is sent meanwhile arrives at the end, all at once. */
function clog(world: KvWorld): void {
  const [from, to] = pickPair(world);
  const until = world.now + between(world.choices, 'nemesis.clogMs', 20, 2500);
  world.links.of(from, to).cloggedUntil = until;
  world.fault('net.clog', `${from} to ${to} until ${Math.round(until)}`);
}

/** Little gets through at a time. */
function narrow(world: KvWorld): void {
  const [from, to] = pickPair(world);
  const link = world.links.of(from, to);
  if (link.trouble !== undefined) return;
  link.trouble = new NarrowLink({
    capacity: 20,
    slotMs: between(world.choices, 'nemesis.slotMs', 1, 15),
    onDrop: () => world.countFault('net.narrow drop'),
  });
  world.fault('net.narrow', `${from} to ${to}`);
  endLater(world, 'narrowMs', 3000, () => {
    link.trouble?.end();
    link.trouble = undefined;
  });
}

function pickPair(world: KvWorld): readonly [string, string] {
  const members = [...world.members.keys()];
  const from = pick(world.choices, 'nemesis.linkFrom', members);
  const others = allNames(world).filter((name) => name !== from);
  const to = pick(world.choices, 'nemesis.linkTo', others);
  return world.choices.choose('nemesis.linkBack', 2) === 0 ? [from, to] : [to, from];
}

/** Two groups that do not hear each other, or of which one hears the other. */
function partition(world: KvWorld): void {
  const left: string[] = [];
  const right: string[] = [];
  for (const name of allNames(world)) {
    (world.choices.choose('nemesis.side', 2) === 0 ? left : right).push(name);
  }
  const isOneWay = world.choices.choose('nemesis.oneWay', 3) === 2;
  const links = left.flatMap((one) => right.map((other) => [one, other] as const));
  const back = isOneWay ? [] : links.map(([one, other]) => [other, one] as const);
  cut(world, 'net.partition', [...links, ...back]);
}

/** Whoever leads is cut off from the other members, wholly or in one direction. */
function isolate(world: KvWorld): void {
  const leader = [...world.members.values()].find(({ leads }) => leads);
  if (leader === undefined) return;
  const way = pick(world.choices, 'nemesis.isolatedWay', ['both', 'deaf', 'mute']);
  const links: (readonly [string, string])[] = [];
  for (const other of world.members.keys()) {
    if (other === leader.name) continue;
    if (way !== 'deaf') links.push([leader.name, other]);
    if (way !== 'mute') links.push([other, leader.name]);
  }
  cut(world, 'net.isolate', links);
}

function cut(world: KvWorld, kind: FaultKind, links: readonly (readonly [string, string])[]): void {
  const fresh = links.map(([from, to]) => world.links.of(from, to)).filter(({ isCut }) => !isCut);
  for (const link of fresh) link.isCut = true;
  world.fault(kind, links.map(([from, to]) => `${from}>${to}`).join(' '));
  endLater(world, 'cutMs', 3500, () => {
    for (const link of fresh) link.isCut = false;
    world.tell(`${kind} heals`);
  });
}

function slowDisk(world: KvWorld): void {
  const member = pickMember(world, ({ disk }) => disk.slowness === 1);
  if (member === undefined) return;
  member.disk.slowness = pick(world.choices, 'nemesis.diskSlowness', [4, 20, 100]);
  world.fault('disk.slow', member.name);
  endLater(world, 'diskSlowMs', 4000, () => {
    member.disk.slowness = 1;
  });
}

function stallingDisk(world: KvWorld): void {
  const member = pickMember(world, ({ disk }) => disk.stallPerMille === 0);
  if (member === undefined) return;
  member.disk.stallPerMille = 30;
  member.disk.stallMs = between(world.choices, 'nemesis.stallLongMs', 100, 3000);
  world.fault('disk.stall', member.name);
  endLater(world, 'diskStallMs', 4000, () => {
    member.disk.stallPerMille = 0;
  });
}

function crashOne(world: KvWorld): void {
  const member = pickMember(world, ({ isAlive }) => isAlive);
  if (member === undefined) return;
  world.fault('process.crash', member.name);
  crash(world, member);
}

function crashAll(world: KvWorld): void {
  const isAll = world.choices.choose('nemesis.crashAll', 2) === 1;
  for (const member of world.members.values()) {
    if (!member.isAlive || (!isAll && world.choices.choose('nemesis.crashToo', 2) === 0)) continue;
    world.fault('process.crashAll', member.name);
    crash(world, member);
  }
}

function crash(world: KvWorld, member: SimMember): void {
  member.crash(pick(world.choices, 'nemesis.crashKind', ['kill', 'power'] as const));
  restartLater(world, member);
}

function pauseOne(world: KvWorld): void {
  const member = pickMember(world, ({ isUp, isPaused }) => isUp && !isPaused);
  if (member?.process === undefined) return;
  standStill(world, 'process.pause', member.name, member.process);
}

function pauseClient(world: KvWorld): void {
  const clients = [...world.clients.values()].filter(({ process }) => process?.isPaused === false);
  if (clients.length === 0) return;
  const { process, name } = pick(world.choices, 'nemesis.client', clients);
  if (process !== undefined) standStill(world, 'client.pause', name, process);
}

function standStill(world: KvWorld, kind: FaultKind, name: string, process: SimProcess): void {
  process.pause();
  world.fault(kind, name);
  const longestMs = pick(world.choices, 'nemesis.pauseLong', [200, 1500, 5000]);
  endLater(world, 'pauseMs', longestMs, () => {
    if (!process.isDead && process.isPaused) process.resume();
  });
}

function slowOne(world: KvWorld): void {
  const member = pickMember(world, ({ process }) => process?.slowMs === 0);
  const { process } = member ?? {};
  if (member === undefined || process === undefined) return;
  process.slowMs = world.knobs.slowMs;
  world.fault('process.slow', member.name);
  endLater(world, 'slowProcessMs', 2000, () => {
    process.slowMs = 0;
  });
}

/** An orderly end, as at an upgrade, and another start. */
function closeOne(world: KvWorld): void {
  const member = pickMember(world, ({ isUp, isPaused }) => isUp && !isPaused);
  if (member === undefined) return;
  world.fault('process.close', member.name);
  member.close().then(
    () => {
      if (!member.isAlive) restartLater(world, member);
    },
    (error: unknown) => world.fail(error),
  );
}

function changeClock(world: KvWorld): void {
  const all = [...world.members.values(), ...world.clients.values()];
  const one = pick(world.choices, 'nemesis.clock', all);
  one.rate = world.drawRate();
  one.process?.setRate(one.rate);
  world.fault('clock.change', `${one.name} ${one.rate.toFixed(3)}`);
}

/** An operator asks some member, which passes that on to the leader. */
function transfer(world: KvWorld): void {
  const asked = pickMember(world, ({ isUp, isPaused }) => isUp && !isPaused);
  const { member, process } = asked ?? {};
  if (asked === undefined || member === undefined || process === undefined) return;
  world.fault('operation.transfer', asked.name);
  const { signal } = new AbortController();
  process.enter(() => {
    member.service.transferLeadership(undefined, { signal }).catch(() => undefined);
  });
}

function snapshot(world: KvWorld): void {
  const asked = pickMember(world, ({ isUp, isPaused }) => isUp && !isPaused);
  const { member, process } = asked ?? {};
  if (asked === undefined || member === undefined || process === undefined) return;
  world.fault('operation.snapshot', asked.name);
  process.enter(() => {
    member.raft.takeSnapshot().catch(() => undefined);
  });
}

function crashClient(world: KvWorld): void {
  const clients = [...world.clients.values()].filter(({ isAlive }) => isAlive);
  if (clients.length === 0) return;
  const client = pick(world.choices, 'nemesis.client', clients);
  world.fault('client.crash', client.name);
  client.crash();
  restartLater(world, client);
}
