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
  node.store.stallMs = between(world.choices, 'nemesis.stallLongMs', 100, 4000);
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
  const type = pick(choices, 'nemesis.diskCall', [
    'sync',
    'write',
    'read',
    'create',
    'rename',
    'unlink',
    'syncDirectory',
    'truncate',
  ] as const);
  const code =
    type === 'write' || type === 'create'
      ? pick(choices, 'nemesis.diskCode', ['EIO', 'ENOSPC'] as const)
      : 'EIO';
  node.store.fail({
    type,
    code,
    after: choices.choose('nemesis.diskAfter', 8),
    landedBytes: choices.choose('nemesis.diskLanded', 1200),
    keepsCache: choices.choose('nemesis.diskCache', 2) === 1,
  });
  tell(world, node, 'disk.error', `${code} at a ${type}`);
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
  const node = pickNode(world, ({ isUp, isPaused }) => isUp && !isPaused);
  const process = node?.process;
  if (node === undefined || process === undefined) return;
  node.pause();
  tell(world, node, 'process.pause', 'stands still');
  const longestMs = pick(world.choices, 'nemesis.pauseLong', [200, 1500, 6000]);
  endLater(world, 'pauseMs', longestMs, () => {
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
