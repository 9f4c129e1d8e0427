import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { NemesisAction } from './nemesis.ts';
import { isKnownByDisk } from './nemesis-members.ts';
import { pickNode } from './nemesis-nodes.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** What gives back something else than was written. */
export const diskActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'disk.damage': damage,
  'disk.misread': misread,
  'member.oldDisk': oldDisk,
};

/** How often it is looked whether the others know enough for an old copy to be put back. */
const looks = 12;

/**
 * Something on a disk goes bad for good. The node must stop at the latest when it reads it, or read
 * what was written. One disk at a time, so that what it had is on others.
 */
function damage(world: World): void {
  if (hasDoubted(world)) return;
  const node = pickNode(world, ({ life }) => life > 0);
  if (node === undefined) return;
  const way = pick(world.choices, 'nemesis.damageWay', ['bit', 'sector', 'end'] as const);
  void node.store.damage(way).then((what) => {
    if (what === undefined) return;
    node.isDoubted = true;
    world.trace.add({ type: 'disk', node: node.id, text: `${way} of ${what} is bad` });
    world.fault('disk.damage', `${node.id}: ${way} of ${what}`);
  });
}

/**
 * A read brings bytes from another place, or old ones. What a start reads is left alone: at the end
 * of a log such bytes are what a power cut in the last write leaves, and no log can tell.
 */
function misread(world: World): void {
  const node = pickNode(world, ({ isUp }) => isUp);
  if (node === undefined) return;
  const { choices } = world;
  const misreads = pick(choices, 'nemesis.misread', [512, -512, 4096, 'older'] as const);
  const { life } = node;
  node.store.fail({
    type: 'read',
    code: 'EIO',
    after: choices.choose('nemesis.misreadAfter', 4),
    misreads,
    where: () => {
      const isMeant = node.isUp && node.life === life;
      if (isMeant) world.countFault('disk.misread reads');
      return isMeant;
    },
  });
  const text = `a read brings ${misreads === 'older' ? 'old bytes' : `those at ${misreads}`}`;
  world.trace.add({ type: 'disk', node: node.id, text });
  world.fault('disk.misread', `${node.id}: ${text}`);
}

/**
 * A copy of a disk is made, its node goes on, is started again and meets all others; then the copy
 * is put in the place of the disk. All that it promised meanwhile is forgotten, and somebody who
 * knows must be in time to say so. It is not done where nobody could know: see `World.beforeStart`.
 */
function oldDisk(world: World): void {
  const isUnderWay = [...world.nodes.values()].some(({ copied }) => copied !== undefined);
  if (isUnderWay || hasDoubted(world)) return;
  const node = pickNode(world, ({ id, isUp }) => isUp && isKnownByDisk(world, id));
  if (node === undefined) return;
  const { life } = node;
  const copied = { files: node.store.copy(), life };
  node.copied = copied;
  world.countFault('member.oldDisk copied');
  node.crash('kill');
  world.restartLater(node);
  let left = looks;
  const look = (): void => {
    if (world.phase.name !== 'chaos' || node.copied !== copied) return;
    left -= 1;
    if (isRemembered(world, node, life) && !hasDoubted(world)) {
      node.putBack(copied.files);
      node.isDoubted = true;
      world.fault('member.oldDisk', `${node.id} comes back with the disk of its life ${life}`);
      world.restartLater(node);
    } else if (left > 0) later();
    else node.copied = undefined;
  };
  const later = (): void => {
    world.queue.after(between(world.choices, 'nemesis.oldDiskMs', 50, 900), look);
  };
  later();
}

/** All others are up and have heard of a process of this node that came after the copy. */
function isRemembered(world: World, node: SimNode, life: number): boolean {
  if (node.isRetired || !isKnownByDisk(world, node.id)) return false;
  return [...world.nodes.values()].every(
    (other) =>
      other === node || other.isRetired || (other.isUp && (other.met.get(node.id) ?? 0) > life),
  );
}

/** What was lost with one disk has to be on others, so there is one such at a time. */
function hasDoubted(world: World): boolean {
  return [...world.nodes.values()].some(({ isDoubted, isRetired }) => isDoubted && !isRetired);
}
