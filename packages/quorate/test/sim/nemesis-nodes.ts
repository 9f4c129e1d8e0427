import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { NemesisAction } from './nemesis.ts';
import { endLater } from './nemesis-net.ts';
import type { CrashPoint, SimNode } from './node.ts';
import type { World } from './world.ts';

/** What can go wrong with disks and processes. */
export const nodeActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'disk.slow': slowDisk,
  'disk.stall': stallingDisk,
  'disk.error': failingDisk,
  'disk.full': fullDisk,
  'process.crash': crashOne,
  'process.crashAt': crashAt,
  'process.crashAll': crashMany,
  'process.pause': pauseOne,
  'process.slow': slowOne,
  'process.close': closeOne,
  'clock.change': changeClock,
  'clock.frozen': freezeOne,
};

const points: readonly CrashPoint['what'][] = [
  'send',
  'answer',
  'write',
  'sync',
  'rename',
  'create',
  'unlink',
  'syncDirectory',
  'truncate',
];

const pointKinds: readonly CrashPoint['kind'][] = [
  undefined,
  'appendEntries',
  'requestVote',
  'installSnapshot',
  'timeoutNow',
];

function slowDisk(world: World): void {
  const node = pickNode(world, ({ store }) => store.slowness === 1);
  if (node === undefined) return;
  const factor = pick(world.choices, 'nemesis.diskSlowness', [4, 20, 100]);
  node.store.slowness = factor;
  tell(world, node, 'disk.slow', `is ${factor} times slower`);
  endLater(world, 'diskSlowMs', 4000, () => {
    node.store.slowness = 1;
  });
}

function stallingDisk(world: World): void {
  const node = pickNode(world, ({ store }) => store.stallPerMille === 0);
  if (node === undefined) return;
  node.store.stallPerMille = 30;
  node.store.stallMs = between(world.choices, 'nemesis.stallLongMs', 100, 10_000);
  tell(world, node, 'disk.stall', 'stalls now and then');
  endLater(world, 'diskStallMs', 4000, () => {
    node.store.stallPerMille = 0;
  });
}

/** One of the next calls fails; the node must stop, and comes up again on what is there. */
function failingDisk(world: World): void {
  const node = pickNode(world, ({ isUp }) => isUp);
  if (node === undefined) return;
  const { choices } = world;
  // What a node promises rests on its writes, so they fail most often.
  const type = pick(choices, 'nemesis.diskCall', [
    'sync',
    'write',
    'write',
    'write',
    'write',
    'read',
    'create',
    'rename',
    'unlink',
    'syncDirectory',
    'truncate',
  ] as const);
  const code =
    type === 'read' ? 'EIO' : pick(choices, 'nemesis.diskCode', ['EIO', 'ENOSPC'] as const);
  // A log that is full and a snapshot that cannot be put in its place are not the same.
  const part = pick(choices, 'nemesis.diskPart', ['', '', '/log', '/snapshots'] as const);
  node.store.fail({
    type,
    code,
    ...(part === '' ? {} : { where: ({ path }) => path.includes(part) }),
    after: choices.choose('nemesis.diskAfter', 8),
    landedBytes: choices.choose('nemesis.diskLanded', 1200),
    keepsCache: choices.choose('nemesis.diskCache', 2) === 1,
  });
  tell(world, node, 'disk.error', `${code} at a ${type}${part === '' ? '' : ` in ${part}`}`);
}

function fullDisk(world: World): void {
  const node = pickNode(
    world,
    ({ isUp, store }) => isUp && store.files.capacityBytes === undefined,
  );
  if (node === undefined) return;
  const bytes = world.choices.choose('nemesis.diskRoom', 64) * 1024;
  void node.store.limit(bytes);
  tell(world, node, 'disk.full', `has room for ${bytes} bytes`);
  endLater(world, 'diskFullMs', 4000, () => void node.store.limit(undefined));
}

function crashOne(world: World): void {
  const node = pickNode(world, ({ isAlive }) => isAlive);
  if (node === undefined) return;
  tell(world, node, 'process.crash', 'crashes');
  node.crash(drawCrash(world));
  world.restartLater(node);
}

