import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { NemesisAction } from './nemesis.ts';
import type { World } from './world.ts';

/** What was sent so long before is from another time. */
const longAgoMs = 1000;

type Links = readonly (readonly [from: NodeId, to: NodeId])[];

/** What can go wrong with the wires. */
export const netActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'net.loss': lossyWhile,
  'net.replay': replay,
  'net.reset': reset,
  'net.clog': clog,
  'net.slowKind': slowKind,
  'net.partition': partition,
  'net.isolate': isolate,
};

const kinds: readonly (keyof RaftRpc)[] = [
  'appendEntries',
  'requestVote',
  'installSnapshot',
  'identify',
  'readIndex',
  'forward',
  'timeoutNow',
];

function lossyWhile(world: World): void {
  const { faults } = world.links;
  if (faults.lossPerMille > 0) return;
  const perMille = world.knobs.net.lossPerMille;
  faults.lossPerMille = perMille;
  world.fault('net.loss', `${perMille} of 1000 messages are lost`);
  endLater(world, 'lossMs', 3000, () => {
    faults.lossPerMille = 0;
  });
}

/** Old calls come once more, from whatever term they are; often from long ago. */
function replay(world: World): void {
  // Over a connection nothing comes twice: it breaks.
  if (world.knobs.net.wire === 'tcp') return reset(world);
  const links = [...world.links.all()].filter(([, , { remembered }]) => remembered.length > 0);
  if (links.length === 0) return;
  const [, , link] = pick(world.choices, 'nemesis.replayLink', links);
  const isOld = world.choices.choose('nemesis.replayOld', 2) === 1 && link.kept.length > 0;
  const calls = isOld ? link.kept : link.remembered;
  const { again, message } = pick(world.choices, 'nemesis.replayed', calls);
  world.fault('net.replay', `message ${message.number} comes again`);
  if (world.now - message.sentAt > longAgoMs) world.countFault('net.replay of long ago');
  again();
}

/** A connection breaks. Those who wait for something that was on it may hear of that, or not. */
function reset(world: World): void {
  const links = [...world.links.all()].filter(
    ([, , { underWay, wires }]) => underWay.size + wires.size > 0,
  );
  if (links.length === 0) return;
  const [from, to, link] = pick(world.choices, 'nemesis.resetLink', links);
  const isTold = world.choices.choose('nemesis.resetTold', 2) === 1;
  const count = link.reset({ isTold });
  const how = isTold ? ', and both hear of it' : '';
  world.fault('net.reset', `${from} to ${to} breaks with ${count} messages${how}`);
}

/** What is sent meanwhile arrives at the end, all at once. */
function clog(world: World): void {
  const ids = [...world.nodes.keys()];
  const from = pick(world.choices, 'nemesis.clogFrom', ids);
  const isAll = world.choices.choose('nemesis.clogAll', 2) === 1;
  const one = pick(world.choices, 'nemesis.clogTo', ids);
  const until = world.now + between(world.choices, 'nemesis.clogMs', 20, 2500);
  for (const to of isAll ? ids : [one]) {
    if (to !== from) world.links.of(from, to).cloggedUntil = until;
  }
  world.fault('net.clog', `from ${from} to ${isAll ? 'all' : one} until ${Math.round(until)}`);
}

function slowKind(world: World): void {
  const { faults } = world.links;
  if (faults.slowKind !== undefined) return;
  const kind = pick(world.choices, 'nemesis.slowKind', kinds);
  faults.slowKind = kind;
  faults.slowMs = between(world.choices, 'nemesis.slowKindMs', 20, 1500);
  world.fault('net.slowKind', `${kind} takes ${Math.round(faults.slowMs)} ms more`);
  endLater(world, 'slowKindEndMs', 3000, () => {
    faults.slowKind = undefined;
  });
}

/** Two groups that do not hear each other, one that hears only, or two with a bridge between. */
function partition(world: World): void {
  const ids = shuffled(world, [...world.nodes.keys()]);
  if (ids.length < 2) return;
  const count = 1 + world.choices.choose('nemesis.partitionSize', ids.length - 1);
  const [left, right] = [ids.slice(0, count), ids.slice(count)];
  const shape = pick(world.choices, 'nemesis.partitionShape', [
    'two-way',
    'one-way',
    'bridge',
    'ring',
  ]);
  const bridge = shape === 'bridge' ? right[0] : undefined;
  const links: [NodeId, NodeId][] = [];
  for (const one of left) {
    for (const other of right) {
      if (other === bridge) continue;
      links.push([one, other]);
      if (shape !== 'one-way') links.push([other, one]);
    }
  }
  cut(world, 'net.partition', shape === 'ring' ? ringOf(ids) : links);
}

/** Each hears its neighbours alone: majorities overlap, and no two see the same one. */
function ringOf(ids: readonly NodeId[]): Links {
  const links: [NodeId, NodeId][] = [];
  for (const [at, one] of ids.entries()) {
    for (const [there, other] of ids.entries()) {
      const distance = Math.abs(at - there);
      if (distance > 1 && distance < ids.length - 1) links.push([one, other]);
    }
  }
  return links;
}

/** Whoever leads, or wants to, is cut off, wholly or in one direction; maybe again and again. */
function isolate(world: World): void {
  const wanted = pick(world.choices, 'nemesis.isolated', ['leader', 'candidate'] as const);
  const nodes = [...world.nodes.values()];
  const node =
    nodes.find(({ state }) => state?.role === wanted) ??
    nodes.find(({ state }) => state?.role === 'leader');
  if (node === undefined) return;
  const way = pick(world.choices, 'nemesis.isolatedWay', ['both', 'deaf', 'mute']);
  const others = [...world.nodes.keys()].filter((id) => id !== node.id);
  const links: [NodeId, NodeId][] = [];
  for (const other of others) {
    if (way !== 'deaf') links.push([node.id, other]);
    if (way !== 'mute') links.push([other, node.id]);
  }
  cut(world, 'net.isolate', links);
}

/** Cuts links, and heals them later; if it flaps, a few times over. */
function cut(world: World, kind: FaultKind, links: Links): void {
  const fresh = links.filter(([from, to]) => !world.links.of(from, to).isCut);
  if (fresh.length === 0) return;
  let left = world.choices.choose('nemesis.flaps', 3) === 2 ? 4 : 1;
  const longest = left > 1 ? 400 : 4000;
  const begin = (): void => {
    for (const [from, to] of fresh) world.links.of(from, to).isCut = true;
    world.trace.add({ type: 'cut', links: fresh });
    world.fault(kind, fresh.map(([from, to]) => `${from}>${to}`).join(' '));
    endLater(world, 'cutMs', longest, end);
  };
  const end = (): void => {
    for (const [from, to] of fresh) world.links.of(from, to).isCut = false;
    world.trace.add({ type: 'heal', links: fresh });
    left -= 1;
    if (left > 0) endLater(world, 'flapMs', longest, begin);
  };
  begin();
}

/** Ends a fault after a while. In the calm phase nothing begins or ends any more. */
export function endLater(world: World, label: string, longestMs: number, end: () => void): void {
  const ms = between(world.choices, `nemesis.${label}`, longestMs / 50, longestMs);
  world.queue.after(ms, () => {
    if (world.phase.name === 'chaos') end();
  });
}

export function shuffled(world: World, ids: readonly NodeId[]): NodeId[] {
  const rest = [...ids];
  const drawn: NodeId[] = [];
  while (rest.length > 0) {
    drawn.push(...rest.splice(world.choices.choose('nemesis.shuffle', rest.length), 1));
  }
  return drawn;
}
