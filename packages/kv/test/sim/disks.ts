import { between, pick } from '../../../quorate/test/sim/choices.ts';
import type { SimMember } from './member.ts';
import { mayLeave, replaceLost } from './membership.ts';
import { pickMember } from './nemesis-picks.ts';
import { restartLater } from './restarts.ts';
import { maySpareOne } from './trouble.ts';
import type { KvWorld } from './world.ts';

/** Until there are files that are old enough. */
const mostTries = 8;
const againMs = 400;

/**
 * Something on the disk of one member goes bad for good: a bit, a sector, or the end of a file. The
 * member must stop at the latest when it reads that, and is replaced then; or never need it again.
 */
export function damageDisk(world: KvWorld): void {
  tryDamage(world, mostTries);
}

function tryDamage(world: KvWorld, tries: number): void {
  if (!maySpareOne(world)) return;
  const one = pickMember(world, (member) => member.isUp && mayLeave(world, member));
  if (one === undefined) return;
  const way = pick(world.choices, 'nemesis.damageWay', ['bit', 'sector', 'end'] as const);
  const trouble = { type: 'damage' as const, member: one };
  world.trouble = trouble;
  const { life } = one;
  // There is one snapshot, and many segments.
  const wantsSnapshot = world.choices.choose('nemesis.damageSnapshot', 2) === 1;
  const isMeant = (path: string): boolean => !wantsSnapshot || path.endsWith('.snap');
  void one.disk.damage(way, isMeant).then((what) => {
    if (world.trouble !== trouble) return;
    if (what === undefined) {
      world.trouble = undefined;
      if (tries > 1) world.queue.after(againMs, () => tryDamage(world, tries - 1));
      return;
    }
    world.fault('disk.damage', `${one.name}: ${way} of ${what}`);
    if (world.choices.choose('nemesis.damageRestart', 3) > 0) endLater(world, one, life);
  });
}

/** Whoever starts again reads all that it has. */
function endLater(world: KvWorld, one: SimMember, life: number): void {
  world.queue.after(between(world.choices, 'nemesis.damageMs', 10, 2000), () => {
    if (world.isCalm || world.isOver || one.life !== life || !one.isAlive) return;
    one.crash(pick(world.choices, 'nemesis.crashKind', ['kill', 'power'] as const));
    restartLater(world, one);
  });
}

/**
 * A read brings what is elsewhere, or was there before. What a start reads is left alone: at the
 * end of a log such bytes are what a power cut in the last write leaves, and no log can tell.
 */
export function misread(world: KvWorld): void {
  const one = pickMember(world, ({ isUp }) => isUp);
  if (one === undefined) return;
  const { choices } = world;
  const { life } = one;
  one.disk.fail({
    type: 'read',
    code: 'EIO',
    after: choices.choose('nemesis.misreadAfter', 4),
    misreads: pick(choices, 'nemesis.misread', [512, -512, 4096, 'older'] as const),
    where: () => one.isUp && one.life === life,
  });
  world.fault('disk.misread', one.name);
}

/**
 * A member could not start, or has stopped, by what its disk gave it. One whose disk is bad for
 * good is replaced by an operator; the other one is started again.
 */
export function stoppedByDisk(
  world: KvWorld,
  one: SimMember,
  { isStart }: { isStart: boolean },
): void {
  world.mark(isStart ? 'damage found at a start' : 'damage found in a read');
  const { trouble } = world;
  if (!isStart || trouble?.type !== 'damage' || trouble.member !== one) {
    restartLater(world, one);
    return;
  }
  world.queue.after(between(world.choices, 'nemesis.mendMs', 10, 1500), () => {
    if (world.trouble === trouble) replaceLost(world, one);
  });
}

/** A start reads all that counts, so what was damaged was needed no more. */
export function outlived(world: KvWorld, one: SimMember): void {
  const { trouble } = world;
  if (trouble?.type !== 'damage' || trouble.member !== one || !one.disk.isDamaged) return;
  world.mark('damage outlived');
  one.disk.isDamaged = false;
  world.trouble = undefined;
}