function crashAt(world: World): void {
  const node = pickNode(world, ({ isAlive, crashPoint }) => isAlive && crashPoint === undefined);
  if (node === undefined) return;
  const { choices } = world;
  const what = pick(choices, 'nemesis.point', points);
  const isCall = what === 'send' || what === 'answer';
  const when = pick(choices, 'nemesis.pointWhen', ['before', 'after'] as const);
  // After a call of the disk has ended, what it did is there.
  const how = !isCall && when === 'after' ? 'kill' : drawCrash(world);
  const kind = isCall ? pick(choices, 'nemesis.pointKind', pointKinds) : undefined;
  node.crashPoint = { what, kind, when, how, skip: choices.choose('nemesis.pointSkip', 6) };
}

function crashMany(world: World): void {
  const isAll = world.choices.choose('nemesis.crashAll', 2) === 0;
  for (const node of world.nodes.values()) {
    if (!node.isAlive || node.isRetired) continue;
    if (!isAll && world.choices.choose('nemesis.crashToo', 2) === 0) continue;
    tell(world, node, 'process.crashAll', 'crashes with others');
    node.crash(drawCrash(world));
    world.restartLater(node);
  }
}

function pauseOne(world: World): void {
  standStill(world, 'process.pause', { isFrozen: false });
}

/**
 * A virtual machine is suspended, and its clock with it. Leases rest on clocks that go; where reads
 * do so too, that is not done.
 */
function freezeOne(world: World): void {
  if (!world.knobs.leases) standStill(world, 'clock.frozen', { isFrozen: true });
}

function standStill(world: World, kind: FaultKind, { isFrozen }: { isFrozen: boolean }): void {
  const node = pickNode(world, ({ isUp, isPaused }) => isUp && !isPaused);
  const process = node?.process;
  if (node === undefined || process === undefined) return;
  node.pause({ isFrozen });
  tell(world, node, kind, isFrozen ? 'stands still with its clock' : 'stands still');
  const label = isFrozen ? 'frozen' : 'pause';
  const longestMs = pick(world.choices, `nemesis.${label}Long`, [200, 1500, 6000, 60_000]);
  endLater(world, `${label}Ms`, longestMs, () => {
    // Another process of the same node is none of this one's business.
    if (node.process === process) node.resume();
  });
}

function slowOne(world: World): void {
  const node = pickNode(world, ({ isAlive, slowMs }) => isAlive && slowMs === 0);
  if (node?.process === undefined) return;
  const { slowMs } = world.knobs.process;
  node.slowMs = slowMs;
  node.process.slowMs = slowMs;
  tell(world, node, 'process.slow', `takes ${slowMs} ms for each event`);
  endLater(world, 'slowNodeMs', 2000, () => {
    node.slowMs = 0;
    if (node.process !== undefined) node.process.slowMs = 0;
  });
}

/** A clock is set to another pace, within what all clocks keep to. */
function changeClock(world: World): void {
  const node = pickNode(world, ({ isAlive }) => isAlive);
  if (node?.process === undefined) return;
  const { slowest, fastest } = world.knobs.clock;
  node.rate = between(world.choices, 'clock.change', slowest, fastest);
  node.process.setRate(node.rate);
  const text = `goes at ${node.rate.toFixed(3)} from now on`;
  world.trace.add({ type: 'clock', node: node.id, text });
  tell(world, node, 'clock.change', text);
}

/** An orderly end, as at an upgrade, and another start. */
function closeOne(world: World): void {
  const node = pickNode(world, ({ isUp, isPaused }) => isUp && !isPaused);
  if (node === undefined) return;
  tell(world, node, 'process.close', 'is closed');
  const handOver = world.choices.choose('nemesis.handOver', 2) === 1;
  void node.close({ handOver }).then(() => {
    if (!node.isAlive) world.restartLater(node);
  });
}

/** One of those that are as wanted, now and then the leader on purpose. */
export function pickNode(world: World, isWanted: (node: SimNode) => boolean): SimNode | undefined {
  const nodes = [...world.nodes.values()].filter((node) => !node.isRetired && isWanted(node));
  if (nodes.length === 0) return undefined;
  const leader = nodes.find(({ state }) => state?.role === 'leader');
  const wantsLeader = world.choices.choose('nemesis.wantsLeader', 3) === 2;
  if (wantsLeader && leader !== undefined) return leader;
  return pick(world.choices, 'nemesis.node', nodes);
}

function drawCrash(world: World): 'kill' | 'power' {
  return pick(world.choices, 'nemesis.crashKind', ['kill', 'power'] as const);
}

function tell(world: World, node: SimNode, kind: FaultKind, text: string): void {
  if (kind.startsWith('disk')) world.trace.add({ type: 'disk', node: node.id, text });
  world.fault(kind, `${node.id} ${text}`);
}
